//! The pure domain: money, ids, events, the fold, statuses and gaps.
//!
//! Nothing here knows a clock, a runtime, a log or a serialisation format: bytes become facts
//! elsewhere, and what should happen is returned to the caller.

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

pub mod money;

pub mod ids;

pub mod event;

pub mod internal;

pub mod ledger;

pub mod digest;

mod join;

pub mod fold;

pub mod status;

pub mod view;

pub mod gap;

pub mod window;

pub mod rolling;
