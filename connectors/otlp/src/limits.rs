//! Every limit of this crate.

use std::time::Duration;

/// Spans that wait to be sent; beyond it they are dropped and counted.
pub const QUEUE_SPANS: usize = 16_384;
/// Spans of one request.
pub const BATCH_SPANS: usize = 512;
/// How long a span waits for others to travel with.
pub const LINGER: Duration = Duration::from_millis(500);
/// Of one request.
pub const CALL: Duration = Duration::from_secs(5);
/// Requests of one batch, before it is given up.
pub const TRIES: usize = 4;
/// Between two tries: the first and the longest wait.
pub const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// How long the last spans of a process may take.
pub const GOODBYE: Duration = Duration::from_secs(3);
