//! When a log is compacted, and how what came of it takes the place of the old segments.

use std::sync::Arc;

use super::Log;
use super::checkpoint;
use super::cleaning::{Compacted, Compaction, Group, Source};
use super::fault::LogFault;
use super::segment::Segment;
use super::swap;
use crate::disk::DiskFault;

/// What a log remembers of its compactions. Forgetting it costs one more of them.
#[derive(Debug, Default)]
pub(super) struct Progress {
    running: bool,
    /// The last compaction came this far; until more segments are closed, another would not help.
    until: Option<i64>,
    /// When the first tombstone may go.
    next_horizon_ms: Option<i64>,
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactionReport {
    pub cleaned_until: i64,
    pub bytes_before: u64,
    pub bytes_after: u64,
    /// There is no data left of transactions that were aborted below this, and never will be.
    /// When readers are not told of these aborts any more, durably, `begin_compaction` may know.
    pub aborted_gone_below: i64,
}

impl Log {
    /// The order to compact this log, if it is time. Only what is below `below`, the last stable
    /// offset, is touched; readers are told of no abort whose marker is below
    /// `aborts_forgotten_below`. The log can be used meanwhile.
    pub fn begin_compaction(
        &mut self,
        now_ms: i64,
        below: i64,
        aborts_forgotten_below: i64,
    ) -> Result<Option<Compaction>, LogFault> {
        if self.compaction.running {
            return Ok(None);
        }
        let sources = self.compactable(now_ms, below);
        if !self.wants_compaction(&sources, now_ms) {
            return Ok(None);
        }
        self.flush()?;
        self.compaction.running = true;
        Ok(Some(Compaction {
            disk: Arc::clone(&self.disk),
            directory: self.directory.clone(),
            settings: self.settings.clone(),
            sources,
            dirty_from: self.cleaned_until.max(self.start),
            now_ms,
            aborts_forgotten_below,
        }))
    }

    /// The closed segments that are old enough and decided.
    fn compactable(&self, now_ms: i64, below: i64) -> Vec<Source> {
        let youngest_ms = now_ms.saturating_sub(self.settings.min_compaction_lag_ms);
        let closed = self.segments.len().saturating_sub(1);
        self.segments
            .iter()
            .enumerate()
            .take(closed)
            .map(|(index, segment)| (self.until(index), segment))
            .take_while(|(until, segment)| {
                let old = self.settings.min_compaction_lag_ms <= 0
                    || segment.max_timestamp <= youngest_ms;
                *until <= below && old
            })
            .map(|(until, segment)| Source {
                base: segment.base,
                until,
                written: segment.bytes(),
            })
            .collect()
    }

    fn wants_compaction(&self, sources: &[Source], now_ms: i64) -> bool {
        let Some(last) = sources.last() else {
            return false;
        };
        let due = |horizon_ms: i64| horizon_ms <= now_ms;
        if self.compaction.next_horizon_ms.is_some_and(due) {
            return true;
        }
        if self
            .compaction
            .until
            .is_some_and(|until| last.until <= until)
        {
            return false;
        }
        let dirty = |source: &&Source| source.until > self.cleaned_until;
        let total: u64 = sources.iter().map(|source| source.written).sum();
        let dirty_bytes: u64 = sources
            .iter()
            .filter(dirty)
            .map(|source| source.written)
            .sum();
        let overdue = sources.iter().find(dirty).is_some_and(|first| {
            let oldest = self
                .segments
                .iter()
                .find(|segment| segment.base == first.base);
            let oldest_ms = oldest.and_then(|segment| segment.first_timestamp);
            oldest_ms.is_some_and(|oldest_ms| {
                now_ms.saturating_sub(oldest_ms) >= self.settings.max_compaction_lag_ms
            })
        });
        let enough = dirty_bytes.saturating_mul(100)
            >= total.saturating_mul(self.settings.min_dirty_percent);
        dirty_bytes > 0 && (overdue || enough)
    }

    /// Takes what came of a compaction; `None` if nothing did, because the log lost the segments
    /// meanwhile or the disk was full. After a fault the log has to be opened anew.
    ///
    /// `snapshot_end` is the end of the log in the last durable snapshot. What lies above it is
    /// appended again after a crash as it once came, aborted data included: of that nobody may
    /// forget an abort yet.
    pub fn finish_compaction(
        &mut self,
        outcome: Result<Compacted, LogFault>,
        snapshot_end: i64,
    ) -> Result<Option<CompactionReport>, LogFault> {
        self.compaction.running = false;
        let compacted = match outcome {
            Ok(compacted) => compacted,
            Err(LogFault::Disk(DiskFault::NotFound(_) | DiskFault::Full(_))) => {
                self.compaction.until = Some(self.end);
                return Ok(None);
            }
            Err(fault) => return Err(fault),
        };
        let bytes_before = self.size_bytes();
        for group in compacted.groups {
            self.take_group(group)?;
        }
        self.cleaned_until = compacted.cleaned_until.clamp(self.start, self.end);
        self.compaction.until = (!compacted.keys_left).then_some(compacted.until);
        self.compaction.next_horizon_ms = compacted.next_horizon_ms;
        Ok(Some(CompactionReport {
            cleaned_until: self.cleaned_until,
            bytes_before,
            bytes_after: self.size_bytes(),
            aborted_gone_below: compacted.aborted_gone_below.min(snapshot_end),
        }))
    }

    /// Puts a compacted segment in the place of its sources, unless the log lost one of them.
    fn take_group(&mut self, group: Group) -> Result<(), LogFault> {
        let replaced: Vec<i64> = group.sources.iter().map(|source| source.base).collect();
        let base = group.segment.base;
        let at = self
            .segments
            .iter()
            .position(|segment| segment.base == base);
        let present = at.is_some_and(|at| {
            let there = self.segments.iter().skip(at).take(replaced.len());
            there
                .map(|segment| segment.base)
                .eq(replaced.iter().copied())
        });
        let (Some(at), true, Some(last)) = (at, present, group.sources.last()) else {
            let unfinished = swap::unfinished_path(&self.directory, base);
            return Ok(self.disk.remove(&unfinished)?);
        };
        let (disk, directory) = (self.disk.as_ref(), self.directory.as_str());
        let mut shared = checkpoint::locked(&self.shared);
        shared.replaced = shared.replaced.saturating_add(1);
        swap::swap(disk, directory, base, last.until, &replaced)?;
        let until = at.saturating_add(replaced.len());
        let taken: Vec<Segment> = vec![group.segment];
        self.segments.splice(at..until, taken);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
