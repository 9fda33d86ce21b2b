//! The embedded store of a process: one open file, shared by all its workers.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use trueup_domain::event::UnixMillis;
use trueup_domain::ids::{EventId, OrderId};
use trueup_engine::ports::store::StoreFault;

use super::disk::Disk;
use super::inbox::Inbox;
use super::medium::{LedgerFile, Medium};
use super::open::{OpenFault, Unopened};
use super::read;
use super::store::EmbeddedStore;
use super::writer::Writer;
use crate::index::EventEntry;
use crate::ledger::StoredLedger;
use crate::limits::EMBEDDED_CACHE_BYTES;
use crate::metrics::Operation;

#[derive(Debug, Clone)]
pub struct EmbeddedSettings {
    /// The file; made where it is not there, in a directory that is.
    pub path: PathBuf,
    /// Memory for pages of the file, read and written.
    pub cache_bytes: usize,
    /// By which events are forgotten.
    pub clock: fn() -> UnixMillis,
}

impl EmbeddedSettings {
    /// The default limits.
    #[must_use]
    pub fn new(path: PathBuf, clock: fn() -> UnixMillis) -> Self {
        Self {
            path,
            cache_bytes: EMBEDDED_CACHE_BYTES,
            clock,
        }
    }
}

/// An open store. Clones share its file, which is closed when the last of them and of its
/// [`EmbeddedStore`]s is dropped: then what was submitted is written, or has failed once.
///
/// Everything here blocks for as long as the disk takes: to be used from threads that may wait.
#[derive(Debug, Clone)]
pub struct EmbeddedLedger {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) disk: Arc<Disk>,
    pub(crate) inbox: Arc<Inbox>,
    clock: fn() -> UnixMillis,
    writer: Option<JoinHandle<()>>,
}

impl EmbeddedLedger {
    /// Opens or makes the file of `settings`.
    ///
    /// # Errors
    /// [`OpenFault`]: a file that another process has, that is none of ours or a later version's,
    /// a disk that fails.
    pub fn open(settings: EmbeddedSettings) -> Result<Self, OpenFault> {
        let path = settings.path.clone();
        Self::open_on(Box::new(LedgerFile { path }), settings)
    }

    pub(crate) fn open_on(
        medium: Box<dyn Medium>,
        settings: EmbeddedSettings,
    ) -> Result<Self, OpenFault> {
        let EmbeddedSettings {
            path,
            cache_bytes,
            clock,
        } = settings;
        let disk = Arc::new(Disk::open(medium, path.clone(), cache_bytes)?);
        let inbox = Arc::new(Inbox::default());
        let writer = Writer {
            disk: Arc::clone(&disk),
            inbox: Arc::clone(&inbox),
            clock,
        };
        let writer = thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| Unopened {
                path,
                reason: error.to_string(),
            })?;
        Ok(Self {
            shared: Arc::new(Shared {
                disk,
                inbox,
                clock,
                writer: Some(writer),
            }),
        })
    }

    /// The store for one worker's thread.
    #[must_use]
    pub fn store(&self) -> EmbeddedStore {
        EmbeddedStore::new(Arc::clone(&self.shared))
    }

    /// Reads something small.
    ///
    /// # Errors
    /// [`StoreFault`] when it could not be read.
    pub fn ping(&self) -> Result<(), StoreFault> {
        read::measured(&self.shared.disk, Operation::Ping, |transaction| {
            transaction.list_tables().map(drop)?;
            Ok(())
        })
    }

    /// The store's own time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn clock_ms(&self) -> UnixMillis {
        (self.shared.clock)()
    }

    /// One order's row, `None` where there is none.
    ///
    /// # Errors
    /// [`StoreFault`] when it could not be read.
    pub fn find_ledger(&self, order: &OrderId) -> Result<Option<StoredLedger>, StoreFault> {
        read::find_ledger(&self.shared.disk, order)
    }

    /// Where an event was first read; `None` when the index, which forgets after 35 days, has no
    /// such event.
    ///
    /// # Errors
    /// [`StoreFault`] when it could not be read: then nothing is known.
    pub fn find_event(&self, event: &EventId) -> Result<Option<EventEntry>, StoreFault> {
        read::find_event(&self.shared.disk, event, self.clock_ms())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.inbox.close();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has told so.
            let _ = writer.join();
        }
    }
}
