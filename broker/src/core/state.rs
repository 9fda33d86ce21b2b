//! What outlives the process: topics, partitions, transactions and committed offsets. It changes
//! by items alone, at work and at replay alike.

use std::collections::HashMap;
use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use super::item::Item;
use super::partition::{Partition, producer_batch};
use crate::disk::Disk;
use crate::log::{Log, LogFault, LogPosition, NotNext};
use crate::names::TopicPartition;
use crate::offsets::Offsets;
use crate::partition_state::PartitionState;
use crate::topics::{Change, Topics};
use crate::transactions::Transactions;

/// Why an item did not happen, which leaves the state as good as none.
#[derive(Debug, Error)]
pub(super) enum ApplyFault {
    #[error(transparent)]
    Log(#[from] LogFault),
    #[error(transparent)]
    NotNext(#[from] NotNext),
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) topics: Topics,
    pub(crate) transactions: Transactions,
    pub(crate) offsets: Offsets,
    partitions: HashMap<Uuid, Vec<Partition>>,
    disk: Arc<dyn Disk>,
}

/// What an applied item has to lead to elsewhere.
pub(super) enum Effect {
    None,
    Grown(Uuid, i32),
    /// A directory of which nothing is needed any more, once this is durable.
    Doomed(String),
}

/// Where the topics lie, each in a directory that is its id.
pub(super) const TOPICS: &str = "topics";

pub(super) fn topic_directory(topic: Uuid) -> String {
    format!("{TOPICS}/{topic}")
}

fn partition_directory(topic: Uuid, partition: i32) -> String {
    format!("{TOPICS}/{topic}/{partition}")
}

impl State {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        topics: Topics,
        transactions: Transactions,
        offsets: Offsets,
    ) -> Self {
        Self {
            topics,
            transactions,
            offsets,
            partitions: HashMap::new(),
            disk,
        }
    }

    pub(crate) fn partition(&self, place: &TopicPartition) -> Option<&Partition> {
        let topic = self.topics.get(place.topic.as_str())?;
        self.by_id(topic.id, place.partition)
    }

    pub(crate) fn by_id(&self, topic: Uuid, partition: i32) -> Option<&Partition> {
        let index = usize::try_from(partition).ok()?;
        self.partitions.get(&topic)?.get(index)
    }

    pub(super) fn by_id_mut(&mut self, topic: Uuid, partition: i32) -> Option<&mut Partition> {
        let index = usize::try_from(partition).ok()?;
        self.partitions.get_mut(&topic)?.get_mut(index)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Uuid, i32, &Partition)> {
        self.partitions.iter().flat_map(|(topic, partitions)| {
            (0..)
                .zip(partitions)
                .map(|(index, partition)| (*topic, index, partition))
        })
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = (Uuid, i32, &mut Partition)> {
        self.partitions.iter_mut().flat_map(|(topic, partitions)| {
            (0..)
                .zip(partitions)
                .map(|(index, partition)| (*topic, index, partition))
        })
    }

    /// Opens a topic's next partition, as it was at a checkpoint or as a new one.
    pub(super) fn open_partition(
        &mut self,
        topic: Uuid,
        position: LogPosition,
        state: PartitionState,
    ) -> Result<(), LogFault> {
        let partitions = self.partitions.entry(topic).or_default();
        let index = i32::try_from(partitions.len()).unwrap_or(i32::MAX);
        let settings = self.topics.by_id(topic).map(|known| known.settings.log());
        let log = Log::open(
            Arc::clone(&self.disk),
            &partition_directory(topic, index),
            settings.unwrap_or_default(),
            position,
        )?;
        partitions.push(Partition {
            high_watermark: log.end_offset(),
            snapshot_end: position.end,
            log,
            state,
        });
        Ok(())
    }

    pub(super) fn apply(&mut self, item: Item, now_ms: i64) -> Result<Effect, ApplyFault> {
        match item {
            Item::Topics(change) => return self.apply_to_topics(&change),
            Item::Transactions(change) => self.transactions.apply(&change),
            Item::Offsets(change) => self.offsets.apply(&change),
            Item::Batch {
                topic,
                partition,
                batch,
            } => {
                let Some(found) = self.by_id_mut(topic, partition) else {
                    return Ok(Effect::None);
                };
                found.state.apply(&producer_batch(&batch), now_ms);
                found.log.append(batch, now_ms)?;
                return Ok(Effect::Grown(topic, partition));
            }
            Item::Start {
                topic,
                partition,
                offset,
            } => {
                if let Some(found) = self.by_id_mut(topic, partition) {
                    found.log.advance_start(offset)?;
                    found.state.truncate_before(offset);
                }
            }
        }
        Ok(Effect::None)
    }

    fn apply_to_topics(&mut self, change: &Change) -> Result<Effect, ApplyFault> {
        let doomed = match change {
            Change::Deleted(name) => self.topics.get(name.as_str()).map(|topic| topic.id),
            Change::Created(_) | Change::Grown { .. } | Change::Configured { .. } => None,
        };
        self.topics.apply(change);
        if let Some(topic) = doomed {
            self.partitions.remove(&topic);
            return Ok(Effect::Doomed(topic_directory(topic)));
        }
        let (Change::Created(crate::topics::Topic { name, .. })
        | Change::Grown { name, .. }
        | Change::Configured { name, .. }
        | Change::Deleted(name)) = change;
        let Some(topic) = self.topics.get(name.as_str()).cloned() else {
            return Ok(Effect::None);
        };
        for partition in self.partitions.entry(topic.id).or_default() {
            partition.log.configure(topic.settings.log());
        }
        let wanted = usize::try_from(topic.partitions).unwrap_or(0);
        while self.partitions.get(&topic.id).map_or(0, Vec::len) < wanted {
            self.open_partition(topic.id, LogPosition::default(), PartitionState::default())?;
        }
        Ok(Effect::None)
    }
}
