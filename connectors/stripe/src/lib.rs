//! The gateway that takes Stripe's webhooks in and loses none it said yes to.
//!
//! A delivery is verified over its raw bytes, its facts are taken once, and its records are
//! written to the log; only when all are acknowledged is the answer yes. What is refused reaches
//! no topic and is counted by its reason.

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;

use thiserror::Error;

pub mod settings;

pub mod secret;

pub mod sign;

pub mod signature;

pub mod normalise;

pub mod entries;

pub mod publish;

pub mod limit;

pub mod limits;

pub mod metrics;

pub mod refusal;

pub mod api;

pub mod feed;

pub mod sweep;

pub mod probe;

mod address;
mod body;
mod connection;
mod envelope;
mod facts;
mod field;
mod gateway;
mod in_flight;
mod kafka;
mod mask;
mod order_id;
mod phase;
mod reply;
mod scan;
mod server;
mod stream;
mod trace;

#[cfg(test)]
mod testing;

pub use address::{Cidr, PrefixTooLong};
pub use envelope::BodyFault;
pub use settings::{Clock, Endpoint, GatewaySettings};
pub use sign::stripe_signature;

use gateway::Gateway;
use kafka::KafkaPublisher;
use publish::LaneNames;

/// Why the gateway could not start or ended early.
#[derive(Debug, Error)]
pub enum GatewayFault {
    #[error("the Kafka client refuses its settings: {0}")]
    Kafka(rdkafka::error::KafkaError),
    #[error("the listener cannot be used: {0}")]
    Listener(std::io::Error),
}

/// Serves the gateway on `listener` until `stop`, then stops accepting, answers what is in
/// flight, flushes, and returns within the grace of the limits. Until the topics' partitions are
/// known, deliveries are answered with 503.
///
/// # Errors
/// Settings that the Kafka client refuses, or a listener that cannot be used.
pub async fn serve(
    mut settings: GatewaySettings,
    listener: TcpListener,
    clock: impl Clock,
    stop: impl Future<Output = ()>,
) -> Result<(), GatewayFault> {
    metrics::describe();
    let names = LaneNames::new(&settings.topics);
    let publisher = KafkaPublisher::new(&settings.kafka, names).map_err(GatewayFault::Kafka)?;
    let (ready, grace) = (settings.ready.take(), settings.limits.drain);
    let gateway = Arc::new(Gateway::new(settings, publisher.clone(), clock));
    let learner = publisher.clone();
    let learning = tokio::spawn(async move {
        learner.learn_partitions().await;
        if let Some(ready) = ready {
            ready.send_replace(true);
        }
    });
    let served = server::run(gateway, listener, stop)
        .await
        .map_err(GatewayFault::Listener);
    learning.abort();
    if let Err(error) = publisher.flush(grace).await {
        // Nobody was told yes for what is left: the sender will deliver it again.
        tracing::warn!(%error, "not everything queued was flushed");
    }
    served
}
