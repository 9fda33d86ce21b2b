//! Either store, for a program that is told at its start which one: one type to hand to workers
//! and to look things up in.

use std::time::Duration;

use tokio::runtime::Handle;
use trueup_domain::event::{UnixMillis, UnixSeconds};
use trueup_domain::ids::{EventId, ObjectId, OrderId};
use trueup_engine::ports::links::{LinkChange, LinkItem, LinkStore};
use trueup_engine::ports::store::{
    Checkpoint, CheckpointKey, LedgerStore, StoreFault, WriteBatch, WriteToken,
};

use crate::embedded::{EmbeddedLedger, EmbeddedStore};
use crate::index::EventEntry;
use crate::ledger::{CqlLedger, StoredLedger};
use crate::store::CqlStore;

/// An open store, of either kind. Everything here blocks: to be used from threads that may wait,
/// and that are not the runtime's own.
#[derive(Debug, Clone)]
pub enum AnyLedger {
    /// Answers come in on the runtime.
    Cql {
        ledger: CqlLedger,
        runtime: Handle,
    },
    Embedded(EmbeddedLedger),
}

impl AnyLedger {
    /// The store for one worker's thread.
    #[must_use]
    pub fn store(&self) -> AnyStore {
        match self {
            Self::Cql { ledger, runtime } => AnyStore::Cql(ledger.store(runtime.clone())),
            Self::Embedded(ledger) => AnyStore::Embedded(ledger.store()),
        }
    }

    /// Asks the store something small.
    ///
    /// # Errors
    /// [`StoreFault`] when there was no answer.
    pub fn ping(&self) -> Result<(), StoreFault> {
        match self {
            Self::Cql { ledger, runtime } => runtime.block_on(ledger.ping()),
            Self::Embedded(ledger) => ledger.ping(),
        }
    }

    /// The store's own time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// [`StoreFault`] when there was no answer.
    pub fn clock_ms(&self) -> Result<UnixMillis, StoreFault> {
        match self {
            Self::Cql { ledger, runtime } => runtime.block_on(ledger.clock_ms()),
            Self::Embedded(ledger) => Ok(ledger.clock_ms()),
        }
    }

    /// The cursor of a sweep, in Unix seconds; `None` where none was saved.
    ///
    /// # Errors
    /// [`StoreFault`] when there was no answer, which is never "none".
    pub fn load_cursor(&self, name: &str) -> Result<Option<UnixSeconds>, StoreFault> {
        match self {
            Self::Cql { ledger, runtime } => runtime.block_on(ledger.load_cursor(name)),
            Self::Embedded(ledger) => ledger.load_cursor(name),
        }
    }

    /// Keeps the cursor of a sweep; of two that were saved the later holds.
    ///
    /// # Errors
    /// [`StoreFault`] when it is not known to be kept.
    pub fn save_cursor(&self, name: &str, until: UnixSeconds) -> Result<(), StoreFault> {
        match self {
            Self::Cql { ledger, runtime } => runtime.block_on(ledger.save_cursor(name, until)),
            Self::Embedded(ledger) => ledger.save_cursor(name, until),
        }
    }

    /// One order's row, `None` where the store answered that there is none.
    ///
    /// # Errors
    /// [`StoreFault`] when it did not answer.
    pub fn find_ledger(&self, order: &OrderId) -> Result<Option<StoredLedger>, StoreFault> {
        match self {
            Self::Cql { ledger, runtime } => runtime.block_on(ledger.find_ledger(order)),
            Self::Embedded(ledger) => ledger.find_ledger(order),
        }
    }

    /// Where an event was first read; `None` when the index, which forgets after 35 days, has no
    /// such event.
    ///
    /// # Errors
    /// [`StoreFault`] when it did not answer.
    pub fn find_event(&self, event: &EventId) -> Result<Option<EventEntry>, StoreFault> {
        match self {
            Self::Cql { ledger, runtime } => runtime.block_on(ledger.find_event(event)),
            Self::Embedded(ledger) => ledger.find_event(event),
        }
    }
}

/// One worker's store, of either kind.
#[derive(Debug)]
pub enum AnyStore {
    Cql(CqlStore),
    Embedded(EmbeddedStore),
}

impl AnyStore {
    fn inner(&mut self) -> &mut dyn LedgerStore {
        match self {
            Self::Cql(store) => store,
            Self::Embedded(store) => store,
        }
    }
}

impl LedgerStore for AnyStore {
    fn load(&mut self, orders: &[OrderId]) -> Result<Vec<Option<Vec<u8>>>, StoreFault> {
        self.inner().load(orders)
    }

    fn submit(&mut self, token: WriteToken, batch: WriteBatch) {
        self.inner().submit(token, batch);
    }

    fn acknowledged(&mut self, wait: Duration) -> Vec<WriteToken> {
        self.inner().acknowledged(wait)
    }

    fn load_checkpoint(&mut self, key: &CheckpointKey) -> Result<Option<Checkpoint>, StoreFault> {
        self.inner().load_checkpoint(key)
    }

    fn save_checkpoint(
        &mut self,
        key: &CheckpointKey,
        checkpoint: Checkpoint,
    ) -> Result<(), StoreFault> {
        self.inner().save_checkpoint(key, checkpoint)
    }
}

impl LinkStore for AnyStore {
    fn load_links(&mut self, objects: &[ObjectId]) -> Result<Vec<Vec<LinkItem>>, StoreFault> {
        match self {
            Self::Cql(store) => store.load_links(objects),
            Self::Embedded(store) => store.load_links(objects),
        }
    }

    fn write_links(&mut self, changes: &[LinkChange]) -> Result<(), StoreFault> {
        match self {
            Self::Cql(store) => store.write_links(changes),
            Self::Embedded(store) => store.write_links(changes),
        }
    }
}
