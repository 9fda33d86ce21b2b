//! Limits of the summary: what is kept of the topics that it follows.

use std::time::Duration;

/// Open gaps that are kept, about 300 bytes each; more are neither counted nor listed.
pub const MAX_OPEN_GAPS: usize = 1_000_000;
/// Gaps of one page at most, and where nobody says.
pub const MAX_PAGE: usize = 1_000;
/// How long a command waits for a topic of which nothing comes.
pub const NOTHING_CAME: Duration = Duration::from_secs(15);
/// Dead letters that are kept; more are not counted.
pub const MAX_LETTERS: usize = 1_000_000;
/// The wait of one poll, and so the longest time in which a stop is not seen.
pub const POLL: Duration = Duration::from_millis(100);
/// The wait before a topic that could not be opened is tried again.
pub const OPEN_AGAIN: Duration = Duration::from_secs(1);
/// Time that one question about topics or watermarks may take.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Fetched and not yet taken, in KiB, of each topic.
pub const QUEUED_KIB: &str = "8192";
/// How often it is looked whether a topic has been read to its end.
pub const LOOK_AGAIN: Duration = Duration::from_millis(20);
