//! How a log loses its oldest part: by age, by size, or because somebody said so.

use super::Log;
use super::fault::LogFault;
use super::segment::Segment;

impl Log {
    /// Where the log should start by its settings, if that is later than now. Nothing at or
    /// above `below` is given up.
    #[must_use]
    pub fn retention_start(&self, now_ms: i64, below: i64) -> Option<i64> {
        let mut size = self.size_bytes();
        let mut start = None;
        for (index, segment) in self.segments.iter().enumerate() {
            let last = index.saturating_add(1) == self.segments.len();
            let left = size.saturating_sub(segment.bytes());
            let excess = self
                .settings
                .retention_bytes
                .is_some_and(|most| left >= most && !last);
            let expired = self.settings.retention_ms.is_some_and(|most_ms| {
                segment.bytes() > 0
                    && segment.max_timestamp >= 0
                    && now_ms.saturating_sub(segment.max_timestamp) > most_ms
            });
            // Compaction may have left nothing in it.
            let empty = segment.bytes() == 0 && !last;
            let until = self.until(index);
            if until > below || !(excess || expired || empty) {
                break;
            }
            size = left;
            start = Some(until);
        }
        start.filter(|start| *start > self.start)
    }

    /// Gives up all below `offset`, and removes the files that have nothing else.
    pub fn advance_start(&mut self, offset: i64) -> Result<(), LogFault> {
        self.start = self.start.max(offset.min(self.end));
        self.cleaned_until = self.cleaned_until.max(self.start);
        while let Some(segment) = self.segments.first() {
            if self.until(0) > self.start {
                break;
            }
            if segment.exists {
                remove(self, segment.base)?;
                self.names_changed = true;
            }
            self.segments.remove(0);
        }
        Ok(())
    }

    /// Where the segment after this one begins.
    pub(super) fn until(&self, index: usize) -> i64 {
        self.segments
            .get(index.saturating_add(1))
            .map_or(self.end, |next| next.base)
    }
}

fn remove(log: &Log, base: i64) -> Result<(), LogFault> {
    log.disk
        .remove(&Segment::index_path(&log.directory, base))?;
    log.disk.remove(&Segment::path(&log.directory, base))?;
    Ok(())
}
