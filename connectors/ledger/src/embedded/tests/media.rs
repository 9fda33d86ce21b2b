//! Media for tests: a file whose disk fails when told, and memory that loses its power.

use std::collections::HashSet;
use std::io::{Error, ErrorKind};
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::backends::FileBackend;
use redb::{BackendError, Builder, Database, DatabaseError, StorageBackend};

use crate::embedded::medium::{Medium, open_file};

/// What is wrong with the disk at the moment.
#[derive(Debug, Default, Clone)]
pub(super) struct Faults {
    /// No byte at or beyond this place is taken.
    pub(super) room: Option<u64>,
    /// The syncs with these numbers fail, counted from the last reset.
    pub(super) syncs: HashSet<u64>,
    pub(super) synced: u64,
    /// Nothing works at all.
    pub(super) away: bool,
}

#[derive(Debug, Clone)]
pub(super) struct FaultyFile {
    path: PathBuf,
    faults: Arc<Mutex<Faults>>,
}

impl FaultyFile {
    pub(super) fn new(path: PathBuf) -> Self {
        let faults = Arc::default();
        Self { path, faults }
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap()
    }
}

impl Medium for FaultyFile {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        if self.faults().away {
            return Err(away().into());
        }
        let file = FileBackend::new(open_file(&self.path)?)?;
        let faults = Arc::clone(&self.faults);
        builder.create_with_backend(FaultyBackend { file, faults })
    }

    fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }
}

fn away() -> Error {
    Error::other("the disk is away")
}

#[derive(Debug)]
struct FaultyBackend {
    file: FileBackend,
    faults: Arc<Mutex<Faults>>,
}

impl FaultyBackend {
    fn check(&self, end: u64) -> Result<(), Error> {
        let faults = self.faults.lock().unwrap();
        if faults.away {
            return Err(away());
        }
        match faults.room {
            Some(room) if end > room => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl StorageBackend for FaultyBackend {
    fn len(&self) -> Result<u64, Error> {
        self.check(0)?;
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.check(0)?;
        self.file.read(offset, out)
    }

    /// As on most file systems: a hole takes no room.
    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.check(0)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.check(0)?;
        let mut faults = self.faults.lock().unwrap();
        faults.synced += 1;
        if faults.syncs.contains(&faults.synced) {
            return Err(Error::other("the sync failed"));
        }
        drop(faults);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.check(offset + u64::try_from(data.len()).unwrap())?;
        self.file.write(offset, data)
    }

    fn close(&self) -> Result<(), Error> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

/// Bytes that are gone with the power, but for what was synced and some of what was not.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// As the running process sees it.
    seen: Vec<u8>,
    synced: Vec<u8>,
    /// What came after the last sync.
    unsynced: Vec<Change>,
    /// Changes and syncs until the power goes.
    left: u64,
    syncs: u64,
    failing_sync: Option<u64>,
}

#[derive(Debug, Clone)]
enum Change {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(*length, 0),
            Self::Bytes(at, bytes) => {
                let end = at + bytes.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

const SECTOR: usize = 512;

impl Memory {
    /// With power for so many changes and syncs.
    pub(super) fn with_power_for(changes: u64) -> Self {
        let memory = Self::default();
        memory.state().left = changes;
        memory
    }

    /// The sync of this number, counted from the first, fails. As systems have it, the pages that it
    /// should have written are taken for written from then on, and are read as if they were.
    pub(super) fn fail_sync(&self, number: u64) {
        self.state().failing_sync = Some(number);
    }

    pub(super) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    pub(super) fn has_power(&self) -> bool {
        self.state().left > 0
    }

    /// What is found when the power is back, by the luck of `seed`: each sector that was not
    /// synced is there or not, whatever came before or after it.
    pub(super) fn after_the_loss(&self, seed: u64) -> Self {
        let mut random = seed;
        let mut lucky = || {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            random >> 63 == 1
        };
        let state = self.state();
        let mut image = state.synced.clone();
        for change in &state.unsynced {
            match change {
                Change::Length(_) => change.apply(&mut image),
                Change::Bytes(at, bytes) => {
                    for (place, sector) in bytes.chunks(SECTOR).enumerate() {
                        if lucky() {
                            Change::Bytes(at + place * SECTOR, sector.to_vec()).apply(&mut image);
                        }
                    }
                }
            }
        }
        let after = Self::with_power_for(u64::MAX);
        after.state().seen.clone_from(&image);
        after.state().synced = image;
        after
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn powered(&self) -> Result<MutexGuard<'_, State>, Error> {
        let mut state = self.state();
        if state.left == 0 {
            return Err(Error::other("no power"));
        }
        state.left -= 1;
        Ok(state)
    }
}

impl Medium for Memory {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        builder.create_with_backend(self.clone())
    }

    fn bytes(&self) -> u64 {
        u64::try_from(self.state().seen.len()).unwrap()
    }
}

impl StorageBackend for Memory {
    fn len(&self) -> Result<u64, Error> {
        Ok(u64::try_from(self.state().seen.len()).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let at = usize::try_from(offset).unwrap();
        let state = self.state();
        let bytes = state.seen.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        let mut state = self.powered()?;
        let change = Change::Length(usize::try_from(len).unwrap());
        change.apply(&mut state.seen);
        state.unsynced.push(change);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), Error> {
        let mut state = self.powered()?;
        state.syncs += 1;
        if state.failing_sync == Some(state.syncs) {
            state.unsynced.clear();
            return Err(Error::other("the sync failed"));
        }
        let State {
            synced, unsynced, ..
        } = &mut *state;
        for change in unsynced.drain(..) {
            change.apply(synced);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let mut state = self.powered()?;
        let change = Change::Bytes(usize::try_from(offset).unwrap(), data.to_vec());
        change.apply(&mut state.seen);
        state.unsynced.push(change);
        Ok(())
    }
}
