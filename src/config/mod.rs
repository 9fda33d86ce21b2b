//! What each command needs, read from the merged settings; every fault is collected.

pub mod targets;

pub mod serving;

pub mod tools;

pub use serving::{IngestConfig, OrdersFeed, ProcessConfig, ServeConfig};
pub use targets::{KafkaTarget, OpsTarget, StoreTarget};
pub use tools::{AskConfig, LedgerConfig, SendConfig, TopicsConfig};
