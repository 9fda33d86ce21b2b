//! A single-node broker of the Kafka protocol on loopback, for the embedded default and for tests.
//!
//! Record batches are opaque bytes here. It is for one machine and replicates nothing.

pub mod limits;

pub mod config;

pub mod clock;

mod wire;

pub mod topics;

pub mod stored;

pub mod names;

pub mod code;

pub mod disk;

pub mod batch;

pub mod journal;

pub mod log;

pub mod partition_state;

pub mod transactions;

pub mod groups;

pub mod offsets;

mod call;

mod core;

mod api;

pub mod faults;

mod server;

mod broker;

pub use broker::Broker;
pub use core::StartFault;
