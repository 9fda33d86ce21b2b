//! Kafka as the log: an idempotent producer that waits for all in-sync replicas, writes each
//! record to the partition that murmur2 of its key names, and is made anew after a fatal error.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer};
use trueup_plants::{Plant, planted};
use trueup_schemas::partition::partition_for;

use crate::limits::{
    MAX_MESSAGE_BYTES, MAX_QUEUED_KIB, MAX_QUEUED_RECORDS, MESSAGE_TIMEOUT, METADATA_PAUSE,
    METADATA_TIMEOUT,
};
use crate::metrics;
use crate::publish::{Acknowledged, Lane, LaneNames, Outgoing, PublishFault, Publisher};

/// Publishes to Kafka; clones share one producer.
#[derive(Clone)]
pub(crate) struct KafkaPublisher {
    shared: Arc<Shared>,
}

struct Shared {
    config: ClientConfig,
    names: LaneNames,
    current: RwLock<Current>,
    /// Partitions of each lane's topic, once the broker has told them.
    partitions: RwLock<HashMap<Lane, i32>>,
}

#[derive(Clone)]
struct Current {
    producer: FutureProducer,
    generation: u64,
}

impl KafkaPublisher {
    pub(crate) fn new(kafka: &[(String, String)], names: LaneNames) -> Result<Self, KafkaError> {
        let config = config(kafka);
        let current = Current {
            producer: config.create()?,
            generation: 0,
        };
        let shared = Shared {
            config,
            names,
            current: RwLock::new(current),
            partitions: RwLock::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Asks the broker for the topics' partitions until it has told all of them.
    pub(crate) async fn learn_partitions(&self) {
        loop {
            let shared = Arc::clone(&self.shared);
            match tokio::task::spawn_blocking(move || shared.ask_partitions()).await {
                Ok(Ok(partitions)) => {
                    let mut known = self
                        .shared
                        .partitions
                        .write()
                        .unwrap_or_else(PoisonError::into_inner);
                    *known = partitions;
                    return;
                }
                Ok(Err(error)) => tracing::warn!(%error, "cannot learn the topics' partitions"),
                Err(error) => tracing::warn!(%error, "the question for partitions broke off"),
            }
            metrics::retried();
            tokio::time::sleep(METADATA_PAUSE).await;
        }
    }

    /// Waits for what is queued, at most `time_limit`.
    pub(crate) async fn flush(&self, time_limit: Duration) -> Result<(), KafkaError> {
        let producer = self.shared.current().producer;
        let flushed = tokio::task::spawn_blocking(move || producer.flush(time_limit)).await;
        flushed.unwrap_or(Err(KafkaError::Canceled))
    }
}

fn config(kafka: &[(String, String)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    // These may be overridden by the user's own settings.
    config.set("client.id", "trueup-gateway");
    config.set("linger.ms", "2");
    // Cheap to read again for batches as small as these; the brokers keep bodies in zstd.
    config.set("compression.codec", "lz4");
    config.set("reconnect.backoff.max.ms", "1000");
    config.set("message.max.bytes", MAX_MESSAGE_BYTES.to_string());
    config.set(
        "queue.buffering.max.messages",
        MAX_QUEUED_RECORDS.to_string(),
    );
    config.set("queue.buffering.max.kbytes", MAX_QUEUED_KIB.to_string());
    for (key, value) in kafka {
        config.set(of_its_own_name(key), value);
    }
    // What we promise rests on these: they may not be overridden.
    config.set("acks", "all");
    config.set("enable.idempotence", "true");
    config.set(
        "message.timeout.ms",
        MESSAGE_TIMEOUT.as_millis().to_string(),
    );
    config.set("allow.auto.create.topics", "false");
    let murmur2 = !planted(Plant::DefaultPartitioner);
    config.set(
        "partitioner",
        if murmur2 {
            "murmur2_random"
        } else {
            "consistent_random"
        },
    );
    config
}

/// librdkafka has two names for some settings. A setting under both would be applied twice, in
/// no particular order, and what may not be overridden would be.
fn of_its_own_name(key: &str) -> &str {
    match key {
        "request.required.acks" => "acks",
        "delivery.timeout.ms" => "message.timeout.ms",
        "compression.type" => "compression.codec",
        "queue.buffering.max.ms" => "linger.ms",
        _ => key,
    }
}

impl Shared {
    fn current(&self) -> Current {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn ask_partitions(&self) -> Result<HashMap<Lane, i32>, String> {
        let client = self.current().producer;
        let mut partitions = HashMap::new();
        for lane in Lane::ALL {
            let name = self.names.of(*lane);
            let metadata = client
                .client()
                .fetch_metadata(Some(name), METADATA_TIMEOUT)
                .map_err(|error| format!("topic `{name}`: {error}"))?;
            let count = metadata.topics().iter().find(|topic| topic.name() == name);
            let count = count.filter(|topic| topic.error().is_none());
            let count = count.and_then(|topic| i32::try_from(topic.partitions().len()).ok());
            let count = count.filter(|count| *count > 0).ok_or_else(|| {
                format!("topic `{name}` does not exist: run `trueup topics apply`")
            })?;
            partitions.insert(*lane, count);
        }
        Ok(partitions)
    }

    fn send(&self, current: &Current, record: &Outgoing) -> Result<DeliveryFuture, PublishFault> {
        let partitions = self
            .partitions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let partitions = *partitions.get(&record.lane).ok_or(PublishFault::NotReady)?;
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
        let message = FutureRecord::to(self.names.of(record.lane))
            .key(&record.key)
            .payload(&record.value)
            .headers(headers)
            .timestamp(record.timestamp);
        let message = if planted(Plant::DefaultPartitioner) {
            message
        } else {
            message.partition(partition_for(&record.key, partitions))
        };
        current
            .producer
            .send_result(message)
            .map_err(|(error, _)| self.fault(&error, current))
    }

    /// What an error means to the request; a fatal one also means the end of this producer.
    fn fault(&self, error: &KafkaError, failed: &Current) -> PublishFault {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) {
            return PublishFault::QueueFull;
        }
        let fatal = error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal)
            || failed.producer.client().fatal_error().is_some();
        if fatal {
            self.recycle(failed);
        }
        PublishFault::Broker {
            reason: error.to_string(),
        }
    }

    /// Replaces the producer, once however many requests saw it fail.
    fn recycle(&self, failed: &Current) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.generation != failed.generation {
            return;
        }
        match self.config.create() {
            Ok(producer) => {
                let generation = failed.generation.saturating_add(1);
                let old = std::mem::replace(
                    &mut *current,
                    Current {
                        producer,
                        generation,
                    },
                );
                metrics::producer_recycled();
                tracing::error!(generation, "the producer failed for good and was made anew");
                // Dropping a producer waits for its thread.
                tokio::task::spawn_blocking(move || drop(old));
            }
            Err(error) => tracing::error!(%error, "cannot make a new producer"),
        }
    }
}

impl Publisher for KafkaPublisher {
    fn publish(&self, records: Vec<Outgoing>) -> Result<Acknowledged, PublishFault> {
        let current = self.shared.current();
        let sent: Result<Vec<_>, _> = records
            .iter()
            .map(|record| self.shared.send(&current, record))
            .collect();
        let (sent, shared) = (sent?, Arc::clone(&self.shared));
        Ok(Box::pin(async move {
            for delivery in sent {
                match delivery.await {
                    Ok(Ok(_position)) => {}
                    Ok(Err((error, _message))) => return Err(shared.fault(&error, &current)),
                    Err(_dropped) => {
                        let reason = "the producer was replaced".to_owned();
                        return Err(PublishFault::Broker { reason });
                    }
                }
            }
            Ok(())
        }))
    }
}

impl std::fmt::Debug for KafkaPublisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaPublisher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(settings: &[(&str, &str)]) -> ClientConfig {
        let owned = settings
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        config(&owned.collect::<Vec<_>>())
    }

    #[test]
    fn what_the_promise_rests_on_cannot_be_overridden_under_any_of_its_names() {
        let config = with(&[
            ("acks", "0"),
            ("request.required.acks", "1"),
            ("message.timeout.ms", "1"),
            ("delivery.timeout.ms", "600000"),
            ("enable.idempotence", "false"),
        ]);
        assert_eq!(config.get("acks"), Some("all"));
        assert_eq!(config.get("message.timeout.ms"), Some("6000"));
        assert_eq!(config.get("enable.idempotence"), Some("true"));
        assert_eq!(config.get("request.required.acks"), None);
        assert_eq!(config.get("delivery.timeout.ms"), None);
    }

    #[test]
    fn what_is_only_a_default_can_be_overridden_under_any_of_its_names() {
        let config = with(&[("compression.type", "lz4"), ("queue.buffering.max.ms", "9")]);
        assert_eq!(config.get("compression.codec"), Some("lz4"));
        assert_eq!(config.get("linger.ms"), Some("9"));
        assert_eq!(config.get("compression.type"), None);
        assert_eq!(config.get("queue.buffering.max.ms"), None);
    }

    fn publisher() -> KafkaPublisher {
        let nowhere = [("bootstrap.servers".to_owned(), "127.0.0.1:1".to_owned())];
        let names = LaneNames::new(&trueup_schemas::topics::Topics::new(""));
        KafkaPublisher::new(&nowhere, names).unwrap()
    }

    #[tokio::test]
    async fn until_the_partitions_are_known_nothing_is_taken() {
        let record = Outgoing {
            lane: Lane::Events,
            key: b"order-1".to_vec(),
            value: Vec::new(),
            headers: Vec::new(),
            timestamp: 0,
        };
        let taken = publisher().publish(vec![record]);
        assert_eq!(taken.err(), Some(PublishFault::NotReady));
    }

    #[tokio::test]
    async fn a_failed_producer_is_replaced_once_however_many_requests_saw_it_fail() {
        let publisher = publisher();
        let failed = publisher.shared.current();
        for _ in 0..3 {
            publisher.shared.recycle(&failed);
        }
        assert_eq!(publisher.shared.current().generation, 1);
        publisher.shared.recycle(&publisher.shared.current());
        assert_eq!(publisher.shared.current().generation, 2);
    }
}
