//! Topics, and records into one and out of it again, as fast as librdkafka goes with its defaults.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult};
use rdkafka::producer::{BaseProducer, BaseRecord, NoCustomPartitioner, Producer, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, ClientContext};

use crate::Outcome;
use crate::limits::{PARTITIONS, PATIENCE, QUEUED_MAX, RECORD_BYTES, RECORDS_MAX};

/// Counts what a broker acknowledged, and what it did not.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    acknowledged: AtomicU32,
    failed: AtomicU32,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, report: &DeliveryResult<'_>, (): ()) {
        let count = match report {
            Ok(_) => &self.acknowledged,
            Err(_) => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) type Sender = BaseProducer<Reports, NoCustomPartitioner>;

pub(crate) fn client(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config
}

/// A producer with idempotence, which asks for the acknowledgement of all replicas.
pub(crate) fn sender(address: &str, settings: &[(&str, &str)]) -> Outcome<Sender> {
    let mut config = client(address);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "none")
        .set("queue.buffering.max.messages", QUEUED_MAX.to_string());
    for (name, value) in settings {
        config.set(*name, *value);
    }
    Ok(config.create_with_context(Reports::default())?)
}

/// Topics as they come and go.
pub(crate) struct Topics {
    admin: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
}

impl Topics {
    pub(crate) fn of(address: &str) -> Outcome<Self> {
        Ok(Self {
            admin: client(address).create()?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    pub(crate) fn create(&self, name: &str) -> Outcome<()> {
        let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
        let created = self.admin.create_topics([&topic], &AdminOptions::new());
        for one in self.runtime.block_on(created)? {
            one.map_err(|(name, code)| format!("topic `{name}`: {code}"))?;
        }
        Ok(())
    }

    pub(crate) fn delete(&self, name: &str) -> Outcome<()> {
        let deleted = self.admin.delete_topics(&[name], &AdminOptions::new());
        for one in self.runtime.block_on(deleted)? {
            one.map_err(|(name, code)| format!("topic `{name}`: {code}"))?;
        }
        Ok(())
    }
}

/// How much was done in what time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) records: u32,
    pub(crate) time: Duration,
}

/// Queues a record; a full queue is waited for.
pub(crate) fn queue(sender: &Sender, topic: &str, key: &[u8], payload: &[u8]) -> Outcome<()> {
    let mut record = BaseRecord::to(topic).key(key).payload(payload);
    loop {
        match sender.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                sender.poll(Duration::from_millis(1));
            }
            Err((fault, _)) => return Err(fault.into()),
        }
    }
}

/// Waits for every report; a flush would look for them only each 100 ms.
pub(crate) fn settle(sender: &Sender) -> Outcome<()> {
    let end = Instant::now() + PATIENCE;
    while sender.in_flight_count() > 0 {
        if Instant::now() > end {
            return Err(format!("records were not acknowledged within {PATIENCE:?}").into());
        }
        sender.poll(Duration::from_millis(1));
    }
    let failed = sender.context().failed.load(Ordering::Relaxed);
    if failed > 0 {
        return Err(format!("{failed} records were not taken").into());
    }
    Ok(())
}

/// Sends for `time` at most, and waits until all of it is acknowledged.
pub(crate) fn produce(address: &str, topic: &str, time: Duration) -> Outcome<Done> {
    let sender = sender(address, &[("linger.ms", "5")])?;
    // The partitions are asked for before the clock runs.
    sender.client().fetch_metadata(Some(topic), PATIENCE)?;
    let payloads = payloads();
    let begun = Instant::now();
    let mut number: u32 = 0;
    for payload in payloads.iter().cycle() {
        queue(&sender, topic, &number.to_be_bytes(), payload)?;
        number += 1;
        if number.is_multiple_of(256) {
            sender.poll(Duration::ZERO);
            if begun.elapsed() > time || number >= RECORDS_MAX {
                break;
            }
        }
    }
    settle(&sender)?;
    Ok(Done {
        records: sender.context().acknowledged.load(Ordering::Relaxed),
        time: begun.elapsed(),
    })
}

/// Reads a topic from its beginning, all its `records`, but for `time` at most.
pub(crate) fn consume(address: &str, topic: &str, records: u32, time: Duration) -> Outcome<Done> {
    let mut config = client(address);
    config
        .set("group.id", "measure-reader")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Offset(0))?;
    }
    let begun = Instant::now();
    consumer.assign(&list)?;
    let mut read: u32 = 0;
    while read < records && begun.elapsed() < time {
        next(&consumer)?;
        read += 1;
    }
    Ok(Done {
        records: read,
        time: begun.elapsed(),
    })
}

/// The next record; the client hands back nothing too where it learns of its partitions.
pub(crate) fn next(consumer: &BaseConsumer) -> Outcome<BorrowedMessage<'_>> {
    let end = Instant::now() + PATIENCE;
    loop {
        match consumer.poll(PATIENCE) {
            Some(record) => return Ok(record?),
            None if Instant::now() < end => {}
            None => return Err(format!("no record came within {PATIENCE:?}").into()),
        }
    }
}

/// Some payloads that no codec and no file system makes smaller.
fn payloads() -> Vec<Vec<u8>> {
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut byte = || {
        // Xorshift: any noise will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..64)
        .map(|_| (0..RECORD_BYTES).map(|_| byte()).collect())
        .collect()
}
