//! The store as one worker uses it: blocks the worker's thread, writes in the background.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trueup_domain::ids::{ObjectId, OrderId};
use trueup_engine::ports::links::{LinkChange, LinkItem, LinkStore};
use trueup_engine::ports::store::{
    Checkpoint, CheckpointKey, LedgerStore, StoreFault, WriteBatch, WriteToken,
};
use trueup_plants::{Plant, planted};

use crate::ledger::Inner;
use crate::limits::MAX_BATCHES_IN_FLIGHT;
use crate::{checkpoint, links, read, write};

/// One worker's store. To be used from a thread that is not the runtime's own: it blocks.
///
/// Dropping it leaves writes that are under way to land or to fail once: they may be repeated.
#[derive(Debug)]
pub struct CqlStore {
    inner: Arc<Inner>,
    runtime: Handle,
    acks: Sender<WriteToken>,
    acknowledged: Receiver<WriteToken>,
    /// Acknowledged while `submit` waited, not yet told.
    told: Vec<WriteToken>,
    room: Arc<Semaphore>,
}

impl CqlStore {
    pub(crate) fn new(inner: Arc<Inner>, runtime: Handle) -> Self {
        let (acks, acknowledged) = channel(MAX_BATCHES_IN_FLIGHT);
        let room = Arc::new(Semaphore::new(MAX_BATCHES_IN_FLIGHT));
        let told = Vec::new();
        Self {
            inner,
            runtime,
            acks,
            acknowledged,
            told,
            room,
        }
    }

    /// Takes acknowledgements in while it waits: the writes that must end first may be waiting
    /// for a place to say so.
    fn wait_for_room(&mut self) -> Option<OwnedSemaphorePermit> {
        loop {
            let room = Arc::clone(&self.room).acquire_owned();
            let acknowledged = &mut self.acknowledged;
            let waited = self.runtime.block_on(async {
                tokio::select! {
                    biased;
                    permit = room => Err(permit.ok()),
                    token = acknowledged.recv() => Ok(token),
                }
            });
            match waited {
                Err(permit) => return permit,
                Ok(token) => self.told.extend(token),
            }
        }
    }
}

impl LedgerStore for CqlStore {
    fn load(&mut self, orders: &[OrderId]) -> Result<Vec<Option<Vec<u8>>>, StoreFault> {
        let loaded = self.runtime.block_on(read::load(&self.inner, orders));
        if loaded.is_err() && planted(Plant::TimeoutIsNotFound) {
            return Ok(vec![None; orders.len()]);
        }
        loaded
    }

    fn submit(&mut self, token: WriteToken, batch: WriteBatch) {
        let permit = self.wait_for_room();
        let inner = Arc::clone(&self.inner);
        let acks = self.acks.clone();
        self.runtime.spawn(async move {
            if write::write(&inner, &batch, &|| acks.is_closed()).await {
                // Nobody to tell: the worker has stopped, and what was written is only better.
                let _ = acks.send(token).await;
            }
            drop(permit);
        });
    }

    fn acknowledged(&mut self, wait: Duration) -> Vec<WriteToken> {
        let mut tokens = std::mem::take(&mut self.told);
        while let Ok(token) = self.acknowledged.try_recv() {
            tokens.push(token);
        }
        if tokens.is_empty() && !wait.is_zero() {
            let next = self.acknowledged.recv();
            let next = self
                .runtime
                .block_on(async { tokio::time::timeout(wait, next).await });
            tokens.extend(next.ok().flatten());
            while let Ok(token) = self.acknowledged.try_recv() {
                tokens.push(token);
            }
        }
        tokens
    }

    fn load_checkpoint(&mut self, key: &CheckpointKey) -> Result<Option<Checkpoint>, StoreFault> {
        self.runtime.block_on(checkpoint::load(&self.inner, key))
    }

    fn save_checkpoint(
        &mut self,
        key: &CheckpointKey,
        checkpoint: Checkpoint,
    ) -> Result<(), StoreFault> {
        self.runtime
            .block_on(checkpoint::save(&self.inner, key, checkpoint))
    }
}

impl LinkStore for CqlStore {
    fn load_links(&mut self, objects: &[ObjectId]) -> Result<Vec<Vec<LinkItem>>, StoreFault> {
        self.runtime.block_on(links::load(&self.inner, objects))
    }

    fn write_links(&mut self, changes: &[LinkChange]) -> Result<(), StoreFault> {
        self.runtime.block_on(links::write(&self.inner, changes))
    }
}
