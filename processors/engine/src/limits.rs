//! The engine's limits: each buffer, batch, retry and wait has one.

use std::time::Duration;

/// Records of one transaction at most, under backlog.
pub const MAX_BATCH_RECORDS: usize = 20_000;
/// Bytes of keys, values and headers that one batch may hold before it is closed.
pub const MAX_BATCH_BYTES: usize = 32 * 1024 * 1024;
/// Due timers of one transaction at most; the rest follow in the next.
pub const MAX_BATCH_TIMERS: usize = 2_000;
/// How long a poll waits for the first record when there is nothing else to do.
pub const IDLE_WAIT: Duration = Duration::from_millis(50);
/// How long a poll waits while inputs are paused.
pub const HOLD_WAIT: Duration = Duration::from_millis(20);
/// Records handed over by one read of history.
pub const HISTORY_CHUNK_RECORDS: usize = 5_000;
/// Committed ledgers wait this long before they are written, so that changes coalesce.
pub const WRITE_AGE_MS: u64 = 500;
/// Ledgers of one write. Their events go with them, and the more there are, the more of them lie
/// in one partition of the event index.
pub const WRITE_ROWS: usize = 1024;
/// Writes handed to the store and not yet acknowledged.
pub const MAX_WRITES_IN_FLIGHT: usize = 8;
/// Committed transactions not yet acknowledged by the store, per partition; then inputs pause.
pub const MAX_UNACKED_TRANSACTIONS: usize = 10_000;
/// Orders whose ledger the store has not acknowledged, per worker; then inputs pause.
pub const MAX_DIRTY_ORDERS: usize = 200_000;
/// Age of the oldest transaction the store has not acknowledged; then inputs pause.
pub const MAX_UNACKED_MS: u64 = 60_000;
/// A commit that no reader could see yet is looked for this often.
pub const LOOK_FOR_COMMIT_EVERY_MS: u64 = 50;
/// A known commit that no reader can see for so long was forgotten by the brokers.
pub const UNSEEN_COMMIT_MS: u64 = 10_000;
/// A checkpoint is saved this often, if it moved.
pub const CHECKPOINT_EVERY_MS: u64 = 1_000;
/// Due gaps are looked for this often.
pub const TIMER_EVERY_MS: u64 = 100;
/// Windows of partitions without traffic are rolled on this often.
pub const ROLL_WINDOWS_EVERY_MS: u64 = 5_000;
/// Transactions in a row that may be aborted for a new generation before the worker recovers.
pub const MAX_GENERATION_RETRIES: u32 = 3;
/// Times in a row that a worker's producer, or its consumer, may be shut out before it stops. A
/// broker that comes back shuts out a producer whose transaction is overdue, and a consumer whose
/// joining it heard twice, once each, though nobody else has the name.
pub const MAX_FENCED: u32 = 2;
/// How long a transaction that covers a partition's offsets is waited for. Longer than one may be
/// open (10 s) and brokers take to look for overdue ones (10 s).
pub const HANGING_TRANSACTION_MS: u64 = 40_000;
/// The first and the longest wait between tries of something that is away, before jitter.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(50);
pub const BACKOFF_LONGEST: Duration = Duration::from_secs(5);
/// How long the group is served for after a barrier was refused, unless it says something before.
pub const REFUSED_BARRIER_WAIT_MS: u64 = 500;
/// How long a stopping worker waits for the store.
pub const SETTLE_MS: u64 = 10_000;
