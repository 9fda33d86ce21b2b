//! One partition's data: whole batches in segment files, by offset and by time.
//!
//! Appending does no io: a batch lies in memory, and is read from there, until it is flushed; the
//! journal has it meanwhile. Segments are synced at checkpoints only, and opening a log gives it
//! back as of the last one: what came after is appended again from the journal.

mod checkpoint;

mod cleaning;

mod compaction;

mod fates;

mod fault;

mod index;

mod opening;

mod position;

mod reading;

mod retention;

mod scan;

mod segment;

mod settings;

mod swap;

use std::sync::{Arc, Mutex};

use crate::batch::Batch;
use crate::disk::Disk;

pub use checkpoint::LogCheckpoint;
pub use cleaning::{Compacted, Compaction};
pub use compaction::CompactionReport;
pub use fault::{LogCorrupt, LogFault, LogUnsyncable, NotNext, OutOfRange};
pub use position::LogPosition;
pub use reading::FoundTime;
pub use settings::LogSettings;

use segment::Segment;

/// The log of one partition.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    directory: String,
    settings: LogSettings,
    /// Oldest first, without a hole between them; the last one is appended to.
    segments: Vec<Segment>,
    start: i64,
    end: i64,
    /// Below this, compaction has seen every key.
    cleaned_until: i64,
    /// Files came or went since the directory was synced.
    names_changed: bool,
    compaction: compaction::Progress,
    shared: Arc<Mutex<checkpoint::Shared>>,
}

impl Log {
    /// The first offset that may be read.
    #[must_use]
    pub fn start_offset(&self) -> i64 {
        self.start
    }

    /// The offset that the next batch gets.
    #[must_use]
    pub fn end_offset(&self) -> i64 {
        self.end
    }

    /// What a snapshot has to keep of this log.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        LogPosition {
            start: self.start,
            end: self.end,
            cleaned_until: self.cleaned_until,
        }
    }

    /// The bytes of all segments.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(Segment::bytes).sum()
    }

    #[must_use]
    pub fn settings(&self) -> &LogSettings {
        &self.settings
    }

    pub fn configure(&mut self, settings: LogSettings) {
        self.settings = settings;
    }

    /// Takes a batch with its offsets assigned. It can be read at once, and is on no disk yet.
    pub fn append(&mut self, batch: Batch, now_ms: i64) -> Result<(), NotNext> {
        if batch.header.base_offset < self.end {
            return Err(NotNext {
                offset: batch.header.base_offset,
                end: self.end,
            });
        }
        let roll = self
            .segments
            .last()
            .is_none_or(|last| last.is_full_for(&batch, now_ms, &self.settings));
        if roll {
            self.segments.push(Segment::new(batch.header.base_offset));
        }
        self.end = batch.header.next_offset();
        if let Some(last) = self.segments.last_mut() {
            last.append(batch, now_ms, self.settings.index_interval_bytes);
        }
        Ok(())
    }

    /// Closes the last segment if it is of age, so that retention and compaction can have it.
    pub fn roll_if_due(&mut self, now_ms: i64) {
        let due = self
            .segments
            .last()
            .is_some_and(|last| last.bytes() > 0 && last.is_of_age(now_ms, &self.settings));
        if due {
            self.segments.push(Segment::new(self.end));
        }
    }

    /// The bytes that lie in memory alone.
    #[must_use]
    pub fn unflushed_bytes(&self) -> u64 {
        self.segments.iter().map(Segment::pending_bytes).sum()
    }

    /// Whether so much lies in memory that it should be flushed.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        self.unflushed_bytes() >= self.settings.flush_bytes
    }

    /// Writes what lies in memory to the segments, without a sync. What cannot be written stays
    /// in memory, and the next call tries again.
    pub fn flush(&mut self) -> Result<(), LogFault> {
        for segment in &mut self.segments {
            if segment.flush(self.disk.as_ref(), &self.directory)? {
                self.names_changed = true;
            }
        }
        Ok(())
    }

    /// Removes the log with all of its files.
    pub fn remove(self) -> Result<(), LogFault> {
        Ok(self.disk.remove_directory(&self.directory)?)
    }
}

#[cfg(test)]
mod tests;
