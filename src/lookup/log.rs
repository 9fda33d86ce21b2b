//! Reads the log without a group: records at known offsets, and bounded scans for a key.
//!
//! Only what is committed is seen. What the log no longer holds is absent; what could not be
//! read is a fault.

use std::collections::BTreeMap;
use std::time::Instant;

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Offset, TopicPartitionList};
use trueup_domain::event::UnixMillis;
use trueup_engine::kafka::headers;

use super::{LookupFault, limits};
use crate::config::KafkaTarget;

/// One record, copied out of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub offset: i64,
    pub timestamp: Option<UnixMillis>,
    pub key: Vec<u8>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    /// The last header of that name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut newest_first = self.headers.iter().rev();
        newest_first
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.as_slice())
    }
}

/// Whether a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    On,
    Done,
}

/// A client of the log. Opens a connection of its own for each question and keeps nothing.
#[derive(Debug, Clone)]
pub struct LogReader {
    kafka: KafkaTarget,
}

type Read<T> = Result<T, LookupFault>;

impl LogReader {
    pub fn new(kafka: KafkaTarget) -> Self {
        Self { kafka }
    }

    pub fn kafka(&self) -> &KafkaTarget {
        &self.kafka
    }

    fn consumer(&self) -> Read<BaseConsumer> {
        self.kafka
            .client()
            // The client asks for a group's name even where nothing is ever committed to it.
            .set("group.id", "trueup-lookup")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("queued.max.messages.kbytes", limits::QUEUED_KIB)
            // The broker says that a partition ends only once it has waited for more.
            .set("fetch.wait.max.ms", limits::FETCH_WAIT_MS)
            .create()
            .map_err(|fault| LookupFault::new("the log", fault))
    }

    /// The partitions that `topic` has.
    pub fn partitions(&self, topic: &str) -> Read<i32> {
        let metadata = self
            .consumer()?
            .fetch_metadata(Some(topic), limits::QUERY_TIMEOUT)
            .map_err(|fault| LookupFault::new("the log", fault))?;
        let held = metadata.topics().iter().find(|held| held.name() == topic);
        let count = held.map_or(0, |held| held.partitions().len());
        match i32::try_from(count) {
            Ok(count) if count > 0 => Ok(count),
            Ok(_) | Err(_) => {
                let reason = format!("there is no topic `{topic}`; run `trueup topics apply`");
                Err(LookupFault::new("the log", reason))
            }
        }
    }

    /// The records at `offsets`, those that the log still holds.
    pub fn records_at(
        &self,
        topic: &str,
        partition: i32,
        offsets: &[i64],
    ) -> Read<BTreeMap<i64, Record>> {
        let consumer = self.consumer()?;
        let (low, high) = watermarks(&consumer, topic, partition)?;
        let mut wanted: Vec<i64> = offsets
            .iter()
            .copied()
            .filter(|offset| (low..high).contains(offset))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found = BTreeMap::new();
        let Some(first) = wanted.first().copied() else {
            return Ok(found);
        };
        assign(&consumer, topic, partition, first)?;
        let deadline = Deadline::start();
        let mut next = first;
        for offset in wanted {
            if offset > next.saturating_add(limits::READ_THROUGH) {
                consumer
                    .seek(
                        topic,
                        partition,
                        Offset::Offset(offset),
                        limits::QUERY_TIMEOUT,
                    )
                    .map_err(|fault| LookupFault::new(topic, fault))?;
            }
            while next <= offset {
                match poll(&consumer, topic, &deadline)? {
                    Some(record) => {
                        next = record.offset.saturating_add(1);
                        if offsets.contains(&record.offset) {
                            found.insert(record.offset, record);
                        }
                    }
                    None => return Ok(found),
                }
            }
        }
        Ok(found)
    }

    /// Shows `see` every record from `start` to the partition's end, until it has seen enough.
    pub fn scan(
        &self,
        topic: &str,
        partition: i32,
        start: Start,
        mut see: impl FnMut(Record) -> Scan,
    ) -> Read<()> {
        let consumer = self.consumer()?;
        let (low, high) = watermarks(&consumer, topic, partition)?;
        let from = match start {
            Start::Beginning => Some(low),
            Start::At(time) => offset_at(&consumer, topic, partition, time)?,
            Start::Offset(offset) => Some(offset.max(low)),
        };
        let Some(from) = from.filter(|from| *from < high) else {
            return Ok(());
        };
        assign(&consumer, topic, partition, from)?;
        let deadline = Deadline::start();
        for _ in 0..limits::MAX_SCANNED_RECORDS {
            match poll(&consumer, topic, &deadline)? {
                // The end as it was at the start is enough: the log may grow for ever.
                Some(record) if record.offset >= high => return Ok(()),
                Some(record) => {
                    if see(record) == Scan::Done {
                        return Ok(());
                    }
                }
                None => return Ok(()),
            }
        }
        let limit = limits::MAX_SCANNED_RECORDS;
        let reason =
            format!("partition {partition} holds more than {limit} records to look through");
        Err(LookupFault::new(topic, reason))
    }
}

/// What a walk went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    /// The first offset that was to be read: what lies below is gone, or was not asked for.
    pub start: i64,
    /// The first that was not: there is more, or will be.
    pub end: i64,
}

impl LogReader {
    /// Shows `see` every record from `start` to the partition's end as it is now, however many
    /// there are; gives up when nothing has come for [`limits::READ_TIMEOUT`].
    pub fn walk<E: From<LookupFault>>(
        &self,
        topic: &str,
        partition: i32,
        start: Start,
        mut see: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<Walked, E> {
        let consumer = self.consumer()?;
        let (low, end) = watermarks(&consumer, topic, partition)?;
        let start = match start {
            Start::Beginning => low,
            Start::At(time) => offset_at(&consumer, topic, partition, time)?.unwrap_or(end),
            Start::Offset(offset) => offset.max(low),
        };
        let walked = Walked { start, end };
        if start >= end {
            return Ok(walked);
        }
        assign(&consumer, topic, partition, start)?;
        while let Some(record) = poll(&consumer, topic, &Deadline::start())? {
            let offset = record.offset;
            if offset < end {
                see(record)?;
            }
            if offset.saturating_add(1) >= end {
                break;
            }
        }
        Ok(walked)
    }
}

/// Where a scan begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Beginning,
    /// The first record that is not older.
    At(UnixMillis),
    Offset(i64),
}

fn watermarks(consumer: &BaseConsumer, topic: &str, partition: i32) -> Read<(i64, i64)> {
    consumer
        .fetch_watermarks(topic, partition, limits::QUERY_TIMEOUT)
        .map_err(|fault| LookupFault::new(topic, fault))
}

fn offset_at(
    consumer: &BaseConsumer,
    topic: &str,
    partition: i32,
    time: UnixMillis,
) -> Read<Option<i64>> {
    let mut times = TopicPartitionList::new();
    times
        .add_partition_offset(topic, partition, Offset::Offset(time.max(0)))
        .map_err(|fault| LookupFault::new(topic, fault))?;
    let offsets = consumer
        .offsets_for_times(times, limits::QUERY_TIMEOUT)
        .map_err(|fault| LookupFault::new(topic, fault))?;
    let found = offsets
        .find_partition(topic, partition)
        .map(|element| element.offset());
    Ok(match found {
        Some(Offset::Offset(offset)) if offset >= 0 => Some(offset),
        _ => None,
    })
}

fn assign(consumer: &BaseConsumer, topic: &str, partition: i32, offset: i64) -> Read<()> {
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(topic, partition, Offset::Offset(offset))
        .and_then(|()| consumer.assign(&assignment))
        .map_err(|fault| LookupFault::new(topic, fault))
}

/// The next record; `None` at the partition's end.
fn poll(consumer: &BaseConsumer, topic: &str, deadline: &Deadline) -> Read<Option<Record>> {
    let mut last = None;
    loop {
        match consumer.poll(limits::POLL) {
            Some(Ok(message)) => return Ok(Some(copied(&message))),
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
            // The client repeats what may pass by itself; the deadline ends what does not.
            Some(Err(fault)) => last = Some(fault.to_string()),
            None => {}
        }
        if deadline.passed() {
            let reason = last.unwrap_or_else(|| "nothing came".to_owned());
            let limit = limits::READ_TIMEOUT.as_secs();
            return Err(LookupFault::new(
                topic,
                format!("not read within {limit} s: {reason}"),
            ));
        }
    }
}

fn copied(message: &BorrowedMessage<'_>) -> Record {
    let headers = headers::of(message).into_iter();
    Record {
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().unwrap_or_default().to_vec(),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect(),
    }
}

struct Deadline(Instant);

impl Deadline {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn passed(&self) -> bool {
        self.0.elapsed() > limits::READ_TIMEOUT
    }
}
