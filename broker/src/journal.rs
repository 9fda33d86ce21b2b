//! The write-ahead journal: everything that is promised to be durable is in here first.
//!
//! An entry is whole or absent after a crash, and so is all that was ever synced; what is found
//! damaged below that is refused, with its place named, and never skipped. Entries are opaque.

mod entry;

mod fault;

mod files;

mod recovery;

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use fault::{
    EntryFault, EntryTooLarge, JournalCorrupt, JournalFailed, JournalFault, JournalGap,
    JournalIncomplete, JournalTooLarge, NewerFormat, NotAJournal, RecoveryFault, Refused,
    TooManyParts,
};

use crate::disk::{Disk, DiskFault, DiskFile};
use crate::limits::{CHECKPOINT_BYTES, MAX_JOURNAL_FILE_BYTES};
use entry::Frame;
use files::{FileHeader, path};

/// How far the journal is: the number of entries before and at this place. Never used twice.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position(u64);

impl Position {
    /// Before the first entry.
    pub const START: Self = Self(0);

    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The journal, open for appending.
#[derive(Debug)]
pub struct Journal {
    disk: Arc<dyn Disk>,
    directory: String,
    /// What makes this run's entries unlike any bytes that a client could send.
    salt: u64,
    /// The first position of each file, oldest first; the last one is written to.
    files: Vec<Position>,
    file: Arc<dyn DiskFile>,
    file_salt: u64,
    file_bytes: u64,
    /// Files written before the last one that are not known to be synced, with their last position.
    unsynced: Vec<(Position, Arc<dyn DiskFile>)>,
    appended: Position,
    written: Position,
    synced: Position,
    waiting: Vec<Frame>,
    waiting_bytes: u64,
    failed: bool,
}

impl Journal {
    /// Opens the journal in `directory` and hands every entry after `after` to `apply`, in order.
    /// What is handed over is durable when this returns. `salt` is a random number.
    pub fn open<E: Display>(
        disk: Arc<dyn Disk>,
        directory: &str,
        after: Position,
        salt: u64,
        apply: impl FnMut(Position, Vec<Bytes>) -> Result<(), E>,
    ) -> Result<Self, RecoveryFault> {
        let recovered = recovery::recover(disk.as_ref(), directory, after, salt, apply)?;
        Ok(Self {
            disk,
            directory: directory.to_owned(),
            salt,
            files: recovered.files,
            file: recovered.file,
            file_salt: recovered.file_salt,
            file_bytes: recovered.file_bytes,
            unsynced: Vec::new(),
            appended: recovered.last,
            written: recovered.last,
            synced: recovered.last,
            waiting: Vec::new(),
            waiting_bytes: 0,
            failed: false,
        })
    }

    /// Takes an entry to be written with the lot. Its parts are kept apart, and not copied.
    pub fn append(&mut self, parts: Vec<Bytes>) -> Result<Position, EntryFault> {
        let sequence = self.appended.next();
        let frame = Frame::new(parts, sequence, self.synced, self.file_salt)?;
        self.waiting_bytes = self.waiting_bytes.saturating_add(frame.size());
        self.waiting.push(frame);
        self.appended = sequence;
        Ok(sequence)
    }

    /// Writes the lot with one call. If it fails, the lot still waits, and none of it is written.
    pub fn write_out(&mut self) -> Result<Position, JournalFault> {
        self.usable()?;
        if self.waiting.is_empty() {
            return Ok(self.written);
        }
        let parts: Vec<&[u8]> = self.waiting.iter().flat_map(Frame::parts).collect();
        if let Err(fault) = self.file.append(&parts) {
            // A piece of the lot in the file would end the journal for all that comes after it.
            if self.file.truncate(self.file_bytes).is_err() {
                self.failed = true;
            }
            return Err(fault.into());
        }
        self.file_bytes = self.file_bytes.saturating_add(self.waiting_bytes);
        self.written = self.appended;
        self.waiting.clear();
        self.waiting_bytes = 0;
        if self.file_bytes >= MAX_JOURNAL_FILE_BYTES {
            // The lot is written, whatever comes of this; the next one tries again.
            let _later = self.roll();
        }
        Ok(self.written)
    }

    /// What makes all that is written durable; it may run on another thread while this one goes on.
    #[must_use]
    pub fn sync_job(&self) -> SyncJob {
        let mut files: Vec<_> = self
            .unsynced
            .iter()
            .map(|(_, file)| Arc::clone(file))
            .collect();
        files.push(Arc::clone(&self.file));
        SyncJob {
            files,
            through: self.written,
        }
    }

    /// Takes note of what became of a sync. One that failed ends this journal: what the operating
    /// system could not write it may have forgotten, and the next sync would not tell.
    pub fn synced(&mut self, outcome: &Result<Position, DiskFault>) {
        match outcome {
            Ok(through) => {
                self.synced = self.synced.max(*through);
                self.unsynced.retain(|(last, _)| last > through);
            }
            Err(_) => self.failed = true,
        }
    }

    /// The last position appended, whether it is written or not.
    #[must_use]
    pub fn end(&self) -> Position {
        self.appended
    }

    /// The last position known to be durable.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.synced
    }

    /// Whether so much was written that a checkpoint is due.
    #[must_use]
    pub fn wants_checkpoint(&self) -> bool {
        self.file_bytes >= CHECKPOINT_BYTES
    }

    /// Goes on in a new file, so that those before it can be dropped when a snapshot stands for
    /// them. Writes the lot first.
    pub fn roll(&mut self) -> Result<(), JournalFault> {
        self.usable()?;
        self.write_out_here()?;
        let first = self.written.next();
        if self.files.last() == Some(&first) {
            return Ok(());
        }
        let salt = self.salt;
        let header = FileHeader { salt, first };
        let file = header.create(self.disk.as_ref(), &self.directory)?;
        self.unsynced.push((self.written, Arc::clone(&self.file)));
        self.file = file;
        self.file_salt = salt;
        self.file_bytes = files::HEADER_BYTES;
        self.files.push(first);
        Ok(())
    }

    /// Drops the files of which nothing after `through` is needed: a snapshot has it, durably.
    pub fn drop_through(&mut self, through: Position) -> Result<(), JournalFault> {
        while let [oldest, next, ..] = self.files.as_slice() {
            if *next > through.next() {
                break;
            }
            self.disk.remove(&path(&self.directory, *oldest))?;
            self.files.remove(0);
        }
        Ok(())
    }

    /// A lot is framed for the file that it goes to, so it has to be there before another begins.
    fn write_out_here(&mut self) -> Result<(), JournalFault> {
        if !self.waiting.is_empty() {
            self.write_out()?;
        }
        Ok(())
    }

    fn usable(&self) -> Result<(), JournalFailed> {
        if self.failed {
            Err(JournalFailed)
        } else {
            Ok(())
        }
    }
}

/// The order to sync what was written up to a position.
#[derive(Debug, Clone)]
pub struct SyncJob {
    files: Vec<Arc<dyn DiskFile>>,
    through: Position,
}

impl SyncJob {
    /// How far the journal is durable when [`SyncJob::run`] succeeds.
    #[must_use]
    pub fn through(&self) -> Position {
        self.through
    }

    /// Blocks until the disk has it. Older files go first, so that there is never a hole.
    pub fn run(&self) -> Result<Position, DiskFault> {
        for file in &self.files {
            file.sync()?;
        }
        Ok(self.through)
    }
}

#[cfg(test)]
mod tests;
