//! One segment: a file of batches, and those that will be written to it.

use std::sync::Arc;

use super::index::Index;
use super::scan::{Scan, length};
use super::settings::LogSettings;
use crate::batch::{Batch, BatchHeader};
use crate::disk::{Disk, DiskFault, DiskFile};

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) base: i64,
    /// The offset after its last batch.
    pub(super) next: i64,
    /// The bytes in the file. Those in memory follow them.
    pub(super) written: u64,
    pub(super) pending: Vec<Batch>,
    pub(super) index: Index,
    pub(super) first_timestamp: Option<i64>,
    /// `i64::MIN` without a batch.
    pub(super) max_timestamp: i64,
    /// Whether the file, and its index file, have what they should after a crash.
    pub(super) unsynced: bool,
    pub(super) exists: bool,
    pending_bytes: u64,
    /// When its first batch was appended, if this process saw it.
    begun_ms: Option<i64>,
    /// Open while it is written to.
    file: Option<Arc<dyn DiskFile>>,
    /// A write failed, and there may be more in the file than was noted.
    torn: bool,
}

impl Segment {
    pub(super) fn new(base: i64) -> Self {
        Self {
            base,
            next: base,
            written: 0,
            pending: Vec::new(),
            index: Index::default(),
            first_timestamp: None,
            max_timestamp: i64::MIN,
            unsynced: false,
            exists: false,
            pending_bytes: 0,
            begun_ms: None,
            file: None,
            torn: false,
        }
    }

    pub(super) fn path(directory: &str, base: i64) -> String {
        format!("{directory}/{base:020}.log")
    }

    pub(super) fn index_path(directory: &str, base: i64) -> String {
        format!("{directory}/{base:020}.index")
    }

    pub(super) fn bytes(&self) -> u64 {
        self.written.saturating_add(self.pending_bytes)
    }

    pub(super) fn pending_bytes(&self) -> u64 {
        self.pending_bytes
    }

    /// Whether `batch` has to begin another segment.
    pub(super) fn is_full_for(&self, batch: &Batch, now_ms: i64, settings: &LogSettings) -> bool {
        let bytes = self.bytes().saturating_add(length(batch.bytes.len()));
        self.bytes() > 0 && (bytes > settings.segment_bytes || self.is_of_age(now_ms, settings))
    }

    /// Whether its time is over. A compacted topic's segments close early enough to be compacted.
    pub(super) fn is_of_age(&self, now_ms: i64, settings: &LogSettings) -> bool {
        let most_ms = settings.segment_ms.min(settings.max_compaction_lag_ms);
        self.begun_ms
            .or(self.first_timestamp)
            .is_some_and(|begun_ms| now_ms.saturating_sub(begun_ms) > most_ms)
    }

    pub(super) fn append(&mut self, batch: Batch, now_ms: i64, index_interval_bytes: u64) {
        self.note(&batch.header, self.bytes(), index_interval_bytes);
        self.begun_ms = self.begun_ms.or(Some(now_ms));
        self.pending_bytes = self.pending_bytes.saturating_add(length(batch.bytes.len()));
        self.pending.push(batch);
    }

    /// Counts a batch in that lies at `position`.
    pub(super) fn note(&mut self, header: &BatchHeader, position: u64, interval_bytes: u64) {
        self.index.note(
            header.base_offset,
            position,
            self.max_timestamp,
            interval_bytes,
        );
        self.first_timestamp = self.first_timestamp.or(Some(header.max_timestamp));
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
        self.next = header.next_offset();
    }

    /// Writes what lies in memory; says whether a file was made for it.
    pub(super) fn flush(&mut self, disk: &dyn Disk, directory: &str) -> Result<bool, DiskFault> {
        if self.pending.is_empty() {
            return Ok(false);
        }
        let created = !self.exists;
        let file = self.writable(disk, directory)?;
        if self.torn {
            file.truncate(self.written)?;
            self.torn = false;
        }
        let parts: Vec<&[u8]> = self
            .pending
            .iter()
            .map(|batch| batch.bytes.as_ref())
            .collect();
        self.unsynced = true;
        if let Err(fault) = file.append(&parts) {
            self.torn = file.truncate(self.written).is_err();
            return Err(fault);
        }
        self.written = self.bytes();
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(created)
    }

    fn writable(
        &mut self,
        disk: &dyn Disk,
        directory: &str,
    ) -> Result<Arc<dyn DiskFile>, DiskFault> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let path = Self::path(directory, self.base);
        let file = if self.exists {
            disk.open(&path)?
        } else {
            disk.create(&path)?
        };
        self.exists = true;
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }

    /// The file, to read from.
    pub(super) fn open(
        &self,
        disk: &dyn Disk,
        directory: &str,
    ) -> Result<Arc<dyn DiskFile>, DiskFault> {
        self.file.as_ref().map_or_else(
            || disk.open(&Self::path(directory, self.base)),
            |file| Ok(Arc::clone(file)),
        )
    }

    /// Reads what is in the file from `position` on.
    pub(super) fn scan(
        &self,
        disk: &dyn Disk,
        directory: &str,
        position: u64,
    ) -> Result<Scan, DiskFault> {
        Ok(Scan::new(
            self.open(disk, directory)?,
            Self::path(directory, self.base),
            position,
            self.written,
        ))
    }

    /// Closes the file, until something is written to it again.
    pub(super) fn close(&mut self) {
        self.file = None;
    }
}
