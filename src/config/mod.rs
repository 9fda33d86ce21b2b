//! What each command needs, read from the merged settings; every fault is collected.

pub mod targets;

pub mod otlp;

pub mod serving;

pub mod dev;

pub mod sweep;

pub mod tools;

pub mod gaps;

pub mod dlq;

pub use dev::{DEMO_GRACE, DevConfig};
pub use dlq::{DlqAsked, DlqConfig};
pub use gaps::GapsConfig;
pub use serving::{
    GatewayConfig, IngestConfig, OrdersFeed, ProcessConfig, ServeConfig, WorkersConfig,
};
pub use sweep::{SweepConfig, SweepTarget};
pub use targets::{KafkaTarget, OpsTarget, StoreTarget};
pub use tools::{AskConfig, LedgerConfig, SendConfig, TopicsConfig};
