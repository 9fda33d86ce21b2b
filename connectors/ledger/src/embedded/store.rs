//! The embedded store as one worker uses it: reads in the worker's thread, writes in the writer's.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use trueup_domain::ids::{ObjectId, OrderId};
use trueup_engine::ports::links::{LinkChange, LinkItem, LinkStore};
use trueup_engine::ports::store::{
    Checkpoint, CheckpointKey, LedgerStore, StoreFault, WriteBatch, WriteToken,
};
use trueup_plants::{Plant, planted};

use super::acks::Acks;
use super::inbox::{Linking, Save, Submitted};
use super::ledger::Shared;
use super::{links, read};
use crate::limits::{LINKS_DEADLINE, SAVE_DEADLINE};
use crate::metrics::Operation;
use crate::request::unreadable;

/// One worker's store. To be used from a thread that may wait.
///
/// Dropping it leaves writes that are under way to land or to fail once: they may be repeated.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    acks: Arc<Acks>,
}

impl EmbeddedStore {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let acks = Arc::default();
        Self { shared, acks }
    }

    /// A worker whose writes nobody takes would wait for ever, and seem to be at work.
    fn writer_runs(&self, operation: Operation) -> Result<(), StoreFault> {
        if self.shared.inbox.is_ended() {
            return Err(unreadable(operation, "its writer has stopped; start again"));
        }
        Ok(())
    }

    fn read(&self, orders: &[OrderId]) -> Result<Vec<Option<Vec<u8>>>, StoreFault> {
        self.writer_runs(Operation::ReadLedgers)?;
        read::load(&self.shared.disk, orders)
    }
}

impl LedgerStore for EmbeddedStore {
    fn load(&mut self, orders: &[OrderId]) -> Result<Vec<Option<Vec<u8>>>, StoreFault> {
        let loaded = self.read(orders);
        if loaded.is_err() && planted(Plant::TimeoutIsNotFound) {
            return Ok(vec![None; orders.len()]);
        }
        loaded
    }

    fn submit(&mut self, token: WriteToken, batch: WriteBatch) {
        self.acks.begin();
        let acks = Arc::clone(&self.acks);
        self.shared.inbox.submit(Submitted { token, batch, acks });
    }

    fn acknowledged(&mut self, wait: Duration) -> Vec<WriteToken> {
        self.acks.take(wait)
    }

    fn load_checkpoint(&mut self, key: &CheckpointKey) -> Result<Option<Checkpoint>, StoreFault> {
        self.writer_runs(Operation::ReadCheckpoint)?;
        read::checkpoint(&self.shared.disk, key)
    }

    /// One try: who saves checkpoints does it again a second later, with a better one.
    fn save_checkpoint(
        &mut self,
        key: &CheckpointKey,
        checkpoint: Checkpoint,
    ) -> Result<(), StoreFault> {
        let operation = Operation::SaveCheckpoint;
        let Checkpoint { events, orders, .. } = checkpoint;
        if events < 0 || orders < 0 {
            let reason = format!("positions {events} and {orders} are no offsets; they start at 0");
            return Err(unreadable(operation, reason));
        }
        let (saved, told) = sync_channel(1);
        self.shared.inbox.save(Save {
            key: key.clone(),
            checkpoint,
            saved,
        });
        match told.recv_timeout(SAVE_DEADLINE) {
            Ok(answer) => answer.map_err(|reason| unreadable(operation, reason)),
            Err(fault) => Err(unreadable(operation, fault)),
        }
    }
}

impl LinkStore for EmbeddedStore {
    fn load_links(&mut self, objects: &[ObjectId]) -> Result<Vec<Vec<LinkItem>>, StoreFault> {
        let operation = Operation::ReadLinks;
        self.writer_runs(operation)?;
        read::measured(&self.shared.disk, operation, |transaction| {
            links::load(transaction, objects)
        })
    }

    /// One try: who writes links does it again.
    fn write_links(&mut self, changes: &[LinkChange]) -> Result<(), StoreFault> {
        let operation = Operation::WriteLinks;
        let (written, told) = sync_channel(1);
        self.shared.inbox.link(Linking {
            changes: changes.to_vec(),
            written,
        });
        match told.recv_timeout(LINKS_DEADLINE) {
            Ok(answer) => answer.map_err(|reason| unreadable(operation, reason)),
            Err(fault) => Err(unreadable(operation, fault)),
        }
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.acks.abandon();
    }
}
