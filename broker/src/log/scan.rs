//! Reading a segment file from a position on, batch by batch, each with its checksum verified.

use std::sync::Arc;

use bytes::Bytes;

use super::fault::{LogCorrupt, LogFault};
use crate::batch::{Batch, BatchHeader, HEADER_BYTES};
use crate::disk::DiskFile;
use crate::limits::{MAX_STORED_BATCH_BYTES, SCAN_BYTES};

#[derive(Debug)]
pub(super) struct Scan {
    file: Arc<dyn DiskFile>,
    path: String,
    position: u64,
    until: u64,
    buffer: Bytes,
}

impl Scan {
    /// Reads the bytes of `file` from `position` to `until`.
    pub(super) fn new(file: Arc<dyn DiskFile>, path: String, position: u64, until: u64) -> Self {
        Self {
            file,
            path,
            position,
            until,
            buffer: Bytes::new(),
        }
    }

    /// Where the next batch begins.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch with its position; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Batch)>, LogFault> {
        let at = self.position;
        if at >= self.until {
            return Ok(None);
        }
        self.fill(HEADER_BYTES)?;
        if let Ok(header) = BatchHeader::parse(&self.buffer) {
            self.fill(header.size().min(MAX_STORED_BATCH_BYTES))?;
        }
        let batch = Batch::take_first(&mut self.buffer, MAX_STORED_BATCH_BYTES)
            .map_err(|fault| self.corrupt(fault.to_string()))?;
        self.position = at.saturating_add(length(batch.bytes.len()));
        Ok(Some((at, batch)))
    }

    /// Has at least `wanted` bytes in the buffer, or all that there are.
    fn fill(&mut self, wanted: usize) -> Result<(), LogFault> {
        if self.buffer.len() >= wanted {
            return Ok(());
        }
        let left = self.until.saturating_sub(self.position);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let read = wanted.max(SCAN_BYTES).min(left);
        self.buffer = self.file.read_at(self.position, read)?;
        Ok(())
    }

    pub(super) fn corrupt(&self, reason: String) -> LogFault {
        LogCorrupt {
            path: self.path.clone(),
            byte: self.position,
            reason,
        }
        .into()
    }
}

pub(super) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
