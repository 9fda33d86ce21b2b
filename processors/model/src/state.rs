//! One state of the whole system: the log and the group, the store, and each worker's memory.
//!
//! A state is plain data of about two hundred bytes; what may happen to it is in `protocol`.

use std::fmt;

use crate::facts::{Fact, Facts, Position, Status};
use crate::few::Few;

/// Workers that own the partition in turn, at most.
pub const WORKERS_MAX: usize = 3;
/// Records a transaction covers, at most.
pub const BATCH_RECORDS_MAX: usize = 2;
/// Published records, with what a planted bug publishes twice.
const LOG_RECORDS_MAX: usize = 12;
/// Different ledgers in flight to the store.
const FLIGHT_MAX: usize = 12;
/// Unacknowledged ledgers of one worker.
const DIRTY_MAX: usize = 8;

/// What is known of the order: the store's cell, and each worker's copy of it.
///
/// The store keeps the greatest of two writes: the version is the write's timestamp, and the
/// facts stand for the bytes that decide between equal timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ledger {
    pub version: u8,
    pub facts: Facts,
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{} {}", self.version, self.facts)
    }
}

/// Why a record was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    Fact(Fact),
    Timer,
}

/// One published record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    pub version: u8,
    pub cause: Cause,
    pub status: Status,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{} {:?} {}", self.version, self.cause, self.status)
    }
}

pub type Effects = Few<Record, BATCH_RECORDS_MAX>;

/// How far a transaction is. Its two markers, in the group's offsets and in the log, are written
/// one after the other, in either order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Progress {
    /// Its offsets are accepted; it may still abort.
    Open,
    /// Committed, and no marker written.
    Decided,
    OffsetsVisible,
    LogVisible,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transaction {
    pub worker: u8,
    /// The offsets it commits; none where a bug lets it commit outputs alone.
    pub next: Option<Position>,
    pub effects: Effects,
    pub progress: Progress,
}

/// What a worker holds as committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Memory {
    pub position: Position,
    pub ledger: Ledger,
}

/// What a worker has folded and not yet committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Batch {
    pub next: Position,
    pub ledger: Ledger,
    pub effects: Effects,
}

/// Where a worker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Phase {
    /// Never started, or fenced.
    #[default]
    Off,
    /// It has the partition, as far as it knows, and no state.
    Assigned,
    Ready(Memory),
    /// A batch is folded and its outputs are produced; its offsets are not.
    Produced(Memory, Batch),
    /// The offsets are accepted too; the outcome is not known.
    Ending(Memory, Batch),
}

/// A committed ledger that the store has not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dirty {
    pub ledger: Ledger,
    /// The checkpoint may move here once the ledger is acknowledged.
    pub through: Position,
    /// The store was told: a reader could see the commit.
    pub told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Worker {
    pub phase: Phase,
    /// The group generation it joined; zero when it is off.
    pub generation: u8,
    /// Oldest first.
    pub dirty: Few<Dirty, DIRTY_MAX>,
}

/// What may still go wrong, each so many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    pub rebalances: u8,
    /// Aborts and unknown outcomes.
    pub timeouts: u8,
    /// Losses of the group's offsets.
    pub resets: u8,
    /// Deaths of all brokers.
    pub crashes: u8,
    pub timers: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    /// The group's generation; its owner is the worker `generation - 1`.
    pub generation: u8,
    /// The group's committed offsets.
    pub offsets: Position,
    pub log: Few<Record, LOG_RECORDS_MAX>,
    /// The input positions in the log's last state record, where the protocol writes them.
    pub log_position: Position,
    pub cell: Option<Ledger>,
    /// Writes on their way to the store: each may land at any later time, or never.
    pub flight: Few<Ledger, FLIGHT_MAX>,
    pub checkpoint: Position,
    /// Transactions with accepted offsets that are not visible in both places.
    pub pending: Few<Transaction, 4>,
    /// A commit request on the way that its sender no longer waits for, by worker.
    pub late_ends: Few<u8, 3>,
    pub workers: [Worker; WORKERS_MAX],
    pub budget: Budget,
}

impl State {
    /// The first worker has the partition; nothing has happened.
    #[must_use]
    pub fn start(budget: Budget) -> Self {
        let mut state = Self {
            generation: 1,
            offsets: Position::START,
            log: Few::default(),
            log_position: Position::START,
            cell: None,
            flight: Few::default(),
            checkpoint: Position::START,
            pending: Few::default(),
            late_ends: Few::default(),
            workers: [Worker::default(); WORKERS_MAX],
            budget,
        };
        state.assign(0, 1);
        state
    }

    /// Each worker with its number.
    pub fn numbered(&self) -> impl Iterator<Item = (u8, Worker)> + use<> {
        (0..).zip(self.workers)
    }

    /// Changes worker `number`.
    pub fn change(&mut self, number: u8, change: impl FnOnce(&mut Worker)) {
        if let Some(worker) = self.workers.get_mut(usize::from(number)) {
            change(worker);
        }
    }

    pub fn enter(&mut self, number: u8, phase: Phase) {
        self.change(number, |worker| worker.phase = phase);
    }

    /// Gives worker `number` the partition; it knows nothing yet.
    pub fn assign(&mut self, number: u8, generation: u8) {
        self.change(number, |worker| {
            *worker = Worker {
                phase: Phase::Assigned,
                generation,
                ..Worker::default()
            };
        });
    }

    /// Whether worker `number` has a transaction that is not visible yet. The coordinator lets it
    /// begin no other until then.
    #[must_use]
    pub fn has_pending(&self, number: u8) -> bool {
        self.pending
            .iter()
            .any(|transaction| transaction.worker == number)
    }
}
