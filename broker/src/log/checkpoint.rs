//! Making a log durable up to where it stands, and the index files that spare reading it again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Log;
use super::fault::{LogFault, LogUnsyncable};
use super::index::Index;
use super::position::LogPosition;
use super::segment::Segment;
use crate::disk::{Disk, DiskFault, DiskFile, replace};
use crate::limits::INDEX_FILE_FROM_BYTES;

const MAGIC: &[u8; 8] = b"TRUEUPIX";
/// The number of this layout, which must stay stable. An index of another one is made anew.
const FORMAT: u32 = 1;

/// The order to make a log durable; it may run on another thread while the log is appended to.
#[derive(Debug)]
pub struct LogCheckpoint {
    disk: Arc<dyn Disk>,
    directory: String,
    files: Vec<Arc<dyn DiskFile>>,
    indexes: Vec<(String, Bytes)>,
    names_changed: bool,
    position: LogPosition,
    shared: Arc<Mutex<Shared>>,
    replaced_before: u64,
}

/// What a log and its checkpoints tell each other. Who writes an index file holds it, so that no
/// index comes to lie beside a segment that it is not of.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// How often segments were replaced.
    pub(super) replaced: u64,
    last: Outcome,
}

/// What became of the last checkpoint.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    #[default]
    Done,
    /// It was begun, and nobody ran it yet, or to its end.
    Begun,
    /// A sync failed. What the operating system could not write it may have forgotten.
    Failed,
}

pub(super) fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    /// Flushes the log and says what has to be synced. One at a time: what a checkpoint that was
    /// never run, or not to its end, should have synced is taken over by the next.
    pub fn begin_checkpoint(&mut self) -> Result<LogCheckpoint, LogFault> {
        self.flush()?;
        let (last, replaced_before) = {
            let mut shared = locked(&self.shared);
            if shared.last == Outcome::Failed {
                let directory = self.directory.clone();
                return Err(LogUnsyncable { directory }.into());
            }
            (
                std::mem::replace(&mut shared.last, Outcome::Begun),
                shared.replaced,
            )
        };
        let all = last != Outcome::Done;
        let mut files = Vec::new();
        let mut indexes = Vec::new();
        for segment in self.segments.iter_mut().filter(|segment| segment.exists) {
            if segment.unsynced || all {
                files.push(segment.open(self.disk.as_ref(), &self.directory)?);
                if segment.written >= INDEX_FILE_FROM_BYTES {
                    let path = Segment::index_path(&self.directory, segment.base);
                    indexes.push((path, IndexFile::of(segment).encode()));
                }
                segment.unsynced = false;
            }
            // Who is written to opens it again: so open files are few, whatever the partitions.
            segment.close();
        }
        Ok(LogCheckpoint {
            disk: Arc::clone(&self.disk),
            directory: self.directory.clone(),
            files,
            indexes,
            names_changed: std::mem::take(&mut self.names_changed) || all,
            position: self.position(),
            shared: Arc::clone(&self.shared),
            replaced_before,
        })
    }
}

impl LogCheckpoint {
    /// Blocks until the disk has it, and gives what the snapshot has to say of this log. If it
    /// fails, no later checkpoint of this log succeeds: it has to be opened anew.
    pub fn run(&self) -> Result<LogPosition, LogFault> {
        if let Err(fault) = self.sync() {
            locked(&self.shared).last = Outcome::Failed;
            return Err(fault.into());
        }
        let mut shared = locked(&self.shared);
        shared.last = Outcome::Done;
        let fresh = shared.replaced == self.replaced_before;
        for (path, index) in self.indexes.iter().filter(|_| fresh) {
            // Without it, opening the log takes longer: no reason to go without a checkpoint.
            let _full = replace(self.disk.as_ref(), path, &[index]);
        }
        Ok(self.position)
    }

    fn sync(&self) -> Result<(), DiskFault> {
        for file in &self.files {
            file.sync()?;
        }
        if self.names_changed {
            self.disk.sync_directory(&self.directory)?;
        }
        Ok(())
    }

    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.position
    }
}

/// What an index file says of the part of a segment that it covers.
#[derive(Debug)]
pub(super) struct IndexFile {
    pub(super) covered: u64,
    pub(super) next: i64,
    pub(super) first_timestamp: Option<i64>,
    pub(super) max_timestamp: i64,
    pub(super) index: Index,
}

impl IndexFile {
    fn of(segment: &Segment) -> Self {
        Self {
            covered: segment.written,
            next: segment.next,
            first_timestamp: segment.first_timestamp,
            max_timestamp: segment.max_timestamp,
            index: segment.index.clone(),
        }
    }

    fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_slice(MAGIC);
        bytes.put_u32(FORMAT);
        bytes.put_u32(0);
        bytes.put_u64(self.covered);
        bytes.put_i64(self.next);
        bytes.put_u8(u8::from(self.first_timestamp.is_some()));
        bytes.put_i64(self.first_timestamp.unwrap_or_default());
        bytes.put_i64(self.max_timestamp);
        self.index.encode(&mut bytes);
        let crc = crc32c::crc32c(bytes.get(CHECKED_FROM..).unwrap_or_default());
        if let Some(place) = bytes.get_mut(CHECKSUM_FROM..CHECKED_FROM) {
            place.copy_from_slice(&crc.to_be_bytes());
        }
        bytes.freeze()
    }

    /// `None` for whatever is not an undamaged index of this format: it can be made anew.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = bytes.strip_prefix(MAGIC)?;
        let format = fields.try_get_u32().ok()?;
        let crc = fields.try_get_u32().ok()?;
        if format != FORMAT || crc != crc32c::crc32c(fields) {
            return None;
        }
        let covered = fields.try_get_u64().ok()?;
        let next = fields.try_get_i64().ok()?;
        let any = fields.try_get_u8().ok()? == 1;
        let first_timestamp = fields.try_get_i64().ok()?;
        Some(Self {
            covered,
            next,
            first_timestamp: any.then_some(first_timestamp),
            max_timestamp: fields.try_get_i64().ok()?,
            index: Index::decode(fields)?,
        })
    }
}

const CHECKSUM_FROM: usize = 12;
const CHECKED_FROM: usize = 16;
