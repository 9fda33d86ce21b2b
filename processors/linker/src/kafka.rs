//! The log as librdkafka speaks it: two group consumers, and a producer whose every record is
//! waited for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use thiserror::Error;
use trueup_engine::kafka::closing::{Closes, Closing, Member};
use trueup_engine::kafka::headers;
use trueup_schemas::partition::partition_for;

use crate::limits::{CALL_TIMEOUT, DELIVERIES, MAX_RECORD_BYTES, MESSAGE_TIMEOUT};
use crate::opening::{Input, Record};
use crate::saying::{Lane, Outgoing};

/// Kafka did not do what it was asked; it is to be asked again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("kafka could not {operation}: {reason}")]
pub struct KafkaFault {
    pub operation: &'static str,
    pub reason: String,
}

impl KafkaFault {
    fn new(operation: &'static str, reason: impl ToString) -> Self {
        let reason = reason.to_string();
        Self { operation, reason }
    }
}

/// Full topic names.
#[derive(Debug, Clone)]
pub struct TopicNames {
    pub events: String,
    pub unlinked: String,
    pub links: String,
    pub dead_letters: String,
}

/// Partitions of the topics.
#[derive(Debug, Clone, Copy)]
pub struct Partitions {
    pub events: i32,
    pub unlinked: i32,
    pub links: i32,
    pub dead_letters: i32,
}

fn base(client: &[(String, String)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("socket.timeout.ms", CALL_TIMEOUT.as_millis().to_string());
    config.set("reconnect.backoff.ms", "50");
    config.set("reconnect.backoff.max.ms", "1000");
    for (key, value) in client {
        config.set(key, value);
    }
    config
}

/// A member of a group: what it reads, and commits once it is dealt with.
pub struct Inlet {
    consumer: Member<Settled>,
    topics: TopicNames,
    inputs: Vec<Input>,
    config: ClientConfig,
    settled: Arc<AtomicBool>,
}

/// Notes that the group has told what is ours, be it nothing.
#[derive(Debug)]
struct Settled {
    settled: Arc<AtomicBool>,
    closing: Closing,
}

impl ClientContext for Settled {
    fn log(&self, _level: rdkafka::config::RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(fac, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

impl Closes for Settled {
    fn closing(&self) -> &Closing {
        &self.closing
    }
}

impl ConsumerContext for Settled {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if self.closing.takes(consumer, partitions) {
            return;
        }
        let given = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let served = if given {
            consumer.incremental_assign(partitions)
        } else {
            consumer.incremental_unassign(partitions)
        };
        if let Err(error) = served {
            tracing::warn!(%error, "a change of the group could not be followed");
        }
        self.settled.store(given, Ordering::Relaxed);
    }
}

const JOIN: &str = "join a group";

/// A client that has not asked for its place in the group yet.
fn idle(config: &ClientConfig, settled: &Arc<AtomicBool>) -> Result<Member<Settled>, KafkaFault> {
    let consumer: BaseConsumer<Settled> = config
        .create_with_context(Settled {
            settled: Arc::clone(settled),
            closing: Closing::default(),
        })
        .map_err(|error| KafkaFault::new(JOIN, error))?;
    Ok(consumer.into())
}

impl std::fmt::Debug for Inlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inlet").finish_non_exhaustive()
    }
}

impl Inlet {
    /// Joins `group` and subscribes to `inputs`.
    ///
    /// # Errors
    /// [`KafkaFault`] for settings that no client can have.
    pub fn join(
        client: &[(String, String)],
        group: &str,
        instance: &str,
        topics: &TopicNames,
        inputs: &[Input],
        settled: Arc<AtomicBool>,
    ) -> Result<Self, KafkaFault> {
        let mut config = base(client);
        config.set("group.id", group);
        config.set("group.instance.id", instance);
        config.set("partition.assignment.strategy", "cooperative-sticky");
        config.set("session.timeout.ms", "10000");
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        // A group without offsets starts over: what it says again is known already.
        config.set("auto.offset.reset", "earliest");
        config.set("isolation.level", "read_committed");
        config.set("queued.max.messages.kbytes", "8192");
        let inlet = Self {
            consumer: idle(&config, &settled)?,
            topics: topics.clone(),
            inputs: inputs.to_vec(),
            config,
            settled,
        };
        inlet.subscribe()?;
        Ok(inlet)
    }

    /// Joins anew, and reads on from what is committed.
    ///
    /// # Errors
    /// [`KafkaFault`] for settings that no client can have.
    pub fn rejoin(&mut self) -> Result<(), KafkaFault> {
        // One that joins while its predecessor is there shuts it out.
        drop(std::mem::replace(
            &mut self.consumer,
            idle(&self.config, &self.settled)?,
        ));
        self.subscribe()
    }

    fn subscribe(&self) -> Result<(), KafkaFault> {
        let inputs = self.inputs.iter();
        let names: Vec<&str> = inputs.map(|input| name_of(&self.topics, *input)).collect();
        self.consumer
            .subscribe(&names)
            .map_err(|error| KafkaFault::new(JOIN, error))
    }

    /// Up to `most` records: waits `wait` for the first, then `gather` for more.
    ///
    /// # Errors
    /// [`KafkaFault`] when the client cannot go on by itself.
    pub fn poll(
        &self,
        wait: Duration,
        gather: Duration,
        most: usize,
    ) -> Result<Vec<Record>, KafkaFault> {
        let mut records = Vec::new();
        let mut until = Instant::now() + wait;
        while records.len() < most {
            let left = until.saturating_duration_since(Instant::now());
            match self.consumer.poll(left) {
                None => break,
                Some(Ok(message)) => {
                    if records.is_empty() {
                        until = Instant::now() + gather;
                    }
                    records.push(self.record(&message));
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Err(KafkaFault::new("read", error));
                }
                Some(Err(error)) => {
                    tracing::info!(%error, "the linker's consumer goes on after a fault");
                    break;
                }
            }
        }
        Ok(records)
    }

    fn record(&self, message: &BorrowedMessage<'_>) -> Record {
        Record {
            input: if message.topic() == self.topics.links {
                Input::Links
            } else {
                Input::Unlinked
            },
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers::of(message),
        }
    }

    /// Commits that `records` are dealt with. What another owns by now is repeated there.
    pub fn commit(&self, records: &[Record]) {
        let mut next = BTreeMap::new();
        for record in records {
            let place = next.entry((record.input, record.partition)).or_insert(0);
            *place = record.offset.saturating_add(1).max(*place);
        }
        if next.is_empty() {
            return;
        }
        let mut list = TopicPartitionList::new();
        for ((input, partition), offset) in next {
            let name = name_of(&self.topics, input);
            // Fails for offsets below zero only.
            let _ = list.add_partition_offset(name, partition, Offset::Offset(offset));
        }
        if let Err(error) = self.consumer.commit(&list, CommitMode::Sync) {
            tracing::info!(%error, "offsets of the linker were not taken; records will repeat");
        }
    }

    /// Reads no more of the partition until [`Inlet::resume`], and then from `record` on.
    ///
    /// # Errors
    /// [`KafkaFault`]: the partition is another's by now, or its place was not taken.
    pub fn hold(&self, record: &Record) -> Result<(), KafkaFault> {
        let failed = |error: KafkaError| KafkaFault::new("hold a partition", error);
        let list = self.only(record);
        self.consumer.pause(&list).map_err(failed)?;
        let name = name_of(&self.topics, record.input);
        let offset = Offset::Offset(record.offset);
        self.consumer
            .seek(name, record.partition, offset, CALL_TIMEOUT)
            .map_err(failed)
    }

    pub fn resume(&self, record: &Record) {
        // A partition that is another's by now is not ours to resume.
        let _ = self.consumer.resume(&self.only(record));
    }

    fn only(&self, record: &Record) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition(name_of(&self.topics, record.input), record.partition);
        list
    }
}

fn name_of(topics: &TopicNames, input: Input) -> &str {
    match input {
        Input::Unlinked => &topics.unlinked,
        Input::Links => &topics.links,
    }
}

/// Writes records and waits until every in-sync replica has them.
pub struct Outlet {
    producer: ThreadedProducer<Deliveries>,
    told: Receiver<Result<(), String>>,
    topics: TopicNames,
    pub partitions: Partitions,
}

impl std::fmt::Debug for Outlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlet").finish_non_exhaustive()
    }
}

struct Deliveries(SyncSender<Result<(), String>>);

impl ClientContext for Deliveries {
    fn log(&self, _level: rdkafka::config::RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(fac, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let told = result.as_ref().map(drop);
        // Nobody listens once the outlet is dropped.
        let _ = self.0.send(told.map_err(|(error, _)| error.to_string()));
    }
}

impl Outlet {
    /// Connects and asks for the topics' partitions.
    ///
    /// # Errors
    /// [`KafkaFault`] that names the topic and the way out.
    pub fn open(client: &[(String, String)], topics: &TopicNames) -> Result<Self, KafkaFault> {
        let mut config = base(client);
        config.set("linger.ms", "2");
        config.set("compression.codec", "lz4");
        config.set("message.max.bytes", MAX_RECORD_BYTES.to_string());
        config.set("acks", "all");
        config.set("enable.idempotence", "true");
        let patience = MESSAGE_TIMEOUT.as_millis().to_string();
        config.set("message.timeout.ms", patience);
        config.set("allow.auto.create.topics", "false");
        let (tell, told) = sync_channel(DELIVERIES);
        let producer: ThreadedProducer<Deliveries> =
            config
                .create_with_context(Deliveries(tell))
                .map_err(|error| KafkaFault::new("make a producer", error))?;
        let count = |topic: &str| partitions(&producer, topic);
        let partitions = Partitions {
            events: count(&topics.events)?,
            unlinked: count(&topics.unlinked)?,
            links: count(&topics.links)?,
            dead_letters: count(&topics.dead_letters)?,
        };
        Ok(Self {
            producer,
            told,
            topics: topics.clone(),
            partitions,
        })
    }

    /// Writes all of `records` and returns once each is acknowledged.
    ///
    /// # Errors
    /// [`KafkaFault`] when one is not known to be; all of them may be repeated.
    pub fn write(&self, records: &[Outgoing]) -> Result<(), KafkaFault> {
        let mut sent = 0_usize;
        let mut failed = None;
        for record in records {
            match self.send(record) {
                Ok(()) => sent = sent.saturating_add(1),
                Err(fault) => {
                    failed = Some(fault);
                    break;
                }
            }
        }
        // Each is told of, at the latest after the message timeout.
        for _ in 0..sent {
            let told = self.told.recv();
            let told = told.unwrap_or_else(|_| Err("the producer ended".to_owned()));
            if let Err(reason) = told {
                failed.get_or_insert(KafkaFault::new("write", reason));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// A producer that failed for good is to be opened anew.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.producer.client().fatal_error().is_some()
    }

    fn send(&self, record: &Outgoing) -> Result<(), KafkaFault> {
        let (topic, partitions) = match record.lane {
            Lane::Events => (&self.topics.events, self.partitions.events),
            Lane::Links => (&self.topics.links, self.partitions.links),
            Lane::DeadLetters => (&self.topics.dead_letters, self.partitions.dead_letters),
        };
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in &record.headers {
            let value = Some(value);
            headers = headers.insert(Header { key, value });
        }
        let message = BaseRecord::to(topic)
            .key(&record.key)
            .payload(&record.value)
            .headers(headers)
            .timestamp(record.timestamp)
            .partition(partition_for(&record.key, partitions));
        self.producer.send(message).map_err(|(error, _)| {
            let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            let reason = if full {
                "its queue is full".to_owned()
            } else {
                error.to_string()
            };
            KafkaFault::new("write", reason)
        })
    }
}

fn partitions(producer: &ThreadedProducer<Deliveries>, topic: &str) -> Result<i32, KafkaFault> {
    let operation = "read the topics";
    let metadata = producer
        .client()
        .fetch_metadata(Some(topic), CALL_TIMEOUT)
        .map_err(|error| KafkaFault::new(operation, error))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let found = found.filter(|found| found.error().is_none());
    let count = found.and_then(|found| i32::try_from(found.partitions().len()).ok());
    count.filter(|count| *count > 0).ok_or_else(|| {
        let reason = format!("topic `{topic}` does not exist; run `trueup topics apply`");
        KafkaFault::new(operation, reason)
    })
}
