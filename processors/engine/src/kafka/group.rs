//! The group consumer: a static member that subscribes to the events topic only.
//!
//! The group assigns partitions of `payments.events`; the same partitions of `orders` are added
//! here. The rebalance callback only writes down what changed: a partition is not read before it
//! was restored, so it is taken over paused, and read from explicit offsets once it goes live.
//! Taking it over at once, and not when it is restored, lets the group go on with its rebalance
//! while a slow store is waited for.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::closing::{Closes, Closing, Member};
use super::convert::{add, of_message, offsets, size};
use super::unstable::Unstable;
use super::{
    KafkaSettings, MAX_POLL_INTERVAL_MS, PREFETCH_KIB, PREFETCH_RECORDS, SESSION_TIMEOUT_MS,
    TopicNames, faults,
};
use crate::limits::MAX_BATCH_BYTES;
use crate::ports::log::{
    Change, Committed, FaultClass, Input, LogFault, Offsets, Position, Record,
};

/// A batch under backlog is closed after this long, so that commits keep coming.
const LONGEST_GATHER: Duration = Duration::from_millis(200);

/// How long stable offsets are waited for before the group is served again. A transaction that is
/// ending has its markers within milliseconds.
const STABLE_WAIT: Duration = Duration::from_secs(2);

const JOIN: &str = "join the group";

const READ_COMMITTED: &str = "read committed offsets";

/// Events handled in one go while only the group is served.
const MAX_EVENTS_SERVED: usize = 10_000;

pub(super) struct Group {
    consumer: Member<Rebalances>,
    topics: TopicNames,
    generation: Option<ConsumerGroupMetadata>,
    /// Ours by the group's word.
    owned: BTreeSet<i32>,
    /// Of these, read from both inputs.
    reading: BTreeSet<i32>,
    /// Read while only the group was to be served.
    left_over: VecDeque<Record>,
    unstable: Unstable,
    broken: bool,
}

#[derive(Debug)]
struct Rebalances {
    changes: Mutex<Vec<Change>>,
    closing: Closing,
    away: Arc<AtomicBool>,
}

impl ClientContext for Rebalances {
    fn log(&self, _level: rdkafka::config::RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(fac, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.away.store(true, Ordering::Relaxed);
        }
    }
}

impl Closes for Rebalances {
    fn closing(&self) -> &Closing {
        &self.closing
    }
}

impl ConsumerContext for Rebalances {
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
        let numbers = partitions
            .elements()
            .iter()
            .map(|element| element.partition())
            .collect();
        let change = if given {
            Change::Assigned(numbers)
        } else {
            Change::Revoked(numbers)
        };
        if let Ok(mut changes) = self.changes.lock() {
            changes.push(change);
        }
    }
}

impl Group {
    /// `away` is raised when no broker can be reached.
    pub(super) fn join(settings: &KafkaSettings, away: &Arc<AtomicBool>) -> Result<Self, LogFault> {
        let group = Self::idle(settings, away)?;
        group.subscribe()?;
        Ok(group)
    }

    /// A client that has not asked for its place in the group yet.
    fn idle(settings: &KafkaSettings, away: &Arc<AtomicBool>) -> Result<Self, LogFault> {
        let mut config = settings.client_config();
        config
            .set("group.id", &settings.group)
            .set("group.instance.id", &settings.instance)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "error")
            .set("session.timeout.ms", SESSION_TIMEOUT_MS.to_string())
            .set(
                "heartbeat.interval.ms",
                (SESSION_TIMEOUT_MS / 5).to_string(),
            )
            .set("max.poll.interval.ms", MAX_POLL_INTERVAL_MS.to_string())
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", PREFETCH_KIB.to_string())
            .set("queued.min.messages", PREFETCH_RECORDS.to_string());
        let consumer: BaseConsumer<Rebalances> = config
            .create_with_context(Rebalances {
                changes: Mutex::default(),
                closing: Closing::default(),
                away: Arc::clone(away),
            })
            .map_err(|error| faults::of_client(JOIN, &error))?;
        Ok(Self {
            consumer: consumer.into(),
            topics: settings.topics.clone(),
            generation: None,
            owned: BTreeSet::new(),
            reading: BTreeSet::new(),
            left_over: VecDeque::new(),
            unstable: Unstable::new(settings),
            broken: false,
        })
    }

    fn subscribe(&self) -> Result<(), LogFault> {
        self.consumer
            .subscribe(&[&self.topics.events])
            .map_err(|error| faults::of_client(JOIN, &error))
    }

    /// This consumer's place in the group is not to be trusted any more.
    pub(super) fn give_up(&mut self) {
        self.broken = true;
    }

    /// A consumer whose name was taken, or that failed for good, is replaced.
    pub(super) fn renew_if_broken(
        &mut self,
        settings: &KafkaSettings,
        away: &Arc<AtomicBool>,
    ) -> Result<Vec<Change>, LogFault> {
        if !self.broken {
            return Ok(Vec::new());
        }
        let idle = Self::idle(settings, away)?;
        // One that joins while its predecessor is there shuts it out.
        let lost = std::mem::replace(self, idle).owned.clone();
        if let Err(fault) = self.subscribe() {
            self.broken = true;
            self.owned = lost;
            return Err(fault);
        }
        Ok(vec![Change::Revoked(lost.into_iter().collect())])
    }

    pub(super) fn adopt_generation(&mut self) {
        self.generation = self.consumer.group_metadata();
    }

    pub(super) fn generation(&self) -> Result<&ConsumerGroupMetadata, LogFault> {
        self.generation.as_ref().ok_or_else(|| LogFault {
            operation: "name the group's generation",
            class: FaultClass::Abortable,
            reason: "no rebalance was served yet".into(),
        })
    }

    /// Handles all that waits to be handled. What was fetched before the inputs were paused may lie
    /// in front of a rebalance, and is kept for later.
    fn serve(&mut self, wait: Duration) -> Result<Vec<Change>, LogFault> {
        let mut wait = wait;
        for _ in 0..MAX_EVENTS_SERVED {
            let (changes, nothing) = match self.consumer.poll(wait) {
                None => (self.take_changes()?, true),
                Some(Ok(message)) => {
                    let record = of_message(&self.topics, &message);
                    self.left_over.extend(record);
                    (self.take_changes()?, false)
                }
                Some(Err(error)) => (self.failed(&error)?, false),
            };
            if nothing || !changes.is_empty() {
                return Ok(changes);
            }
            wait = Duration::ZERO;
        }
        Ok(Vec::new())
    }

    pub(super) fn poll(
        &mut self,
        wait: Duration,
        most: usize,
        into: &mut Vec<Record>,
    ) -> Result<Vec<Change>, LogFault> {
        if most == 0 {
            return self.serve(wait);
        }
        let started = Instant::now();
        let mut bytes = 0_usize;
        while into.len() < most {
            let Some(record) = self.left_over.pop_front() else {
                break;
            };
            into.push(record);
        }
        loop {
            let wait = if into.is_empty() {
                wait
            } else {
                Duration::ZERO
            };
            let record = match self.consumer.poll(wait) {
                None => None,
                Some(Ok(message)) => of_message(&self.topics, &message),
                Some(Err(error)) => return self.failed(&error),
            };
            let nothing = record.is_none();
            if let Some(record) = record {
                bytes = bytes.saturating_add(size(&record));
                into.push(record);
            }
            let changes = self.take_changes()?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            // The clock is read now and then: reading it for each record costs a fifth of the loop.
            let long = into.len().is_multiple_of(64) && started.elapsed() >= LONGEST_GATHER;
            if nothing || into.len() >= most || bytes >= MAX_BATCH_BYTES || long {
                break;
            }
        }
        Ok(Vec::new())
    }

    fn failed(&mut self, error: &KafkaError) -> Result<Vec<Change>, LogFault> {
        let operation = "read";
        let reason = error.to_string();
        if let KafkaError::MessageConsumptionFatal(code) = error {
            self.broken = true;
            let class = if *code == RDKafkaErrorCode::FencedInstanceId {
                FaultClass::MemberFenced
            } else {
                FaultClass::Fatal
            };
            return Err(LogFault {
                operation,
                class,
                reason,
            });
        }
        if let KafkaError::MessageConsumption(
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
        ) = error
        {
            let class = FaultClass::Fatal;
            return Err(LogFault {
                operation,
                class,
                reason,
            });
        }
        // The client goes on by itself; what changed meanwhile is served.
        tracing::debug!(%error, "consumer");
        self.take_changes()
    }

    /// Serves what the callback wrote down.
    fn take_changes(&mut self) -> Result<Vec<Change>, LogFault> {
        let changes = match self.consumer.context().changes.lock() {
            Ok(mut changes) if !changes.is_empty() => std::mem::take(&mut *changes),
            _ => return Ok(Vec::new()),
        };
        for change in &changes {
            match change {
                Change::Assigned(partitions) => {
                    // The offset is never used: the partition is paused until it is assigned anew.
                    let taken = self.list(partitions, &[Input::Events], Offset::Offset(0))?;
                    self.told(
                        "take partitions over",
                        self.consumer.incremental_assign(&taken),
                    )?;
                    if !partitions.is_empty() {
                        self.told("pause", self.consumer.pause(&taken))?;
                    }
                    self.owned.extend(partitions);
                }
                Change::Revoked(partitions) => {
                    let read: Vec<i32> = partitions
                        .iter()
                        .copied()
                        .filter(|partition| self.reading.contains(partition))
                        .collect();
                    let mut lost = self.list(partitions, &[Input::Events], Offset::Invalid)?;
                    add(&mut lost, &self.topics.orders, &read, Offset::Invalid)?;
                    self.told(
                        "give partitions back",
                        self.consumer.incremental_unassign(&lost),
                    )?;
                    self.left_over
                        .retain(|record| !partitions.contains(&record.partition));
                    for partition in partitions {
                        self.owned.remove(partition);
                        self.reading.remove(partition);
                    }
                }
            }
        }
        Ok(changes)
    }

    pub(super) fn assign(&mut self, live: &[(i32, Position)]) -> Result<(), LogFault> {
        let numbers: Vec<i32> = live.iter().map(|(partition, _)| *partition).collect();
        self.release(&numbers)?;
        let paused = self.list(&numbers, &[Input::Events], Offset::Invalid)?;
        self.told(
            "restart partitions",
            self.consumer.incremental_unassign(&paused),
        )?;
        let both = offsets(&self.topics, live)?;
        self.told("start partitions", self.consumer.incremental_assign(&both))?;
        // A pause outlives an assignment in the client.
        self.told("resume", self.consumer.resume(&both))?;
        self.reading.extend(numbers);
        Ok(())
    }

    pub(super) fn release(&mut self, partitions: &[i32]) -> Result<(), LogFault> {
        let read: Vec<i32> = partitions
            .iter()
            .copied()
            .filter(|partition| self.reading.contains(partition))
            .collect();
        if read.is_empty() {
            return Ok(());
        }
        let events = self.list(&read, &[Input::Events], Offset::Invalid)?;
        self.told("pause", self.consumer.pause(&events))?;
        let orders = self.list(&read, &[Input::Orders], Offset::Invalid)?;
        self.told(
            "stop partitions",
            self.consumer.incremental_unassign(&orders),
        )?;
        self.left_over
            .retain(|record| !read.contains(&record.partition));
        for partition in read {
            self.reading.remove(&partition);
        }
        Ok(())
    }

    pub(super) fn pause(&mut self, partitions: &[i32], paused: bool) -> Result<(), LogFault> {
        let read: Vec<i32> = partitions
            .iter()
            .copied()
            .filter(|partition| self.reading.contains(partition))
            .collect();
        if read.is_empty() {
            return Ok(());
        }
        let both = self.list(&read, &Input::ALL, Offset::Invalid)?;
        if paused {
            self.told("pause", self.consumer.pause(&both))
        } else {
            self.told("resume", self.consumer.resume(&both))
        }
    }

    /// With `read_committed` the client asks for stable offsets, and repeats the question while a
    /// transaction that covers them is open. What it says in the end does not tell such a
    /// transaction from brokers that are away; the answer to another question does.
    pub(super) fn committed(&mut self, partitions: &[i32]) -> Result<Offsets, LogFault> {
        let asked = self.list(partitions, &Input::ALL, Offset::Invalid)?;
        match self.consumer.committed_offsets(asked.clone(), STABLE_WAIT) {
            Ok(told) => Ok(Offsets::Stable(self.by_partition(partitions, &told)?)),
            Err(error) => match self.unstable.offsets(asked) {
                Ok(told) => Ok(Offsets::Unstable(self.by_partition(partitions, &told)?)),
                Err(_) => Err(faults::of_client(READ_COMMITTED, &error)),
            },
        }
    }

    fn by_partition(
        &self,
        partitions: &[i32],
        told: &TopicPartitionList,
    ) -> Result<Vec<Committed>, LogFault> {
        let mut found = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let mut offsets = [None; 2];
            for (input, offset) in Input::ALL.into_iter().zip(&mut offsets) {
                let element = told.find_partition(self.topics.input(input), *partition);
                let element = element.ok_or_else(|| unanswered(*partition))?;
                element
                    .error()
                    .map_err(|error| faults::of_client(READ_COMMITTED, &error))?;
                if let Offset::Offset(next) = element.offset() {
                    *offset = Some(next);
                }
            }
            found.push((*partition, offsets));
        }
        Ok(found)
    }

    fn list(
        &self,
        partitions: &[i32],
        inputs: &[Input],
        offset: Offset,
    ) -> Result<TopicPartitionList, LogFault> {
        let mut list = TopicPartitionList::new();
        for input in inputs {
            add(&mut list, self.topics.input(*input), partitions, offset)?;
        }
        Ok(list)
    }

    fn told(
        &self,
        operation: &'static str,
        result: Result<(), KafkaError>,
    ) -> Result<(), LogFault> {
        // The client refuses only what it does not have; a new consumer starts from nothing.
        result.map_err(|error| LogFault {
            operation,
            class: FaultClass::Fatal,
            reason: error.to_string(),
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What was told and not answered would be waited for.
        if let Err(fault) = self.take_changes() {
            tracing::debug!(%fault, "a change was not answered");
        }
    }
}

fn unanswered(partition: i32) -> LogFault {
    LogFault {
        operation: READ_COMMITTED,
        class: FaultClass::Retriable,
        reason: format!("the answer left partition {partition} out"),
    }
}
