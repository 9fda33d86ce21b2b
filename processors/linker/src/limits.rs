//! The linker's limits: each list, batch and wait has one.

use std::time::Duration;

/// Events of one object that wait for its order: as many as one order may hold.
pub const MAX_PARKED_EVENTS: usize = 512;
/// Orders that may claim one object. Two are a mistake already.
pub const MAX_CLAIMS: usize = 8;
/// The largest value taken, in bytes: facts are a few hundred.
pub const MAX_INPUT_BYTES: usize = 16 * 1024;
/// Records taken in one go.
pub const MAX_BATCH_RECORDS: usize = 500;
/// A batch is closed this long after its first record.
pub const GATHER: Duration = Duration::from_millis(20);
/// The longest wait for a first record, and so for noticing a stop.
pub const POLL: Duration = Duration::from_millis(50);
/// Events over age that are judged in one go.
pub const MAX_AGED_RECORDS: usize = 500;
/// The first and the longest wait before a batch that failed is done again.
pub const FIRST_PAUSE: Duration = Duration::from_millis(100);
pub const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the producer tries to deliver a record.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long brokers may take to tell of topics, or to take offsets.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// `message.max.bytes`: dead letters carry a record of 2 MiB and what was said of it.
pub const MAX_RECORD_BYTES: u32 = 3 * 1024 * 1024;
/// The longest `--unlinked-age`: events are judged while their topic still holds them.
pub const LONGEST_UNLINKED_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Deliveries that the producer tells of before it waits for the linker to hear of them.
pub const DELIVERIES: usize = 1024;
