//! What the broker is told at its start: its few settings.

/// A broker's settings. The defaults are those of a development broker.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// What clients are told to connect to; the listener's own address where it is absent.
    pub advertised: Option<(String, u16)>,
    /// Whether asking for an unknown topic creates it.
    pub auto_create_topics: bool,
    /// Partitions of a topic that is created without a count.
    pub default_partitions: i32,
    /// How long a new group waits for more members before its first generation.
    pub initial_rebalance_delay_ms: i64,
    pub session_timeout_min_ms: i32,
    pub session_timeout_max_ms: i32,
    pub transaction_timeout_max_ms: i32,
    /// How often retention and compaction are looked at.
    pub upkeep_interval_ms: i64,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            advertised: None,
            auto_create_topics: false,
            default_partitions: 1,
            initial_rebalance_delay_ms: 0,
            session_timeout_min_ms: 1_000,
            session_timeout_max_ms: 1_800_000,
            transaction_timeout_max_ms: 900_000,
            upkeep_interval_ms: 10_000,
        }
    }
}
