//! The ends of transactions: changes, markers and offsets in one entry, so that a transaction has
//! ended everywhere or nowhere.

use std::collections::HashMap;

use super::{Core, Item};
use crate::batch::{Marker, marker};
use crate::code::Code;
use crate::names::TopicPartition;
use crate::transactions::{Change, Ended, Ending, Outcome};

/// There is one coordinator, and it is never replaced.
const COORDINATOR_EPOCH: i32 = 0;

impl Core {
    /// Lets an outcome of the transaction coordinator happen, and gives its answer.
    pub(crate) fn commit_outcome<T>(
        &mut self,
        outcome: Outcome<T>,
        now_ms: i64,
    ) -> Result<T, Code> {
        let ended: Vec<Ended> = outcome.ended.into_iter().collect();
        self.commit_ends(outcome.changes, &ended, now_ms);
        outcome.answer
    }

    pub(super) fn commit_ends(&mut self, changes: Vec<Change>, ended: &[Ended], now_ms: i64) {
        let mut items: Vec<Item> = changes.into_iter().map(Item::Transactions).collect();
        // Two transactions that end at once may have a partition in common.
        let mut ends: HashMap<&TopicPartition, i64> = HashMap::new();
        for ended in ended {
            let kind = match ended.ending {
                Ending::Commit => Marker::Commit,
                Ending::Abort => Marker::Abort,
            };
            for place in &ended.partitions {
                // A topic may have been deleted meanwhile, its part of the transaction with it.
                let Some(partition) = self.state.partition(place) else {
                    continue;
                };
                let Some(topic) = self.state.topics.get(place.topic.as_str()) else {
                    continue;
                };
                let offset = ends.entry(place).or_insert_with(|| partition.end());
                let batch = marker(
                    kind,
                    ended.producer.id,
                    ended.producer.epoch,
                    COORDINATOR_EPOCH,
                    now_ms,
                    *offset,
                );
                *offset += 1;
                items.push(Item::Batch {
                    topic: topic.id,
                    partition: place.partition,
                    batch,
                });
            }
            for group in &ended.groups {
                let change = self
                    .state
                    .offsets
                    .end(group, ended.producer.id, ended.ending);
                items.extend(change.map(Item::Offsets));
            }
        }
        self.commit(items);
    }
}
