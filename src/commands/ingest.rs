//! `ingest`: the gateway on its public listener, the ops listener beside it.

use std::sync::Arc;

use tokio::sync::watch;
use trueup_schemas::topics::Topics;
use trueup_stripe::limits::GatewayLimits;
use trueup_stripe::secret::Secret;
use trueup_stripe::{Cidr, Endpoint, GatewaySettings};

use super::serving::{self, Serving};
use crate::clock;
use crate::config::IngestConfig;
use crate::failure::Failure;
use crate::ops::HealthBoard;
use crate::ops::health::Condition;
use crate::ops::server;
use crate::ready::{Ready, ReadyFile};
use crate::settings::endpoint::EndpointSettings;
use crate::shutdown::Stop;

pub fn run(config: IngestConfig) -> Result<(), Failure> {
    let serving = Serving::begin(&config.serve, serving::cores())?;
    let listener = serving
        .runtime
        .block_on(server::bind("http", config.http))
        .and_then(|listener| listener.into_std().map_err(|fault| fault.to_string()))
        .map_err(Failure::Failed)?;
    let address = listener.local_addr()?;
    let codec = serving::codec(&config.serve.kafka)?;
    let (known, topics_known) = watch::channel(false);
    let settings = settings(config, codec, known)?;

    let board = board(topics_known.clone(), serving.stop.clone());
    let (open, ops) = serving.open_ops(board, "ingest", None, None)?;
    let ready_file = Arc::new(open.ready_file);
    let ready = Ready {
        http: Some(address),
        ..ops.ready
    };
    let announcing = announce(topics_known, Arc::clone(&ready_file), ready);
    let announcing = open.runtime.spawn(announcing);
    let stop = open.stop.clone().wait();
    let served = open.runtime.block_on(trueup_stripe::serve(
        settings,
        listener,
        clock::wall_clock,
        stop,
    ));
    announcing.abort();
    drop(ready_file);
    open.stopper.stop();
    let _ = open.runtime.block_on(ops.task);
    served.map_err(Failure::failed)
}

fn settings(
    config: IngestConfig,
    codec: trueup_schemas::codec::Codec,
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
        topics: Topics::new(&config.serve.kafka.prefix),
        codec,
        keys: config.serve.signing_keys,
        kafka: config.serve.kafka.client_properties(),
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

fn board(topics_known: watch::Receiver<bool>, stop: Stop) -> HealthBoard {
    HealthBoard::default()
        .component("topics", move || {
            let known = *topics_known.borrow();
            Condition::new(known, known)
        })
        // A gateway that drains still works; it only wants no more deliveries.
        .component("gateway", move || Condition::new(true, !stop.is_set()))
}

/// Writes the ready file once deliveries can be accepted.
async fn announce(mut known: watch::Receiver<bool>, file: Arc<ReadyFile>, ready: Ready) {
    if known.wait_for(|known| *known).await.is_err() {
        return;
    }
    match file.write(&ready) {
        Ok(()) => tracing::info!(http = ?ready.http, "taking webhooks"),
        Err(fault) => tracing::error!(%fault, "the ready file could not be written"),
    }
}
