//! A disk in memory that forgets as a real one may: what was not synced is lost in a crash, whole,
//! in part or torn; it can be full, and a sync of it can fail.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{
    Disk, DiskFailed, DiskFault, DiskFile, DiskFull, DiskLock, DiskLocked, DiskOperation, Held,
    NotFound, checked, parent,
};
use state::{Inode, State};

/// What a crash leaves of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    Nothing,
    /// As when the process dies and the operating system lives on.
    Everything,
    /// Of every file and name as chance has it, files cut anywhere and with holes.
    Torn {
        seed: u64,
    },
}

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

impl SimulatedDisk {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the process that used the disk: files and locks it has open are of no use any more.
    pub fn crash(&self, survival: Survival) {
        self.state().crash(survival);
    }

    /// How many bytes all files together may have; `None` for no limit.
    pub fn limit_bytes(&self, capacity: Option<u64>) {
        self.state().capacity = capacity;
    }

    /// Makes the next `count` syncs of files fail.
    pub fn fail_syncs(&self, count: u32) {
        self.state().failing_syncs = count;
    }

    /// How many syncs of files there were.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// How many bytes all files have.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.state().used()
    }

    /// Changes bytes of a file where they lie, as a failing medium does.
    ///
    /// # Panics
    /// If there is no such file, or it is shorter.
    pub fn corrupt(&self, path: &str, position: usize, change: impl FnOnce(&mut u8)) {
        let mut state = self.state();
        let inode = state
            .inode(path)
            .unwrap_or_else(|| panic!("no file `{path}`"));
        inode.corrupt(position, change);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked with the lock held has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, path: &str, inode: u64, crashes: u64) -> Arc<dyn DiskFile> {
        Arc::new(SimulatedFile {
            disk: self.clone(),
            path: path.to_owned(),
            inode,
            crashes,
        })
    }
}

impl Disk for SimulatedDisk {
    fn create_directory(&self, path: &str) -> Result<(), DiskFault> {
        checked(path)?;
        let mut state = self.state();
        let mut path = path;
        while !path.is_empty() {
            state.directories.insert(path.to_owned());
            path = parent(path);
        }
        Ok(())
    }

    fn remove_directory(&self, path: &str) -> Result<(), DiskFault> {
        let prefix = format!("{}/", checked(path)?);
        let mut state = self.state();
        state
            .directories
            .retain(|directory| directory != path && !directory.starts_with(&prefix));
        state.forget_names(&prefix);
        Ok(())
    }

    fn open(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskFault> {
        let state = self.state();
        let inode = *state.names.get(checked(path)?).ok_or_else(|| NotFound {
            path: path.to_owned(),
        })?;
        Ok(self.handle(path, inode, state.crashes))
    }

    fn create(&self, path: &str) -> Result<Arc<dyn DiskFile>, DiskFault> {
        let mut state = self.state();
        if !state.has_directory(parent(checked(path)?)) {
            return Err(NotFound {
                path: path.to_owned(),
            }
            .into());
        }
        let inode = state.create(path);
        Ok(self.handle(path, inode, state.crashes))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), DiskFault> {
        checked(to)?;
        let mut state = self.state();
        let inode = state.names.remove(checked(from)?).ok_or_else(|| NotFound {
            path: from.to_owned(),
        })?;
        state.names.insert(to.to_owned(), inode);
        state.sync_names(parent(to));
        Ok(())
    }

    fn remove(&self, path: &str) -> Result<(), DiskFault> {
        self.state().names.remove(checked(path)?);
        Ok(())
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, DiskFault> {
        let state = self.state();
        if !state.has_directory(checked(directory)?) {
            return Err(NotFound {
                path: directory.to_owned(),
            }
            .into());
        }
        Ok(state.list(directory))
    }

    fn sync_directory(&self, path: &str) -> Result<(), DiskFault> {
        self.state().sync_names(checked(path)?);
        Ok(())
    }

    fn lock(&self, path: &str) -> Result<DiskLock, DiskFault> {
        let mut state = self.state();
        if !state.locked.insert(checked(path)?.to_owned()) {
            return Err(DiskLocked {
                path: path.to_owned(),
            }
            .into());
        }
        Ok(DiskLock {
            _held: Box::new(SimulatedLock {
                disk: self.clone(),
                path: path.to_owned(),
                crashes: state.crashes,
            }),
        })
    }
}

#[derive(Debug)]
struct SimulatedLock {
    disk: SimulatedDisk,
    path: String,
    crashes: u64,
}

impl Held for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.crashes == self.crashes {
            state.locked.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    path: String,
    inode: u64,
    crashes: u64,
}

impl SimulatedFile {
    /// Runs `act` on the file, unless it was opened before a crash.
    fn with<T>(
        &self,
        act: impl FnOnce(&mut Inode) -> Result<T, DiskFault>,
    ) -> Result<T, DiskFault> {
        self.disk
            .state()
            .opened(self.inode, self.crashes, &self.path)
            .and_then(act)
    }
}

impl DiskFile for SimulatedFile {
    fn append(&self, parts: &[&[u8]]) -> Result<(), DiskFault> {
        let mut state = self.disk.state();
        let mut room = state.room();
        let inode = state.opened(self.inode, self.crashes, &self.path)?;
        for part in parts {
            let fits = part.len().min(room);
            inode.current.extend(part.iter().take(fits));
            room = room.saturating_sub(fits);
            if fits < part.len() {
                return Err(DiskFull {
                    path: self.path.clone(),
                }
                .into());
            }
        }
        Ok(())
    }

    fn read_at(&self, position: u64, length: usize) -> Result<Bytes, DiskFault> {
        self.with(|inode| Ok(inode.read(position, length)))
    }

    fn length(&self) -> Result<u64, DiskFault> {
        self.with(|inode| Ok(inode.length()))
    }

    fn truncate(&self, length: u64) -> Result<(), DiskFault> {
        self.with(|inode| {
            inode.truncate(length);
            Ok(())
        })
    }

    fn sync(&self) -> Result<(), DiskFault> {
        let mut state = self.disk.state();
        let fails = state.next_sync_fails();
        let inode = state.opened(self.inode, self.crashes, &self.path)?;
        if fails {
            inode.doom();
            return Err(DiskFailed {
                operation: DiskOperation::Sync,
                path: self.path.clone(),
                reason: "simulated".to_owned(),
            }
            .into());
        }
        inode.sync();
        Ok(())
    }
}
