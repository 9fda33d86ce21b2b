//! Limits of dead letters: what is held of them, read, shown and replayed at once.

use std::num::NonZeroU32;
use std::time::Duration;

/// Letters that one question may select; each costs about 200 bytes while it is answered.
pub const MAX_LETTERS: usize = 500_000;
/// Letters of one page.
pub const MAX_PAGE: usize = 1_000;
/// Letters of one page where nobody says how many.
pub const USUAL_PAGE: usize = 100;
/// Bytes of all letters of one page; a page has one letter at least.
pub const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Letters whose bytes are held at once, and that one request to the ops listener replays.
pub const MAX_CHUNK: usize = 500;
/// Bytes of all letters held at once; one letter at least is.
pub const MAX_CHUNK_BYTES: usize = 16 * 1024 * 1024;
/// How long one request to the ops listener goes on beginning rounds. With [`MESSAGE_TIMEOUT`]
/// twice it stays below the life of a connection there.
pub const REQUEST_TIME: Duration = Duration::from_secs(90);
/// Letters per second where nobody says how many.
pub const USUAL_RATE: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
/// The most letters per second that may be asked for.
pub const MAX_RATE: u32 = 100_000;
/// A topic of which nothing came for so long is not read.
pub const READ_STALL: Duration = Duration::from_secs(20);
/// Time that one question about topics may take.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait of one poll.
pub const POLL: Duration = Duration::from_millis(100);
/// How long a broker may wait for more at a partition's end, in milliseconds.
pub const FETCH_WAIT_MS: &str = "10";
/// Fetched and not yet taken, in KiB.
pub const QUEUED_KIB: &str = "16384";
/// How long a record may take to be acknowledged by all in-sync replicas.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of one record: a letter holds one of 2 MiB and what was said of it.
pub const MAX_RECORD_BYTES: &str = "3145728";
/// How often a long replay says how far it is.
pub const PROGRESS_EVERY: Duration = Duration::from_secs(1);
