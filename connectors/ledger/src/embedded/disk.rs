//! The open database, opened anew after a fault: redb refuses all further work on one that has
//! failed, so without this a disk that was full once would stay so until the next start.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::medium::Medium;
use super::open::{OpenFault, open, said};
use crate::metrics;

#[derive(Debug)]
pub(crate) struct Disk {
    medium: Box<dyn Medium>,
    path: PathBuf,
    cache_bytes: usize,
    opened: RwLock<Opened>,
}

struct Opened {
    /// How often it was opened, so that of several who saw one failure one opens it anew.
    times: u64,
    /// Why there is none, otherwise.
    database: Result<Database, String>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("times", &self.times)
            .field("fault", &self.database.as_ref().err())
            .finish()
    }
}

/// What failed, and on which opening.
struct Failed {
    times: u64,
    reason: String,
}

impl Disk {
    pub(crate) fn open(
        medium: Box<dyn Medium>,
        path: PathBuf,
        cache_bytes: usize,
    ) -> Result<Self, OpenFault> {
        let database = open(&*medium, &path, cache_bytes, true)?;
        metrics::connected(1);
        Ok(Self {
            medium,
            path,
            cache_bytes,
            opened: RwLock::new(Opened {
                times: 1,
                database: Ok(database),
            }),
        })
    }

    /// Reads one state of the store; a second time when what failed could be opened anew.
    pub(crate) fn read<T>(
        &self,
        reading: impl Fn(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, String> {
        let read = || self.attempt(|database| reading(&database.begin_read()?));
        read().or_else(|failed| {
            self.mend(failed.times);
            read().map_err(|again| again.reason)
        })
    }

    /// Writes in one transaction, which is on the disk when this returns; nothing of it stays
    /// otherwise, or all of it: it is to be repeated, with the same bytes.
    pub(crate) fn write<T>(
        &self,
        writing: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, String> {
        let written = self.attempt(|database| {
            let mut transaction = database.begin_write()?;
            // Two syncs instead of one, for two reasons. After a crash the file opens at once,
            // whatever its size. And a sync that failed may leave pages that the system believes
            // to be written: here the state they belong to was not the current one yet, so the
            // repetition starts from what an earlier sync has confirmed and writes them all again.
            transaction.set_quick_repair(true);
            let done = writing(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        written.map_err(|failed| {
            self.mend(failed.times);
            failed.reason
        })
    }

    fn attempt<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, Failed> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let times = opened.times;
        let failed = |reason| Failed { times, reason };
        let database = opened
            .database
            .as_ref()
            .map_err(|reason| failed(reason.clone()))?;
        match catch_unwind(AssertUnwindSafe(|| work(database))) {
            Ok(done) => done.map_err(|error| failed(error.to_string())),
            Err(panic) => Err(failed(said(panic.as_ref()))),
        }
    }

    /// Opens anew what failed when it had been opened `times` times, unless somebody has.
    fn mend(&self, times: u64) {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if opened.times != times {
            return;
        }
        opened.times = times.saturating_add(1);
        let before = std::mem::replace(&mut opened.database, Err("it is being opened".to_owned()));
        // The lock goes with it, and has to before it can be taken again.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(before)));
        opened.database = open(&*self.medium, &self.path, self.cache_bytes, false)
            .map_err(|fault| fault.to_string());
        metrics::connected(usize::from(opened.database.is_ok()));
    }
}
