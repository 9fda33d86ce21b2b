//! The gateway as a part of a process, whichever command runs it.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};

use tokio::runtime::Runtime;
use tokio::sync::watch;
use trueup_schemas::codec::Codec;
use trueup_schemas::topics::Topics;
use trueup_stripe::limits::GatewayLimits;
use trueup_stripe::secret::Secret;
use trueup_stripe::{Cidr, Endpoint, GatewaySettings};

use crate::clock;
use crate::config::{GatewayConfig, ServeConfig};
use crate::failure::Failure;
use crate::ops::HealthBoard;
use crate::ops::health::Condition;
use crate::ops::server;
use crate::settings::endpoint::EndpointSettings;
use crate::shutdown::Stop;

/// A gateway whose address is taken, and which does not answer yet.
pub struct Gateway {
    pub address: SocketAddr,
    /// Whether the topics are known, so that deliveries can be accepted.
    pub topics_known: watch::Receiver<bool>,
    listener: TcpListener,
    settings: GatewaySettings,
}

impl Gateway {
    /// # Errors
    /// An address that cannot be bound, an endpoint that cannot be served.
    pub fn bind(
        runtime: &Runtime,
        serve: &ServeConfig,
        config: GatewayConfig,
        codec: Codec,
    ) -> Result<Self, Failure> {
        let listener = runtime
            .block_on(server::bind("http", config.http))
            .and_then(|listener| listener.into_std().map_err(|fault| fault.to_string()))
            .map_err(Failure::Failed)?;
        let (known, topics_known) = watch::channel(false);
        Ok(Self {
            address: listener.local_addr()?,
            topics_known,
            listener,
            settings: settings(serve, config, codec, known)?,
        })
    }

    /// Serves until `stop`, then answers what is under way.
    ///
    /// # Errors
    /// Settings that the Kafka client refuses, a listener that cannot be used.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), Failure> {
        trueup_stripe::serve(self.settings, self.listener, clock::wall_clock, stop)
            .await
            .map_err(Failure::failed)
    }
}

/// What health says of the gateway. One that drains still works; it only wants no more deliveries.
pub fn component(board: HealthBoard, stop: Stop) -> HealthBoard {
    board.component("gateway", move || Condition::new(true, !stop.is_set()))
}

/// What health says of the topics.
pub fn topics_component(board: HealthBoard, known: watch::Receiver<bool>) -> HealthBoard {
    board.component("topics", move || {
        let known = *known.borrow();
        Condition::new(known, known)
    })
}

fn settings(
    serve: &ServeConfig,
    config: GatewayConfig,
    codec: Codec,
    known: watch::Sender<bool>,
) -> Result<GatewaySettings, Failure> {
    let endpoints: Result<Vec<Endpoint>, Failure> =
        config.endpoints.into_iter().map(endpoint).collect();
    let trusted_proxies: Result<Vec<Cidr>, Failure> = config
        .trusted_proxies
        .into_iter()
        .map(|(address, prefix)| Cidr::new(address, prefix).map_err(Failure::failed))
        .collect();
    Ok(GatewaySettings {
        endpoints: endpoints?,
        topics: Topics::new(&serve.kafka.prefix),
        codec,
        keys: serve.signing_keys.clone(),
        kafka: serve.kafka.client_properties(),
        limits: GatewayLimits::default(),
        rate: config.rate,
        trusted_proxies: trusted_proxies?,
        ready: Some(known),
    })
}

fn endpoint(settings: EndpointSettings) -> Result<Endpoint, Failure> {
    let secrets: Result<Vec<Secret>, Failure> = settings
        .secrets
        .iter()
        .map(|secret| Secret::new(secret).map_err(Failure::failed))
        .collect();
    Ok(Endpoint {
        name: settings.name,
        secrets: secrets?,
        livemode: settings.livemode,
        account: settings.account,
    })
}
