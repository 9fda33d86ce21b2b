//! The ledger store: orders, checkpoints and the event index, in ScyllaDB or Cassandra.
//!
//! Knows rows, bytes and timestamps, and no business rule. Every write may be repeated; a store
//! that does not answer is a fault and never "not found".

pub mod settings;

mod connect;

mod schema;

mod ledger;

mod store;

mod read;

mod write;

mod group;

mod checkpoint;

mod index;

mod statements;

mod request;

pub mod limits;

pub mod metrics;

pub use connect::{ConnectFault, NewSchema, NoSchema, OldSchema, Unreachable};
pub use index::EventEntry;
pub use ledger::{CqlLedger, StoredLedger};
pub use schema::{Applied, MigrateFault, MigrationFailed, SCHEMA_VERSION, apply_schema};
pub use settings::{CqlSettings, Replication, SettingsFault};
pub use store::CqlStore;
