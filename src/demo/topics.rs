//! The demo's clients: it reads the statuses and gaps, and writes as the shop's order service does.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;
use trueup_domain::event::SnapshotStatus;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::{GapSetRecord, OrderStatusChanged};
use trueup_schemas::topics::Topics;

use super::story::{Mark, News};
use crate::clock;
use crate::config::KafkaTarget;

/// How long the brokers may take for one question.
const QUERY: Duration = Duration::from_secs(10);
/// How long news are waited for before the rest of the demo has its turn.
const LISTEN: Duration = Duration::from_millis(20);
const ACKNOWLEDGED: Duration = Duration::from_millis(1);

/// Reads what is said after this was made.
pub struct Listener {
    consumer: BaseConsumer,
    codec: Codec,
    gaps_topic: String,
}

impl Listener {
    pub fn new(kafka: &KafkaTarget, codec: Codec) -> Result<Self, String> {
        let topics = Topics::new(&kafka.prefix);
        let consumer: BaseConsumer = kafka
            .client()
            .set("group.id", "trueup-demo")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .create()
            .map_err(told)?;
        let mut places = TopicPartitionList::new();
        for topic in [topics.orders_status(), topics.payments_gaps()] {
            let metadata = consumer.fetch_metadata(Some(&topic), QUERY).map_err(told)?;
            for partition in metadata.topics().iter().flat_map(|held| held.partitions()) {
                let (_, end) = consumer
                    .fetch_watermarks(&topic, partition.id(), QUERY)
                    .map_err(told)?;
                places
                    .add_partition_offset(&topic, partition.id(), Offset::Offset(end))
                    .map_err(told)?;
            }
        }
        consumer.assign(&places).map_err(told)?;
        Ok(Self {
            consumer,
            codec,
            gaps_topic: topics.payments_gaps(),
        })
    }

    /// The next piece of news, if there is one.
    pub fn next(&self) -> Option<News> {
        // A fault of the connection passes, or the demo ends by its limit.
        let message = self.consumer.poll(LISTEN)?.ok()?;
        let order_id = String::from_utf8_lossy(message.key()?).into_owned();
        if message.topic() == self.gaps_topic {
            let gaps = match message.payload() {
                Some(value) => self.codec.decode::<GapSetRecord>(value).ok()?.gaps.gaps,
                None => Vec::new(),
            };
            return Some(News::Gaps { order_id, gaps });
        }
        let said: OrderStatusChanged = self.codec.decode(message.payload()?).ok()?;
        Some(News::Status {
            order_id,
            to: said.to,
            received: said.amount_received,
            refunded: said.amount_refunded,
        })
    }
}

/// Writes snapshots of orders, plain JSON, partitioned as the reconciler expects.
pub struct OrderService {
    producer: BaseProducer,
    topic: String,
}

impl OrderService {
    pub fn new(kafka: &KafkaTarget) -> Result<Self, String> {
        let producer = kafka
            .client()
            .set("partitioner", "murmur2_random")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "10000")
            .set("linger.ms", "0")
            .create()
            .map_err(told)?;
        let topic = Topics::new(&kafka.prefix).orders();
        Ok(Self { producer, topic })
    }

    pub fn write(&self, mark: &Mark) -> Result<(), String> {
        let snapshot = json!({
            "order_id": mark.order_id, "status": word(mark.status), "amount_due": mark.amount,
            "currency": super::objects::CURRENCY, "version": mark.version,
            "updated_at": clock::wall_clock(),
        });
        let text = snapshot.to_string();
        let record = BaseRecord::to(&self.topic)
            .key(&mark.order_id)
            .payload(&text);
        self.producer.send(record).map_err(|(fault, _)| told(fault))
    }

    /// Waits until everything written is acknowledged, or given up after its timeout.
    pub fn settle(&self) {
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(ACKNOWLEDGED);
        }
    }
}

fn word(status: SnapshotStatus) -> &'static str {
    match status {
        SnapshotStatus::Pending => "pending",
        SnapshotStatus::Paid => "paid",
        SnapshotStatus::Canceled => "canceled",
        SnapshotStatus::Refunded => "refunded",
    }
}

fn told(fault: rdkafka::error::KafkaError) -> String {
    fault.to_string()
}
