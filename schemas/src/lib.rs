//! The wire: Avro records, framings, signatures and partitioning.
//!
//! Bytes become domain types here and nowhere else. What does not fit them is refused by name
//! and never repaired; nothing here knows a broker, a clock or a log.
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

pub mod topics;

pub mod keys;

pub mod headers;

pub mod replay;

pub mod partition;

pub mod seal;

pub mod records;

pub mod kind;

pub mod codec;

pub mod fault;

pub mod registry;

pub mod limits;

mod wire;
