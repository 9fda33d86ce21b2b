//! The linker: finds the order of refunds, disputes and charges that name none.
//!
//! `row` is what is known of one object, `machine` what a record does to it, `batch` the order in
//! which rows are written and read, `opening` refuses what is not signed or not placed, `saying`
//! writes what follows, `service` runs the loop. It writes no gaps and knows no ledger.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::float_arithmetic,
        clippy::wildcard_enum_match_arm,
        clippy::print_stdout
    )
)]

pub mod row;

pub mod machine;

pub mod batch;

pub mod opening;

pub mod saying;

pub mod kafka;

mod aging;

pub mod service;

pub mod limits;

pub mod metrics;

pub use service::{LinkerHealth, LinkerSettings, Stopping, group_of, run};
