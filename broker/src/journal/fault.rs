//! Why the journal takes no entry, cannot be written, or is not recovered.

use thiserror::Error;

use super::Position;
use crate::disk::DiskFault;
use crate::limits::{MAX_ENTRY_BYTES, MAX_ENTRY_PARTS, MAX_RECOVERED_FILE_BYTES};

/// The entry is larger than recovery would read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("journal entry of {bytes} bytes is larger than {MAX_ENTRY_BYTES}")]
pub struct EntryTooLarge {
    pub bytes: usize,
}

/// The entry has more parts than recovery would read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("journal entry of {parts} parts has more than {MAX_ENTRY_PARTS}")]
pub struct TooManyParts {
    pub parts: usize,
}

/// Why an entry is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EntryFault {
    #[error(transparent)]
    TooLarge(#[from] EntryTooLarge),
    #[error(transparent)]
    TooManyParts(#[from] TooManyParts),
}

/// The journal is of no use any more: a sync failed, or a piece of a lot could not be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the journal failed before and has to be recovered")]
pub struct JournalFailed;

/// Why the journal was not written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JournalFault {
    #[error(transparent)]
    Disk(#[from] DiskFault),
    #[error(transparent)]
    Failed(#[from] JournalFailed),
}

/// A file does not begin as a journal does.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` is no journal, or its head is damaged; restore it from a copy")]
pub struct NotAJournal {
    pub path: String,
}

/// A newer broker wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{path}` has journal format {found}, this program knows {known}; run the version of trueup \
     that wrote it, or a later one"
)]
pub struct NewerFormat {
    pub path: String,
    pub found: u32,
    pub known: u32,
}

/// Bytes that were durable are damaged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{path}` is damaged at byte {byte}, where entry {} should be, and later entries say that it \
     was durable; restore it from a copy",
    entry.get()
)]
pub struct JournalCorrupt {
    pub path: String,
    pub byte: u64,
    pub entry: Position,
}

/// The journal begins after the place that it is needed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the journal begins at entry {}, but the snapshot needs it from entry {} on; restore the \
     files that are missing",
    first.get(), needed.get()
)]
pub struct JournalGap {
    pub first: Position,
    pub needed: Position,
}

/// The journal ends before the place that a snapshot was taken at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the journal ends at entry {}, but the snapshot was taken at entry {}; restore the files that \
     are missing",
    last.get(), snapshot.get()
)]
pub struct JournalIncomplete {
    pub last: Position,
    pub snapshot: Position,
}

/// A file is larger than any that is written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` has {bytes} bytes, more than the {MAX_RECOVERED_FILE_BYTES} of any journal file")]
pub struct JournalTooLarge {
    pub path: String,
    pub bytes: u64,
}

/// An entry is whole, but who reads it cannot use it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("journal entry {} is not understood: {reason}", entry.get())]
pub struct Refused {
    pub entry: Position,
    pub reason: String,
}

/// Why the journal is not recovered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecoveryFault {
    #[error(transparent)]
    Disk(#[from] DiskFault),
    #[error(transparent)]
    NotAJournal(#[from] NotAJournal),
    #[error(transparent)]
    NewerFormat(#[from] NewerFormat),
    #[error(transparent)]
    Corrupt(#[from] JournalCorrupt),
    #[error(transparent)]
    Gap(#[from] JournalGap),
    #[error(transparent)]
    Incomplete(#[from] JournalIncomplete),
    #[error(transparent)]
    TooLarge(#[from] JournalTooLarge),
    #[error(transparent)]
    Refused(#[from] Refused),
}
