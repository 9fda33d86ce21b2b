//! What can happen to the coordinator's state, as the journal keeps it.

use serde::{Deserialize, Serialize};

use super::entry::{Entry, State};
use super::{Ending, Transactions};
use crate::names::{GroupId, Producer, TopicPartition, TransactionalId};
use crate::stored::Stored;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Producer ids below `next` are given away.
    ProducerIdTaken { next: i64 },
    /// From now on `producer` speaks for the id.
    Initialized {
        id: TransactionalId,
        producer: Producer,
        /// Who spoke for it before, where that one asked for the change.
        last_producer: Option<Producer>,
        timeout_ms: i32,
        now_ms: i64,
    },
    /// The transaction holds these too; it is begun where it was not.
    PartitionsAdded {
        id: TransactionalId,
        partitions: Vec<TopicPartition>,
        now_ms: i64,
    },
    /// The transaction holds the group's offsets too; it is begun where it was not.
    GroupAdded {
        id: TransactionalId,
        group: GroupId,
        now_ms: i64,
    },
    /// The transaction has ended. A fence raises the producer's epoch.
    Ended {
        id: TransactionalId,
        ending: Ending,
        producer: Producer,
        now_ms: i64,
    },
    /// The id was unused for long.
    Forgotten { id: TransactionalId },
}

impl Stored for Change {}

impl Transactions {
    /// Takes in a change, as it happens and at a replay.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::ProducerIdTaken { next } => {
                self.next_producer_id = self.next_producer_id.max(*next);
            }
            Change::Initialized {
                id,
                producer,
                last_producer,
                timeout_ms,
                now_ms,
            } => {
                let entry = Entry::new(*producer, *last_producer, *timeout_ms, *now_ms);
                self.take(id);
                self.put(id, entry);
            }
            Change::PartitionsAdded {
                id,
                partitions,
                now_ms,
            } => self.update(id, |entry| {
                entry.begin(*now_ms);
                entry.partitions.extend(partitions.iter().cloned());
            }),
            Change::GroupAdded { id, group, now_ms } => self.update(id, |entry| {
                entry.begin(*now_ms);
                entry.groups.insert(group.clone());
            }),
            Change::Ended {
                id,
                ending,
                producer,
                now_ms,
            } => self.update(id, |entry| {
                entry.state = match ending {
                    Ending::Commit => State::CompleteCommit,
                    Ending::Abort => State::CompleteAbort,
                };
                if entry.producer != *producer {
                    entry.last_producer = None;
                }
                entry.producer = *producer;
                entry.partitions.clear();
                entry.groups.clear();
                entry.changed_ms = *now_ms;
            }),
            Change::Forgotten { id } => {
                self.take(id);
            }
        }
    }

    fn update(&mut self, id: &TransactionalId, change: impl FnOnce(&mut Entry)) {
        if let Some(mut entry) = self.take(id) {
            change(&mut entry);
            self.put(id, entry);
        }
    }

    // The deadline is taken and put with its entry, so that the two never differ.

    fn take(&mut self, id: &TransactionalId) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.deadlines.remove(&(entry.deadline_ms(), id.clone()));
        Some(entry)
    }

    fn put(&mut self, id: &TransactionalId, entry: Entry) {
        self.deadlines.insert((entry.deadline_ms(), id.clone()));
        self.entries.insert(id.clone(), entry);
    }
}
