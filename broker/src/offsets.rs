//! The offsets that groups have committed, and those that wait for the end of a transaction.
//!
//! Whether a client may commit is decided by `groups` and `transactions` before. A transaction's
//! offsets are pending from [`Offsets::commit_pending`] until its end: nobody reads them before,
//! everybody after a commit, nobody ever after an abort. Requests give a [`Change`] to journal
//! and to [`Offsets::apply`].

mod change;
mod fetch;
#[cfg(test)]
mod properties;
mod sizes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::change::Change;
pub use self::fetch::Fetched;
use crate::code::Code;
use crate::limits::OFFSETS_RETENTION_MS;
use crate::names::{GroupId, TopicName, TopicPartition};
use crate::stored::Stored;
use crate::transactions::Ending;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    pub offset: i64,
    /// -1 where the client gave none.
    pub leader_epoch: i32,
    pub metadata: String,
    pub committed_ms: i64,
}

/// What a request that touches several partitions comes to. The codes are in the request's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitOutcome {
    pub codes: Vec<(TopicPartition, Code)>,
    pub change: Option<Change>,
}

/// A committed offset and its place among all commits: what was written later wins, even when
/// the transaction that wrote it ends earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    place: u64,
    committed: Committed,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct GroupOffsets {
    committed: BTreeMap<TopicPartition, Kept>,
    /// By producer id. No inner map is empty.
    pending: BTreeMap<i64, BTreeMap<TopicPartition, Kept>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offsets {
    groups: BTreeMap<GroupId, GroupOffsets>,
    commits: u64,
}

impl Stored for Offsets {}

impl Offsets {
    /// `OffsetCommit`.
    #[must_use]
    pub fn commit(
        &self,
        group: &GroupId,
        offsets: Vec<(TopicPartition, Committed)>,
    ) -> CommitOutcome {
        let (codes, offsets) = self.fitting(group, offsets);
        let change = (!offsets.is_empty()).then(|| Change::Committed {
            group: group.clone(),
            offsets,
        });
        CommitOutcome { codes, change }
    }

    /// `TxnOffsetCommit`.
    #[must_use]
    pub fn commit_pending(
        &self,
        group: &GroupId,
        producer_id: i64,
        offsets: Vec<(TopicPartition, Committed)>,
    ) -> CommitOutcome {
        let (codes, offsets) = self.fitting(group, offsets);
        let change = (!offsets.is_empty()).then(|| Change::Pending {
            group: group.clone(),
            producer_id,
            offsets,
        });
        CommitOutcome { codes, change }
    }

    /// The end of a transaction that holds the group. `None` where it has committed no offsets.
    #[must_use]
    pub fn end(&self, group: &GroupId, producer_id: i64, ending: Ending) -> Option<Change> {
        let pending = &self.groups.get(group)?.pending;
        pending.contains_key(&producer_id).then(|| Change::Ended {
            group: group.clone(),
            producer_id,
            ending,
        })
    }

    /// The topic is deleted: one of the same name begins anew.
    #[must_use]
    pub fn forget_topic(&self, topic: &TopicName) -> Vec<Change> {
        let of_topic = |partition: &&TopicPartition| partition.topic == *topic;
        self.groups
            .iter()
            .filter_map(|(group, offsets)| {
                let partitions = offsets.partitions().filter(of_topic).cloned().collect();
                forgotten(group, partitions)
            })
            .collect()
    }

    /// The offsets of a group that has had no member since `idle_since_ms`, and that nobody has
    /// committed for long.
    #[must_use]
    pub fn expired(&self, group: &GroupId, idle_since_ms: i64, now_ms: i64) -> Option<Change> {
        let offsets = self.groups.get(group)?;
        let kept_since_ms = now_ms.saturating_sub(OFFSETS_RETENTION_MS);
        let partitions = offsets
            .committed
            .iter()
            .filter(|(partition, kept)| {
                kept.committed.committed_ms.max(idle_since_ms) <= kept_since_ms
                    && !offsets.is_pending(partition)
            })
            .map(|(partition, _)| partition.clone())
            .collect();
        forgotten(group, partitions)
    }

    #[must_use]
    pub fn contains(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    pub fn groups(&self) -> impl Iterator<Item = &GroupId> {
        self.groups.keys()
    }
}

fn forgotten(group: &GroupId, partitions: Vec<TopicPartition>) -> Option<Change> {
    (!partitions.is_empty()).then(|| Change::Forgotten {
        group: group.clone(),
        partitions,
    })
}

impl GroupOffsets {
    fn is_pending(&self, partition: &TopicPartition) -> bool {
        self.pending
            .values()
            .any(|offsets| offsets.contains_key(partition))
    }

    /// Each partition once or more.
    fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        let pending = self.pending.values().flat_map(BTreeMap::keys);
        self.committed.keys().chain(pending)
    }

    fn len(&self) -> usize {
        let pending: usize = self.pending.values().map(BTreeMap::len).sum();
        self.committed.len() + pending
    }

    fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.pending.is_empty()
    }
}
