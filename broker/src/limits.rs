//! Every limit of the broker, in one place.

// Coordination: names, groups, committed offsets, transactions, producers.

/// A group's, member's, instance's or transactional id's name.
pub const MAX_NAME_BYTES: usize = 1_024;
/// Kafka's own limit: a file system's name less room for `-` and a partition.
pub const MAX_TOPIC_NAME_BYTES: usize = 249;
/// Batches of one producer on one partition that are known again when they come twice. Clients
/// have at most so many on their way.
pub const REMEMBERED_BATCHES: usize = 5;
/// Producers remembered by one partition; the one silent for longest makes room.
pub const MAX_PRODUCERS_PER_PARTITION: usize = 10_000;
/// A producer silent for so long is forgotten by a partition.
pub const PRODUCER_EXPIRATION_MS: i64 = 24 * 60 * 60 * 1_000;
/// The longest that a transaction may ask to stay open.
pub const TRANSACTION_TIMEOUT_MS_MAX: i32 = 15 * 60 * 1_000;
/// A transactional id unused for so long is forgotten.
pub const TRANSACTIONAL_ID_EXPIRATION_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
pub const MAX_TRANSACTIONAL_IDS: usize = 10_000;
pub const MAX_PARTITIONS_PER_TRANSACTION: usize = 10_000;
pub const MAX_GROUPS_PER_TRANSACTION: usize = 1_000;
/// Groups with members, and groups with offsets.
pub const MAX_GROUPS: usize = 10_000;
pub const MAX_MEMBERS_PER_GROUP: usize = 1_000;
pub const MAX_PROTOCOLS_PER_MEMBER: usize = 100;
/// A member's subscription, or its assignment.
pub const MAX_MEMBER_BYTES: usize = 1024 * 1024;
pub const MIN_SESSION_TIMEOUT_MS: i32 = 100;
pub const MAX_SESSION_TIMEOUT_MS: i32 = 30 * 60 * 1_000;
pub const MAX_REBALANCE_TIMEOUT_MS: i32 = 60 * 60 * 1_000;
/// A new member waits no longer than this for its first generation; it asks again.
pub const NEW_MEMBER_JOIN_TIMEOUT_MS: i64 = 5 * 60 * 1_000;
/// What a client may attach to a committed offset.
pub const MAX_OFFSET_METADATA_BYTES: usize = 4_096;
pub const MAX_OFFSETS_PER_GROUP: usize = 100_000;
/// The offsets of a group without members are kept for so long.
pub const OFFSETS_RETENTION_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

// Storage: batches, journal, partitions' logs, disk.

/// The most batches in what one request produces to one partition.
pub const MAX_BATCHES_PER_PAYLOAD: usize = 1_000;

// Server: connections, frames, requests, topics.

/// What a client may send in one frame, as in Kafka's `socket.request.max.bytes`.
pub const FRAME_BYTES_MAX: usize = 100 * 1024 * 1024;
/// Room made for a frame before it has arrived.
pub const FRAME_GROWTH_BYTES: usize = 64 * 1024;
/// Room made for a reply before it is encoded.
pub const REPLY_ROOM_BYTES: usize = 512;
/// Array elements and tagged fields in one request.
pub const REQUEST_ELEMENTS_MAX: usize = 100_000;
/// Connections at once; one more is closed at once.
pub const CONNECTIONS_MAX: usize = 1_000;
/// Requests of one connection that wait for their replies; the next is not read before.
pub const REQUESTS_WAITING_MAX: usize = 64;
/// How long a frame may stop midway, and how long a reply may wait for its reader.
pub const STALL_MS: u64 = 30_000;
/// Requests on their way to the core.
pub const CORE_QUEUE_MAX: usize = 1_024;
/// Requests that the core works out before it orders a sync.
pub const LOT_MAX: usize = 256;
/// Rules of injected faults at once.
pub const FAULT_RULES_MAX: usize = 1_000;
/// What one process writes at most of the faults that it injected.
pub const FAULT_LOG_BYTES_MAX: usize = 64 * 1024 * 1024;
pub const TOPICS_MAX: usize = 10_000;
pub const PARTITIONS_PER_TOPIC_MAX: i32 = 1_000;
/// All partitions: each holds files open.
pub const PARTITIONS_MAX: usize = 4_000;
/// A topic's configuration value.
pub const CONFIG_VALUE_BYTES_MAX: usize = 1_024;
/// What one fetch answers at most, whatever it asks for.
pub const FETCH_BYTES_MAX: usize = 50 * 1024 * 1024;
/// A fetch waits no longer than this, whatever it asks for.
pub const FETCH_WAIT_MS_MAX: i64 = 60_000;
/// The most parts of one vectored write; Linux takes no more than this.
pub const MAX_WRITE_PARTS: usize = 1_024;
/// The most parts of one journal entry.
pub const MAX_ENTRY_PARTS: usize = 65_536;
/// The most bytes of one journal entry: more than any request has.
pub const MAX_ENTRY_BYTES: usize = 128 * 1024 * 1024;
/// From how many bytes of its file on the journal asks for a checkpoint.
pub const CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;
/// From how many bytes on the journal goes on in another file, though there was no checkpoint.
pub const MAX_JOURNAL_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// The largest journal file that recovery reads: a full one, and a lot on top of it.
pub const MAX_RECOVERED_FILE_BYTES: usize = 2 * 1024 * 1024 * 1024;
/// The most bytes that the records of one batch may unpack to.
pub const MAX_UNPACKED_BYTES: usize = 64 * 1024 * 1024;
/// The longest varint: 64 bits, seven in each byte.
pub const MAX_VARINT_BYTES: u32 = 10;
/// From how many bytes in memory on a partition's log asks to be flushed.
pub const FLUSH_BYTES: u64 = 256 * 1024;
/// The largest batch that a log keeps, compaction's included.
pub const MAX_STORED_BATCH_BYTES: usize = 128 * 1024 * 1024;
/// How much of a segment is read at once where all of it has to be.
pub const SCAN_BYTES: usize = 1024 * 1024;
/// From how many bytes on a segment gets an index file: smaller ones are read again in no time.
pub const INDEX_FILE_FROM_BYTES: u64 = 1024 * 1024;
/// The largest index file that is read; one that is larger is made anew.
pub const MAX_INDEX_FILE_BYTES: usize = 256 * 1024 * 1024;
/// The file that a snapshot is read from.
pub const SNAPSHOT_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// How many bytes of keys one compaction keeps in memory; it goes on after them in another.
pub const MAX_COMPACTION_KEY_BYTES: usize = 128 * 1024 * 1024;
/// What a key takes in memory beside its bytes.
pub const COMPACTION_KEY_OVERHEAD_BYTES: usize = 96;
