//! The ledger store: one row per order, checkpoints, and the index of events.
//!
//! Kafka decides, the store follows: nothing comes here before its transaction is known to be
//! committed, so every write may be repeated, reordered or lost until it is acknowledged, and the
//! greatest timestamp wins. A fault is never "not found": it is an `Err`.

use std::fmt;
use std::time::Duration;

use trueup_domain::event::{UnixMillis, UnixSeconds};
use trueup_domain::ids::{EventId, OrderId};

/// One order's row. `cell` is the truth; the columns beside it are for people and never read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerWrite {
    pub order_id: OrderId,
    pub version: u64,
    /// `version * 256 + fold revision`, in the store's microseconds: the greatest wins.
    pub timestamp: i64,
    /// Canonical Avro of the ledger.
    pub cell: Vec<u8>,
    pub columns: Columns,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    pub status: &'static str,
    pub amount_due: Option<i64>,
    pub amount_received: i64,
    pub amount_refunded: i64,
    pub currency: Option<String>,
    pub last_event_id: Option<String>,
    pub updated_at: UnixMillis,
}

/// Where one event was first read, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexWrite {
    pub event_id: EventId,
    pub order_id: OrderId,
    pub partition: i32,
    pub offset: i64,
    /// `created` of the event: chooses the index's day.
    pub created: UnixSeconds,
    pub received_at: UnixMillis,
}

/// Writes that travel together. The store retries them, with the same bytes, until acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteBatch {
    pub ledgers: Vec<LedgerWrite>,
    pub events: Vec<IndexWrite>,
}

/// Names one submitted batch; chosen by the caller, told back when it is acknowledged.
pub type WriteToken = u64;

/// Which log a checkpoint speaks of. A new `epoch` is an operator's adoption of a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CheckpointKey {
    /// The events topic with its prefix; the orders topic shares the checkpoint.
    pub topic: String,
    pub partition: i32,
    pub epoch: i64,
}

/// Positions (next offsets to read) below which every ledger write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    pub events: i64,
    pub orders: i64,
    pub saved_at: UnixMillis,
}

/// Why an operation of the store failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreFaultKind {
    /// It could not be asked, or did not answer in time. Says nothing about what it holds.
    Away,
    /// It holds what this program did not write and must neither go on from nor overwrite.
    Foreign,
}

/// An operation of the store that failed, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFault {
    pub operation: &'static str,
    pub kind: StoreFaultKind,
    pub reason: String,
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store could not {}: {}", self.operation, self.reason)
    }
}

impl std::error::Error for StoreFault {}

/// The store as one worker uses it, from the worker's own thread.
pub trait LedgerStore: Send {
    /// The cells of `orders`, in their order; `None` where the store answered that there is none.
    ///
    /// # Errors
    /// [`StoreFault`] when any of them could not be read: then nothing is known of any.
    /// [`StoreFaultKind::Foreign`] when one was folded by other rules.
    fn load(&mut self, orders: &[OrderId]) -> Result<Vec<Option<Vec<u8>>>, StoreFault>;

    /// Starts writing and returns at once. At most the engine's dirty limit is ever in flight.
    fn submit(&mut self, token: WriteToken, batch: WriteBatch);

    /// Tokens whose every write has been acknowledged, waiting up to `wait` for the first.
    fn acknowledged(&mut self, wait: Duration) -> Vec<WriteToken>;

    /// # Errors
    /// [`StoreFault`] when the store did not answer.
    fn load_checkpoint(&mut self, key: &CheckpointKey) -> Result<Option<Checkpoint>, StoreFault>;

    /// Never moves a checkpoint back within its epoch, whatever order the writes land in.
    ///
    /// # Errors
    /// [`StoreFault`] when the store did not acknowledge.
    fn save_checkpoint(
        &mut self,
        key: &CheckpointKey,
        checkpoint: Checkpoint,
    ) -> Result<(), StoreFault>;
}
