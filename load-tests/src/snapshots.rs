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
    let kafka = |cause: KafkaError| SnapshotFault::Kafka {
        topic: topic.to_owned(),
        cause: cause.to_string(),
    };
    let counting = Counting::default();
    let producer: ThreadedProducer<Counting> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("partitioner", "murmur2_random")
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", "120000")
        .set("linger.ms", "5")
        .create_with_context(counting.clone())
        .map_err(kafka)?;
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
            let mut record = BaseRecord::to(topic)
                .key(&snapshot.order_id)
                .payload(&snapshot.body);
            while let Err((cause, returned)) = producer.send(record) {
                if cause.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    let fatal = producer.client().fatal_error();
                    let why = fatal.map_or_else(String::new, |(_, why)| format!(": {why}"));
                    return Err(SnapshotFault::Kafka {
                        topic: topic.to_owned(),
                        cause: format!("{cause}{why}"),
                    });
                }
                std::thread::sleep(Duration::from_millis(5));
                record = returned;
            }
            written += 1;
        }
    }
    let deadline = Instant::now() + FLUSH;
    while producer.in_flight_count() > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let pending = u64::try_from(producer.in_flight_count()).unwrap_or(0);
    match counting.0.failed.load(Ordering::Relaxed) + pending {
        0 => Ok(written),
        count => Err(SnapshotFault::Lost {
            topic: topic.to_owned(),
            count,
        }),
    }
}
