//! Plays the shop's order service: writes snapshots to the topic `orders` as the payments come
//! in, with the partitioner that the reconciler expects.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};

use crate::sender::Progress;
use crate::story::Story;

/// How long the last snapshots may take to be acknowledged.
const FLUSH: Duration = Duration::from_secs(120);

/// Counts what the broker acknowledged and what it never did.
#[derive(Debug, Default)]
struct Counts {
    failed: AtomicU64,
}

#[derive(Clone, Default)]
struct Counting(Arc<Counts>);

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.0.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SnapshotFault {
    /// With what the client says of it, where it gave up for good.
    #[error("cannot write snapshots to `{topic}`: {cause}")]
    Kafka { topic: String, cause: String },
    #[error("{count} snapshots were never acknowledged on `{topic}`; is the broker well?")]
    Lost { topic: String, count: u64 },
}

/// Writes to one topic with the partitioner that the reconciler expects.
pub(crate) struct Writer {
    topic: String,
    producer: ThreadedProducer<Counting>,
    counting: Counting,
}

impl Writer {
    /// # Errors
    /// Settings that the client refuses.
    pub(crate) fn new(bootstrap: &str, topic: &str) -> Result<Self, SnapshotFault> {
        let counting = Counting::default();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("partitioner", "murmur2_random")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "120000")
            .set("linger.ms", "5")
            .create_with_context(counting.clone());
        let producer = producer.map_err(|cause: KafkaError| SnapshotFault::Kafka {
            topic: topic.to_owned(),
            cause: cause.to_string(),
        })?;
        Ok(Self {
            topic: topic.to_owned(),
            producer,
            counting,
        })
    }

    /// Hands one snapshot to the client; waits while the client has its hands full.
    ///
    /// # Errors
    /// A client that has given up for good.
    pub(crate) fn put(&self, key: &str, body: &str) -> Result<(), SnapshotFault> {
        let mut record = BaseRecord::to(&self.topic).key(key).payload(body);
        while let Err((cause, returned)) = self.producer.send(record) {
            if cause.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                let fatal = self.producer.client().fatal_error();
                let why = fatal.map_or_else(String::new, |(_, why)| format!(": {why}"));
                return Err(SnapshotFault::Kafka {
                    topic: self.topic.clone(),
                    cause: format!("{cause}{why}"),
                });
            }
            std::thread::sleep(Duration::from_millis(5));
            record = returned;
        }
        Ok(())
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// Snapshots that the broker never acknowledged.
    pub(crate) fn finish(self) -> Result<(), SnapshotFault> {
        let deadline = Instant::now() + FLUSH;
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let pending = u64::try_from(self.producer.in_flight_count()).unwrap_or(0);
        match self.counting.0.failed.load(Ordering::Relaxed) + pending {
            0 => Ok(()),
            count => Err(SnapshotFault::Lost {
                topic: self.topic,
                count,
            }),
        }
    }
}

/// Writes every snapshot of `stories` in order, each order's when its share of the `deliveries`
/// has been made, so that shop and payments move together.
///
/// # Errors
/// A snapshot that the broker never acknowledged.
pub fn write(
    bootstrap: &str,
    topic: &str,
    stories: &[Story],
    deliveries: usize,
    progress: &Progress,
) -> Result<u64, SnapshotFault> {
    let writer = Writer::new(bootstrap, topic)?;
    let orders = u64::try_from(stories.len().max(1)).unwrap_or(u64::MAX);
    let deliveries = u64::try_from(deliveries).unwrap_or(u64::MAX);
    let mut written = 0;
    for (place, story) in (0_u64..).zip(stories) {
        let due = deliveries.saturating_mul(place) / orders;
        while progress.delivered.load(Ordering::Relaxed) < due {
            if progress.stop.load(Ordering::Relaxed) {
                return Ok(written);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        for snapshot in &story.snapshots {
            writer.put(&snapshot.order_id, &snapshot.body)?;
            written += 1;
        }
    }
    writer.finish()?;
    Ok(written)
}
