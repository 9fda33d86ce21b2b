//! Why a log does not give or take what it was asked for.

use thiserror::Error;

use crate::batch::NotPacked;
use crate::disk::DiskFault;

/// The batch's offsets are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("batch at offset {offset} does not follow the log's end {end}")]
pub struct NotNext {
    pub offset: i64,
    pub end: i64,
}

/// The log has not, or no longer, what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("offset {offset} is not between the log's start {start} and its end {end}")]
pub struct OutOfRange {
    pub offset: i64,
    pub start: i64,
    pub end: i64,
}

/// Bytes that a checkpoint made durable are no batches.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{path}` is damaged at byte {byte}: {reason}; restore it from a copy, or delete the topic"
)]
pub struct LogCorrupt {
    pub path: String,
    pub byte: u64,
    pub reason: String,
}

/// A sync of the log failed, and nobody knows what it has on disk.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a sync of `{directory}` failed before; the log has to be opened anew")]
pub struct LogUnsyncable {
    pub directory: String,
}

/// Why a log did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogFault {
    #[error(transparent)]
    Disk(#[from] DiskFault),
    #[error(transparent)]
    Corrupt(#[from] LogCorrupt),
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    #[error(transparent)]
    Unsyncable(#[from] LogUnsyncable),
    #[error(transparent)]
    NotPacked(#[from] NotPacked),
}
