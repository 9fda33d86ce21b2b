//! A disk that can be made full, and whose syncs can be made to fail, around any other: for fault
//! injection on a real one.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Disk, DiskFailed, DiskFault, DiskFile, DiskFull, DiskLock, DiskOperation};

/// A disk around another. Clones have the same faults.
#[derive(Debug, Clone)]
pub struct LimitedDisk {
    inner: Arc<dyn Disk>,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    /// How many bytes may still be written; `None` for no limit.
    room: Mutex<Option<u64>>,
    failing_syncs: AtomicU32,
    failed_syncs: AtomicU64,
}

impl Faults {
    fn room(&self) -> MutexGuard<'_, Option<u64>> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LimitedDisk {
    #[must_use]
    pub fn new(inner: Arc<dyn Disk>) -> Self {
        Self {
            inner,
            faults: Arc::default(),
        }
    }

    /// From now on only so many more bytes can be written; what is cut off gives room again.
    pub fn limit_room(&self, bytes: Option<u64>) {
        *self.faults.room() = bytes;
    }

    /// Makes the next `count` syncs of files fail.
    pub fn fail_syncs(&self, count: u32) {
        self.faults.failing_syncs.store(count, Ordering::SeqCst);
    }

    /// How many syncs were made to fail.
    #[must_use]
    pub fn failed_syncs(&self) -> u64 {
        self.faults.failed_syncs.load(Ordering::SeqCst)
    }

    fn around(&self, path: &str, inner: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(LimitedFile {
            path: path.to_owned(),
            inner,
            faults: Arc::clone(&self.faults),
        })
    }
}

impl Disk for LimitedDisk {
    fn create_directory(&self, path: &str) -> Result<(), DiskFault> {
        self.inner.create_directory(path)
    }

    fn remove_directory(&self, path: &str) -> Result<(), DiskFault> {
        self.inner.remove_directory(path)
    }

    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskFault> {
        Ok(self.around(path, self.inner.open(path)?))
    }

    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskFault> {
        if *self.faults.room() == Some(0) {
            return Err(DiskFull {
                path: path.to_owned(),
            }
            .into());
        }
        Ok(self.around(path, self.inner.create(path)?))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskFault> {
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &str) -> Result<(), DiskFault> {
        self.inner.remove(path)
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskFault> {
        self.inner.list(directory)
    }

    fn sync_directory(&self, path: &str) -> Result<(), DiskFault> {
        self.inner.sync_directory(path)
    }

    fn lock(&self, path: &str) -> Result<DiskLock, DiskFault> {
        self.inner.lock(path)
    }
}

#[derive(Debug)]
struct LimitedFile {
    path: String,
    inner: Arc<dyn DiskFile>,
    faults: Arc<Faults>,
}

impl DiskFile for LimitedFile {
    fn append(&self, parts: &[&[u8]]) -> Result<(), DiskFault> {
        let mut room = self.faults.room();
        let Some(left) = room.as_mut() else {
            // Nobody waits for another's write when there is no limit.
            drop(room);
            return self.inner.append(parts);
        };
        let mut fitting: Vec<&[u8]> = Vec::with_capacity(parts.len());
        let mut full = false;
        for part in parts {
            let fits = usize::try_from(*left).unwrap_or(usize::MAX).min(part.len());
            fitting.push(part.get(..fits).unwrap_or_default());
            *left = left.saturating_sub(u64::try_from(fits).unwrap_or(u64::MAX));
            full = fits < part.len();
            if full {
                break;
            }
        }
        self.inner.append(&fitting)?;
        if full {
            return Err(DiskFull {
                path: self.path.clone(),
            }
            .into());
        }
        Ok(())
    }

    fn read_at(&self, position: u64, length: usize) -> Result<Bytes, DiskFault> {
        self.inner.read_at(position, length)
    }

    fn length(&self) -> Result<u64, DiskFault> {
        self.inner.length()
    }

    fn truncate(&self, length: u64) -> Result<(), DiskFault> {
        let before = self.inner.length()?;
        self.inner.truncate(length)?;
        if let Some(left) = self.faults.room().as_mut() {
            *left = left.saturating_add(before.saturating_sub(length));
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), DiskFault> {
        let failing =
            self.faults
                .failing_syncs
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| {
                    count.checked_sub(1)
                });
        if failing.is_ok() {
            self.faults.failed_syncs.fetch_add(1, Ordering::SeqCst);
            return Err(DiskFailed {
                operation: DiskOperation::Sync,
                path: self.path.clone(),
                reason: "made to fail".to_owned(),
            }
            .into());
        }
        self.inner.sync()
    }
}
