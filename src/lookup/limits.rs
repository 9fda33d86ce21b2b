//! Limits of looking things up: what is read of the log to answer one question.

use std::time::Duration;

/// Records read of one partition in search of a key.
pub const MAX_SCANNED_RECORDS: usize = 2_000_000;
/// Time that one reading of the log may take.
pub const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Time that one question about topics, watermarks or times may take.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait of one poll.
pub const POLL: Duration = Duration::from_millis(100);
/// Wanted offsets nearer than this are read through, not sought.
pub const READ_THROUGH: i64 = 2_000;
/// How long a broker may wait for more at a partition's end, in milliseconds.
pub const FETCH_WAIT_MS: &str = "10";
/// Fetched and not yet taken, in KiB.
pub const QUEUED_KIB: &str = "16384";
/// A body's record may lie this far beside the receipt of its event, in milliseconds.
pub const BODY_SPREAD_MS: i64 = 60_000;
