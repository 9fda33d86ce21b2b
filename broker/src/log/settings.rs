//! What a topic's settings say about each of its logs.

/// A log's settings; the defaults are Kafka's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// `segment.bytes`
    pub segment_bytes: u64,
    /// `segment.ms`
    pub segment_ms: i64,
    /// `index.interval.bytes`
    pub index_interval_bytes: u64,
    /// `retention.ms`; `None` keeps records for ever, as do topics that are only compacted.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`; `None` for no limit.
    pub retention_bytes: Option<u64>,
    /// From how many bytes in memory on the log asks to be flushed.
    pub flush_bytes: u64,
    /// `min.compaction.lag.ms`
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`
    pub max_compaction_lag_ms: i64,
    /// `delete.retention.ms`: how long a tombstone can be read after what it deletes is gone.
    pub delete_retention_ms: i64,
    /// `min.cleanable.dirty.ratio`, in percent.
    pub min_dirty_percent: u64,
}

impl Default for LogSettings {
    fn default() -> Self {
        const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
        Self {
            segment_bytes: 1024 * 1024 * 1024,
            segment_ms: 7 * DAY_MS,
            index_interval_bytes: 4_096,
            retention_ms: Some(7 * DAY_MS),
            retention_bytes: None,
            flush_bytes: crate::limits::FLUSH_BYTES,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: DAY_MS,
            min_dirty_percent: 50,
        }
    }
}
