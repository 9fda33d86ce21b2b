//! Follows one topic from its beginning for as long as the process runs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use trueup_reconciler::StopFlag;
use trueup_schemas::codec::Codec;

use super::follower::Shared;
use super::held::Followed;
use super::limits;
use crate::config::KafkaTarget;

pub(super) struct Tail {
    pub(super) kafka: KafkaTarget,
    pub(super) topic: String,
    pub(super) followed: Followed,
    pub(super) codec: Codec,
    pub(super) shared: Arc<Mutex<Shared>>,
    pub(super) stop: StopFlag,
}

/// A reader of what is committed. Each topic has its own: the end of a partition names no topic.
pub(super) fn consumer(kafka: &KafkaTarget) -> KafkaResult<BaseConsumer> {
    kafka
        .client()
        // The client asks for a group's name even where nothing is ever committed to it.
        .set("group.id", "trueup-summary")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("queued.max.messages.kbytes", limits::QUEUED_KIB)
        .create()
}

/// The number of partitions of a topic, 0 where there is none.
pub(super) fn partitions(consumer: &BaseConsumer, topic: &str) -> KafkaResult<i32> {
    let metadata = consumer.fetch_metadata(Some(topic), limits::QUERY_TIMEOUT)?;
    let held = metadata.topics().iter().find(|held| held.name() == topic);
    let count = held.map_or(0, |held| held.partitions().len());
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

impl Tail {
    /// Reads until told to stop; what the client cannot mend by itself is begun anew.
    pub(super) fn follow(&self) {
        while !self.stop.is_stopped() {
            match self.open() {
                Ok((consumer, count)) if count > 0 => self.read(&consumer, count),
                Ok(_) => self.hindered(&"it is not there; run `trueup topics apply`"),
                Err(fault) => self.hindered(&fault),
            }
            self.stop.wait(limits::OPEN_AGAIN);
        }
    }

    fn open(&self) -> KafkaResult<(BaseConsumer, i32)> {
        let consumer = consumer(&self.kafka)?;
        let count = partitions(&consumer, &self.topic)?;
        let mut all = TopicPartitionList::new();
        for partition in 0..count {
            all.add_partition_offset(&self.topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&all)?;
        Ok((consumer, count))
    }

    fn read(&self, consumer: &BaseConsumer, count: i32) {
        let mut ended = BTreeSet::new();
        while !self.stop.is_stopped() {
            match consumer.poll(limits::POLL) {
                Some(Ok(message)) => {
                    let place = (self.followed, message.partition());
                    let key = message.key().unwrap_or_default();
                    self.with(|shared| {
                        shared.held.take(place, &self.codec, key, message.payload());
                        shared.taken = shared.taken.saturating_add(1);
                    });
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    ended.insert(partition);
                    if (0..count).all(|partition| ended.contains(&partition)) {
                        self.with(|shared| {
                            shared.read.insert(self.followed);
                        });
                    }
                }
                // The client repeats what may pass by itself.
                Some(Err(fault)) => self.hindered(&fault),
                None => {}
            }
        }
    }

    /// Keeps what hinders for whoever waits, and goes on trying.
    fn hindered(&self, fault: &dyn std::fmt::Display) {
        tracing::debug!(topic = self.topic, %fault, "not followed");
        self.with(|shared| shared.fault = Some(format!("topic `{}`: {fault}", self.topic)));
    }

    fn with(&self, change: impl FnOnce(&mut Shared)) {
        change(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
