//! What can happen to committed offsets, as the journal keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trueup_plants::{Plant, planted};

use super::{Committed, GroupOffsets, Kept, Offsets};
use crate::names::{GroupId, TopicPartition};
use crate::stored::Stored;
use crate::transactions::Ending;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    Committed {
        group: GroupId,
        offsets: Vec<(TopicPartition, Committed)>,
    },
    /// Written within a transaction that has not ended.
    Pending {
        group: GroupId,
        producer_id: i64,
        offsets: Vec<(TopicPartition, Committed)>,
    },
    /// The producer's transaction has ended.
    Ended {
        group: GroupId,
        producer_id: i64,
        ending: Ending,
    },
    Forgotten {
        group: GroupId,
        partitions: Vec<TopicPartition>,
    },
    /// The group is deleted with all that it has.
    GroupForgotten { group: GroupId },
}

impl Stored for Change {}

impl Offsets {
    /// Takes in a change, as it happens and at a replay.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Committed { group, offsets } => {
                let kept = self.placed(offsets);
                self.group(group).committed.extend(kept);
            }
            Change::Pending {
                group,
                producer_id,
                offsets,
            } => {
                let kept = self.placed(offsets);
                let pending = &mut self.group(group).pending;
                pending.entry(*producer_id).or_default().extend(kept);
            }
            Change::Ended {
                group,
                producer_id,
                ending,
            } => self.with_group(group, |offsets| {
                let pending = offsets.pending.remove(producer_id).unwrap_or_default();
                if *ending == Ending::Commit || planted(Plant::OffsetsDespiteAbort) {
                    offsets.show(pending);
                }
            }),
            Change::Forgotten { group, partitions } => self.with_group(group, |offsets| {
                for partition in partitions {
                    offsets.committed.remove(partition);
                    for pending in offsets.pending.values_mut() {
                        pending.remove(partition);
                    }
                }
                offsets.pending.retain(|_, pending| !pending.is_empty());
            }),
            Change::GroupForgotten { group } => {
                self.groups.remove(group);
            }
        }
    }

    fn placed(&mut self, offsets: &[(TopicPartition, Committed)]) -> Vec<(TopicPartition, Kept)> {
        self.commits += 1;
        let place = self.commits;
        offsets
            .iter()
            .map(|(partition, committed)| {
                let committed = committed.clone();
                (partition.clone(), Kept { place, committed })
            })
            .collect()
    }

    fn group(&mut self, group: &GroupId) -> &mut GroupOffsets {
        self.groups.entry(group.clone()).or_default()
    }

    /// Changes a group that may be left with nothing, and then is gone.
    fn with_group(&mut self, group: &GroupId, change: impl FnOnce(&mut GroupOffsets)) {
        let Some(offsets) = self.groups.get_mut(group) else {
            return;
        };
        change(offsets);
        if offsets.is_empty() {
            self.groups.remove(group);
        }
    }
}

impl GroupOffsets {
    fn show(&mut self, pending: BTreeMap<TopicPartition, Kept>) {
        for (partition, kept) in pending {
            match self.committed.get(&partition) {
                Some(later) if later.place > kept.place => {}
                Some(_) | None => {
                    self.committed.insert(partition, kept);
                }
            }
        }
    }
}
