//! Every size and wait of the measure.

use std::time::Duration;

/// One call to a broker, and one wait for a record.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// From the start of a server to its first answer.
pub(crate) const START_PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at a server that starts.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// One look at a server that starts.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);
pub(crate) const PARTITIONS: i32 = 6;
pub(crate) const RECORD_BYTES: usize = 1_000;
/// What one measure writes at most, 500 MB: the disk has to hold it, for both servers.
pub(crate) const RECORDS_MAX: u32 = 500_000;
/// Records that the client holds at once.
pub(crate) const QUEUED_MAX: u32 = 50_000;
/// Records of one transaction.
pub(crate) const TRANSACTION_RECORDS: u32 = 500;
/// The two aims beside "never behind".
pub(crate) const START_AIM: f64 = 50.0;
pub(crate) const MEMORY_AIM: f64 = 10.0;
