//! An exhaustive model of the exactly-once protocol: one order, two inputs that interleave, a
//! store whose writes land late, workers that do not know they lost the partition.
//!
//! The model shares no code with the engine. It is the protocol written a second time, small
//! enough to try every history of it, and it refuses to be clever: plain breadth-first search.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::wildcard_enum_match_arm
    )
)]

pub mod facts;

pub mod few;

pub mod state;

pub mod step;

pub mod plants;

pub mod protocol;

mod recovery;

mod transaction;

pub mod properties;

pub mod search;
