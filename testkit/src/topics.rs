//! Topics as a test makes and reads them: `read_committed`, from the start to the end.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::limits::CALL;

const POLL: Duration = Duration::from_millis(100);

/// One record as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRecord {
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// `None` for a tombstone.
    pub payload: Option<Vec<u8>>,
}

impl TopicRecord {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name)?;
        value.as_deref()
    }
}

/// Makes a topic without replicas; `settings` are topic configurations.
///
/// # Panics
/// When the broker refuses.
pub fn create_topic(bootstrap: &str, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .unwrap_or_else(|fault| panic!("no admin client: {fault}"));
    let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for (name, value) in settings {
        new = new.set(name, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(CALL));
    let outcome = futures::executor::block_on(admin.create_topics([&new], &options));
    match outcome.as_deref() {
        Ok([Ok(_)]) => {}
        other => panic!("topic `{topic}` cannot be created: {other:?}"),
    }
}

/// How many partitions a topic has.
///
/// # Panics
/// When there is no such topic, or no broker.
#[must_use]
pub fn partition_count(bootstrap: &str, topic: &str) -> i32 {
    let client: BaseConsumer = consumer(bootstrap);
    partitions(&client, topic)
}

/// Every committed record of a topic from its start to the end it has now, in order of offsets
/// within each partition.
///
/// # Panics
/// When there is no such topic, or the end is not reached within `limit`: a transaction that
/// stays open keeps the end away.
#[must_use]
pub fn committed_records(bootstrap: &str, topic: &str, limit: Duration) -> Vec<TopicRecord> {
    let consumer = consumer(bootstrap);
    let mut list = TopicPartitionList::new();
    let count = partitions(&consumer, topic);
    for partition in 0..count {
        let added = list.add_partition_offset(topic, partition, Offset::Beginning);
        assert!(added.is_ok(), "`{topic}`/{partition}: {added:?}");
    }
    let assigned = consumer.assign(&list);
    assert!(assigned.is_ok(), "`{topic}`: {assigned:?}");
    let deadline = Instant::now() + limit;
    let mut left: Vec<i32> = (0..count).collect();
    let mut records = Vec::new();
    while !left.is_empty() {
        assert!(
            Instant::now() < deadline,
            "`{topic}` was not read to its end within {limit:?}; partitions left: {left:?}"
        );
        match consumer.poll(POLL) {
            // The client connects again by itself; the deadline ends a broker that stays away.
            None | Some(Err(KafkaError::MessageConsumption(_))) => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => left.retain(|id| *id != partition),
            Some(Err(fault)) => panic!("`{topic}`: {fault}"),
            Some(Ok(message)) => records.push(record(&message)),
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

fn record(message: &impl Message) -> TopicRecord {
    let headers = message.headers().map(|headers| {
        headers
            .iter()
            .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
            .collect()
    });
    TopicRecord {
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
        payload: message.payload().map(<[u8]>::to_vec),
    }
}

fn consumer(bootstrap: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        // A group is asked for by the client library; nothing is ever committed to it.
        .set("group.id", "trueup-testkit-reader")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap_or_else(|fault| panic!("no consumer: {fault}"))
}

fn partitions(client: &BaseConsumer, topic: &str) -> i32 {
    let metadata = client
        .fetch_metadata(Some(topic), CALL)
        .unwrap_or_else(|fault| panic!("`{topic}`: {fault}"));
    let count = metadata
        .topics()
        .iter()
        .find(|found| found.name() == topic)
        .map_or(0, |found| found.partitions().len());
    assert!(count > 0, "topic `{topic}` does not exist");
    i32::try_from(count).unwrap_or(i32::MAX)
}
