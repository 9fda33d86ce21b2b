//! Where a log stood at a checkpoint.

use serde::{Deserialize, Serialize};

/// Goes into the snapshot, and back into `Log::open`. The default is an empty log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    pub start: i64,
    pub end: i64,
    pub cleaned_until: i64,
}
