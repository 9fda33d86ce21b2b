//! `OffsetFetch`: what a group has committed.

use trueup_plants::{Plant, planted};

use super::{Committed, GroupOffsets, Kept, Offsets};
use crate::names::{GroupId, TopicPartition};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    Committed(Committed),
    /// Nothing is committed: offset -1 and no error.
    None,
    /// A transaction that has not ended has committed one, and the client asked to be told:
    /// `UnstableOffsetCommit`.
    Unstable,
}

impl Offsets {
    #[must_use]
    pub fn fetch(
        &self,
        group: &GroupId,
        partition: &TopicPartition,
        require_stable: bool,
    ) -> Fetched {
        self.groups.get(group).map_or(Fetched::None, |offsets| {
            offsets.fetch(partition, require_stable)
        })
    }

    /// For every partition of which the group has committed an offset.
    #[must_use]
    pub fn fetch_all(
        &self,
        group: &GroupId,
        require_stable: bool,
    ) -> Vec<(TopicPartition, Fetched)> {
        let Some(offsets) = self.groups.get(group) else {
            return Vec::new();
        };
        offsets
            .committed
            .keys()
            .map(|partition| (partition.clone(), offsets.fetch(partition, require_stable)))
            .collect()
    }
}

impl GroupOffsets {
    fn fetch(&self, partition: &TopicPartition, require_stable: bool) -> Fetched {
        let found = |kept: &Kept| Fetched::Committed(kept.committed.clone());
        if planted(Plant::OffsetsBeforeEnd) {
            let mut pending = self.pending.values();
            if let Some(kept) = pending.find_map(|offsets| offsets.get(partition)) {
                return found(kept);
            }
        }
        if require_stable && self.is_pending(partition) {
            return Fetched::Unstable;
        }
        self.committed.get(partition).map_or(Fetched::None, found)
    }
}
