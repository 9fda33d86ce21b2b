//! The ledger store's limits: each batch, retry, wait and buffer has one.

use std::time::Duration;

/// Rows of one batch. A statement per row costs client and store several times as much.
pub const BATCH_ROWS: usize = 64;
/// Bytes of one batch, estimated. Cassandra refuses 50 KiB by default (ScyllaDB 1 MiB).
pub const BATCH_BYTES: usize = 32 * 1024;
/// What a row weighs beside its key, cell and words: numbers, names, framing.
pub const ROW_OVERHEAD_BYTES: usize = 160;
/// Keys of one `IN` read. ScyllaDB refuses more than 100 by default.
pub const READ_KEYS: usize = 64;
/// `IN` reads of one load that are under way at once.
pub const READS_AT_ONCE: usize = 8;
/// Requests of one process that are under way at once; the others wait their turn.
pub const MAX_REQUESTS_IN_FLIGHT: usize = 256;
/// Groups of one submitted batch that are under way at once.
pub const GROUPS_AT_ONCE: usize = 16;
/// Batches of one worker that are being written; the next `submit` waits.
pub const MAX_BATCHES_IN_FLIGHT: usize = 1024;
/// Partitions of the event index that one lookup reads at once.
pub const LOOKUPS_AT_ONCE: usize = 8;

/// Objects' links of one call that are read or written at once.
pub const LINKS_AT_ONCE: usize = 32;

/// The first and the longest wait between tries of a request, before jitter.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(20);
pub const BACKOFF_LONGEST: Duration = Duration::from_secs(2);
/// A store that is away fails hundreds of requests a second; it is complained of this often.
pub const COMPLAIN_EVERY: Duration = Duration::from_secs(5);
/// A request slower than this is counted as slow.
pub const SLOW: Duration = Duration::from_millis(100);

/// Defaults of the settings of these names.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
pub const READ_DEADLINE: Duration = Duration::from_secs(5);
/// A connection that is silent for so long is asked whether it is there, and given up when it does
/// not answer for as long again: what a firewall drops is never told to be closed.
pub const KEEPALIVE: Duration = Duration::from_secs(5);
/// How long the first connection, or a change of the schema, may take as a whole.
pub const START_DEADLINE: Duration = Duration::from_secs(30);
/// A step of the schema that is refused is tried again for so long: somebody else may be applying
/// the same, and a keyspace is listed before it can be used.
pub const SCHEMA_PATIENCE: Duration = Duration::from_secs(3);
/// The gauge of connected nodes is set this often.
pub const GAUGE_EVERY: Duration = Duration::from_secs(5);

/// Buckets of the event index. Part of what is stored: must stay as it is.
pub const INDEX_BUCKETS: i32 = 64;
/// How long an entry of the event index lives: longer than the events topic keeps its records.
pub const INDEX_TTL_DAYS: i32 = 35;
/// How long before it was received an event may have been created, as the index sees it.
pub const INDEX_LAG_DAYS: i32 = 31;

/// Memory that the embedded store keeps for pages of its file, unless set otherwise.
pub const EMBEDDED_CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Files of the embedded store up to this size are verified whole when a process opens them.
pub const VERIFIED_BYTES: u64 = 64 * 1024 * 1024;
/// Rows after which a transaction of the embedded store takes no further batch.
pub const GROUP_ROWS: usize = 20_000;
/// Expired rows of the event index that one transaction of the embedded store removes.
pub const EXPIRE_ROWS: usize = 2_000;
/// How often an embedded store that has nothing to write looks for what has expired, and how long
/// it pauses where there is more.
pub const EXPIRE_EVERY: Duration = Duration::from_secs(60);
pub const EXPIRE_PAUSE: Duration = Duration::from_millis(100);
/// How long the embedded store may take to save a checkpoint; then it is a fault.
pub const SAVE_DEADLINE: Duration = Duration::from_secs(5);

/// How long the embedded store may take to write links; then it is a fault.
pub const LINKS_DEADLINE: Duration = Duration::from_secs(5);

/// The longest name of a keyspace: CQL's own limit.
pub const KEYSPACE_BYTES: usize = 48;
