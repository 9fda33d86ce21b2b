//! Limits of an audit: what it may take of memory, of the disk and of time.

use std::time::Duration;

/// Files into which what was read is sorted by id; one is in memory at a time.
pub const BUCKETS: usize = 64;
/// The most bytes of one such file, and so of memory: about 64 million events in all.
pub const MAX_BUCKET_BYTES: u64 = 1024 * 1024 * 1024;
/// The most bytes of one entry: a record's facts and its ids.
pub const MAX_ENTRY_BYTES: u32 = 4 * 1024 * 1024;
/// Findings that are told; more are counted.
pub const MAX_FINDINGS: usize = 10_000;
/// Orders whose rows are asked for at once.
pub const ROWS_AT_ONCE: usize = 500;
/// Orders that are written while they are audited, and looked at again; more are told as not compared.
pub const MAX_LOOKED_AT_AGAIN: usize = 10_000;
/// A delivery younger than this may still be on its way to one of its topics: the gateway answers
/// within 8 s.
pub const UNDER_WAY_MS: i64 = 15_000;
/// How often progress is told.
pub const TOLD_EVERY: Duration = Duration::from_secs(2);
