//! What each command needs, read from the merged settings; every fault is collected.

pub mod targets;

pub mod serving;

pub mod dev;

pub mod tools;

pub mod dlq;

pub use dev::DevConfig;
pub use dlq::{DlqAsked, DlqConfig};
pub use serving::{
    GatewayConfig, IngestConfig, OrdersFeed, ProcessConfig, ServeConfig, WorkersConfig,
};
pub use targets::{KafkaTarget, OpsTarget, StoreTarget};
pub use tools::{AskConfig, LedgerConfig, SendConfig, TopicsConfig};
