//! The exactly-once loop between Kafka and a ledger store.
//!
//! Kafka decides, the store follows: one transaction holds what is published and how far the
//! inputs were read; no ledger reaches the store before its transaction is known committed; what
//! the store may have missed is folded again from a checkpoint. `machine` says where a worker goes
//! from where it stands, `worker` does what it says, `ports` is the outside world.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::float_arithmetic,
        clippy::arithmetic_side_effects,
        clippy::wildcard_enum_match_arm,
        clippy::print_stdout
    )
)]

pub mod ports;

pub mod processor;

pub mod machine;

pub mod worker;

mod faults;

mod polling;

mod recovery;

mod hanging;

mod restoring;

mod refolding;

mod transaction;

mod writing;

mod batch;

mod partition;

mod windows;

mod marks;

mod behind;

mod seen;

mod cache;

pub mod state;

pub mod limits;

pub mod metrics;

pub mod kafka;

pub use writing::FOLD_REVISION;
