//! Why a disk did not do what it was asked.

use std::fmt;
use std::io;

use thiserror::Error;

/// There is no file of this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` is not there")]
pub struct NotFound {
    pub path: String,
}

/// There is no room left.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no room left on the disk for `{path}`")]
pub struct DiskFull {
    pub path: String,
}

/// Another process, or another broker of this one, has the lock.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` is locked by another process")]
pub struct DiskLocked {
    pub path: String,
}

/// The path could lead out of the disk's root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` is no path within a data directory")]
pub struct BadPath {
    pub path: String,
}

/// The handle is of a time before a simulated crash.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` was open when the disk crashed")]
pub struct DiskCrashed {
    pub path: String,
}

/// What a disk was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskOperation {
    CreateDirectory,
    RemoveDirectory,
    Open,
    Create,
    Rename,
    Remove,
    List,
    SyncDirectory,
    Lock,
    Append,
    Read,
    Length,
    Truncate,
    Sync,
}

impl fmt::Display for DiskOperation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CreateDirectory => "create the directory",
            Self::RemoveDirectory => "remove the directory",
            Self::Open => "open",
            Self::Create => "create",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::List => "list",
            Self::SyncDirectory => "sync the directory",
            Self::Lock => "lock",
            Self::Append => "append to",
            Self::Read => "read",
            Self::Length => "measure",
            Self::Truncate => "truncate",
            Self::Sync => "sync",
        })
    }
}

/// The operating system refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot {operation} `{path}`: {reason}")]
pub struct DiskFailed {
    pub operation: DiskOperation,
    pub path: String,
    pub reason: String,
}

/// Why a disk did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DiskFault {
    #[error(transparent)]
    NotFound(#[from] NotFound),
    #[error(transparent)]
    Full(#[from] DiskFull),
    #[error(transparent)]
    Locked(#[from] DiskLocked),
    #[error(transparent)]
    BadPath(#[from] BadPath),
    #[error(transparent)]
    Crashed(#[from] DiskCrashed),
    #[error(transparent)]
    Failed(#[from] DiskFailed),
}

impl DiskFault {
    pub(super) fn of(operation: DiskOperation, path: &str, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => NotFound { path }.into(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DiskFull { path }.into(),
            _ => DiskFailed {
                operation,
                path,
                reason: error.to_string(),
            }
            .into(),
        }
    }
}
