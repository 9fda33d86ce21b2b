//! What is looked at now and then: retention, compaction, idle groups and silent producers.

use super::{Core, Item};

impl Core {
    pub(super) fn upkeep(&mut self, now_ms: i64) {
        let mut items = Vec::new();
        for (topic, partition, found) in self.state.all_mut() {
            found.state.expire(now_ms);
            if let Some(offset) = found.log.retention_start(now_ms, found.high_watermark) {
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
    }
}
