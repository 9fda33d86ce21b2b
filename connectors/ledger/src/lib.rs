//! The ledger store: orders, checkpoints and the event index, in ScyllaDB or Cassandra, or in one
//! file.
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

mod links;

mod cursor;

mod index;

mod statements;

mod request;

mod embedded;

mod either;

pub mod limits;

pub mod metrics;

pub use connect::{ConnectFault, NewSchema, NoSchema, OldSchema, Unreachable};
pub use either::{AnyLedger, AnyStore};
pub use embedded::{
    EmbeddedLedger, EmbeddedSettings, EmbeddedStore, FILE_FORMAT, Locked, NewerFile, NotALedger,
    OpenFault, OtherRevision, Unopened,
};
pub use index::EventEntry;
pub use ledger::{CqlLedger, StoredLedger};
pub use schema::{Applied, MigrateFault, MigrationFailed, SCHEMA_VERSION, apply_schema};
pub use settings::{CqlSettings, Replication, SettingsFault};
pub use store::CqlStore;
