//! What the broker asks of a disk: files that grow at their end, and names that move at once.
//!
//! A file's bytes are durable after `sync`, a name only after `sync_directory` or `rename`; between
//! the two anything may be lost, in part too. Paths are relative to the disk's root and `/` divides
//! them.

mod fault;

mod limited;

mod real;

mod simulated;

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;

pub use fault::{
    BadPath, DiskCrashed, DiskFailed, DiskFault, DiskFull, DiskLocked, DiskOperation, NotFound,
};
pub use limited::LimitedDisk;
pub use real::RealDisk;
pub use simulated::{SimulatedDisk, Survival};

/// A directory tree of one broker.
pub trait Disk: Debug + Send + Sync {
    /// Makes a directory, with those above it, durably. It may be there already.
    fn create_directory(&self, path: &str) -> Result<(), DiskFault>;

    /// Removes a directory and all that is in it, durably. It may be gone already.
    fn remove_directory(&self, path: &str) -> Result<(), DiskFault>;

    /// Opens a file that is there.
    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskFault>;

    /// Makes an empty file, in place of one that had this name.
    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskFault>;

    /// Gives a file another name within its directory, in place of a file that had it: at once,
    /// and durably.
    fn rename(&self, from: &str, to: &str) -> Result<(), DiskFault>;

    /// Takes a file's name away. It may be gone already; who has the file open goes on reading it.
    fn remove(&self, path: &str) -> Result<(), DiskFault>;

    /// The names in a directory, sorted.
    fn list(&self, directory: &str) -> Result<Vec<String>, DiskFault>;

    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &str) -> Result<(), DiskFault>;

    /// Locks a file, made for this, against every other process and every other call.
    fn lock(&self, path: &str) -> Result<DiskLock, DiskFault>;
}

/// An open file. Handles may be used from several threads.
pub trait DiskFile: Debug + Send + Sync {
    /// Writes `parts`, one after the other, at the end. When this fails, some may be written.
    fn append(&self, parts: &[&[u8]]) -> Result<(), DiskFault>;

    /// Up to `length` bytes from `position`; fewer only where the file ends.
    fn read_at(&self, position: u64, length: usize) -> Result<Bytes, DiskFault>;

    fn length(&self) -> Result<u64, DiskFault>;

    /// Drops what lies beyond `length`.
    fn truncate(&self, length: u64) -> Result<(), DiskFault>;

    /// Makes the file's bytes durable. After a failure nobody knows which of them are: do not try
    /// again, for the next call may say yes to what is lost.
    fn sync(&self) -> Result<(), DiskFault>;
}

/// A lock that is held until this is dropped, or the process ends.
#[derive(Debug)]
pub struct DiskLock {
    _held: Box<dyn Held>,
}

/// What has to stay alive for a lock to be held.
trait Held: Debug + Send + Sync {}

/// Puts `parts` into the file `path`, whole or not at all, and durably.
pub fn replace(disk: &dyn Disk, path: &str, parts: &[&[u8]]) -> Result<(), DiskFault> {
    let written = format!("{path}.new");
    let file = disk.create(&written)?;
    file.append(parts)?;
    file.sync()?;
    disk.rename(&written, path)
}

/// The whole of a file; `None` if there is none of this name.
pub fn read_whole(
    disk: &dyn Disk,
    path: &str,
    max_bytes: usize,
) -> Result<Option<Bytes>, DiskFault> {
    match disk.open(path) {
        Ok(file) => file.read_at(0, max_bytes).map(Some),
        Err(DiskFault::NotFound(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The directory that a path's last name is in; empty for the root.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Refuses a path that could lead out of the root, or that two spellings exist of.
fn checked(path: &str) -> Result<&str, BadPath> {
    let plain = path.is_empty()
        || path
            .split('/')
            .all(|name| !matches!(name, "" | "." | "..") && !name.contains(['\\', '\0']));
    if plain {
        Ok(path)
    } else {
        Err(BadPath {
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
