//! What is looked at now and then: retention, compaction, idle groups and silent producers.

use uuid::Uuid;

use super::workers::Done;
use super::{Core, Item};
use crate::log::{Compacted, LogFault};

/// No abort is forgotten, so the markers of aborted transactions stay, which is always safe.
const ABORTS_FORGOTTEN_BELOW: i64 = 0;

impl Core {
    pub(super) fn upkeep(&mut self, now_ms: i64) {
        let mut items = Vec::new();
        for (topic, partition, found) in self.state.all_mut() {
            found.state.expire(now_ms);
            found.log.roll_if_due(now_ms);
            if let Some(offset) = found
                .log
                .retention_start(now_ms, found.last_stable_offset())
            {
                items.push(Item::Start {
                    topic,
                    partition,
                    offset,
                });
            }
        }
        let swept = self.groups.sweep(&self.state.offsets, now_ms);
        items.extend(swept.into_iter().map(Item::Offsets));
        self.commit(items);
        self.compact(now_ms);
    }

    /// Begins the compaction of one partition that is due; the next upkeep finds the next.
    fn compact(&mut self, now_ms: i64) {
        if self.compacting || self.checkpointing.is_some() || self.broken.is_some() {
            return;
        }
        let topics = self.state.topics.all();
        let compacted: Vec<(Uuid, i32)> = topics
            .filter(|topic| topic.settings.compact)
            .flat_map(|topic| (0..topic.partitions).map(|partition| (topic.id, partition)))
            .collect();
        for (topic, partition) in compacted {
            let Some(found) = self.state.by_id_mut(topic, partition) else {
                continue;
            };
            let below = found.last_stable_offset();
            match found
                .log
                .begin_compaction(now_ms, below, ABORTS_FORGOTTEN_BELOW)
            {
                Ok(None) => {}
                Ok(Some(order)) => {
                    self.compacting = self.workers.chore(Box::new(move || Done::Compacted {
                        topic,
                        partition,
                        outcome: order.run(),
                    }));
                    return;
                }
                Err(fault) => tracing::warn!(%fault, "a compaction did not begin"),
            }
        }
    }

    pub(super) fn compacted(
        &mut self,
        topic: Uuid,
        partition: i32,
        outcome: Result<Compacted, LogFault>,
    ) {
        self.compacting = false;
        // Nobody misses the compaction of a topic that was deleted meanwhile.
        let Some(found) = self.state.by_id_mut(topic, partition) else {
            return;
        };
        let snapshot_end = found.snapshot_end;
        match found.log.finish_compaction(outcome, snapshot_end) {
            Ok(Some(report)) => {
                let (before, after) = (report.bytes_before, report.bytes_after);
                tracing::info!(%topic, partition, before, after, "a partition was compacted");
            }
            Ok(None) => {}
            Err(fault) => self.breaks(&fault),
        }
    }
}
