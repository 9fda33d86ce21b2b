//! Reads topics as a consumer of Trueup would: `read_committed`, from the start to the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const CALL: Duration = Duration::from_secs(10);

/// One record, as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    pub partition: i32,
    pub offset: i64,
    pub key: Vec<u8>,
    pub headers: BTreeMap<String, Vec<u8>>,
    /// `None` for a tombstone.
    pub payload: Option<Vec<u8>>,
}

impl LogRecord {
    /// A header as text, empty where it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        self.headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .unwrap_or_default()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    #[error("topic `{topic}`: {cause}")]
    Kafka { topic: String, cause: KafkaError },
    #[error("topic `{topic}` was not read to its end within {limit_s} s; is a broker away?")]
    Slow { topic: String, limit_s: u64 },
    #[error("topic `{topic}` does not exist; run `trueup topics apply`")]
    Missing { topic: String },
}

fn consumer(bootstrap: &str, group: &str) -> Result<BaseConsumer, KafkaError> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        // The end of a partition is told by an empty answer, so it should come soon.
        .set("fetch.wait.max.ms", "20")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
}

/// The partitions of `topic`.
fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>, ReadFault> {
    let kafka = |cause| ReadFault::Kafka {
        topic: topic.to_owned(),
        cause,
    };
    let metadata = consumer.fetch_metadata(Some(topic), CALL).map_err(kafka)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let ids: Vec<i32> = found
        .map(|found| {
            found
                .partitions()
                .iter()
                .map(|partition| partition.id())
                .collect()
        })
        .unwrap_or_default();
    if ids.is_empty() {
        Err(ReadFault::Missing {
            topic: topic.to_owned(),
        })
    } else {
        Ok(ids)
    }
}

/// Hands every committed record of `topic` to `each`, per partition in order of offsets.
///
/// # Errors
/// A broker that does not answer within `limit`, a topic that does not exist.
pub fn read(
    bootstrap: &str,
    topic: &str,
    limit: Duration,
    mut each: impl FnMut(LogRecord),
) -> Result<(), ReadFault> {
    let kafka = |cause| ReadFault::Kafka {
        topic: topic.to_owned(),
        cause,
    };
    let consumer = consumer(bootstrap, "trueup-load-reader").map_err(kafka)?;
    let mut left = partitions(&consumer, topic)?;
    let mut list = TopicPartitionList::new();
    for partition in &left {
        list.add_partition_offset(topic, *partition, Offset::Offset(0))
            .map_err(kafka)?;
    }
    consumer.assign(&list).map_err(kafka)?;
    let started = Instant::now();
    while !left.is_empty() {
        if started.elapsed() > limit {
            return Err(ReadFault::Slow {
                topic: topic.to_owned(),
                limit_s: limit.as_secs(),
            });
        }
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => left.retain(|id| *id != partition),
            // The client connects again by itself; the limit above ends a broker that stays away.
            Some(Err(_)) => {}
            Some(Ok(message)) => each(LogRecord {
                partition: message.partition(),
                offset: message.offset(),
                key: message.key().unwrap_or_default().to_vec(),
                headers: message
                    .headers()
                    .map(|headers| {
                        headers
                            .iter()
                            .map(|header| {
                                (
                                    header.key.to_owned(),
                                    header.value.unwrap_or_default().to_vec(),
                                )
                            })
                            .collect()
                    })
                    .unwrap_or_default(),
                payload: message.payload().map(<[u8]>::to_vec),
            }),
        }
    }
    Ok(())
}

/// How far a group has come on one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    pub group: String,
    /// Records before the log's end that are not committed yet.
    pub records: i64,
    /// Whether an offset is committed for every partition, so that the lag is known to be all.
    pub all_begun: bool,
}

/// The lag of every consumer group that ever committed an offset on `topic`.
///
/// # Errors
/// A broker that does not answer.
pub fn lags(bootstrap: &str, topic: &str) -> Result<Vec<Lag>, ReadFault> {
    let kafka = |cause| ReadFault::Kafka {
        topic: topic.to_owned(),
        cause,
    };
    let lister = consumer(bootstrap, "trueup-load-reader").map_err(kafka)?;
    let ids = partitions(&lister, topic)?;
    let mut ends = Vec::new();
    for partition in ids {
        let (_, end) = lister
            .fetch_watermarks(topic, partition, CALL)
            .map_err(kafka)?;
        ends.push((partition, end));
    }
    let groups = lister.fetch_group_list(None, CALL).map_err(kafka)?;
    let mut lags = Vec::new();
    for group in groups.groups() {
        let member = consumer(bootstrap, group.name()).map_err(kafka)?;
        let mut list = TopicPartitionList::new();
        for (partition, _) in &ends {
            list.add_partition(topic, *partition);
        }
        let committed = member.committed_offsets(list, CALL).map_err(kafka)?;
        let at = |partition: i32| match committed.find_partition(topic, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            Offset::Beginning
            | Offset::End
            | Offset::Stored
            | Offset::Invalid
            | Offset::OffsetTail(_) => None,
        };
        if ends.iter().any(|(partition, _)| at(*partition).is_some()) {
            let behind = ends
                .iter()
                .map(|(partition, end)| end - at(*partition).unwrap_or(0));
            lags.push(Lag {
                group: group.name().to_owned(),
                records: behind.sum(),
                all_begun: ends.iter().all(|(partition, _)| at(*partition).is_some()),
            });
        }
    }
    Ok(lags)
}
