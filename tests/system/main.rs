//! The built binary from outside, on a real Kafka and a real CQL store: every command, what it
//! writes to topics, what it says, and what it makes of bad records and of `kill -9`.
#![cfg(test)]

mod check;
mod gaps;
mod hanging;
mod linking;
mod ops;
mod order;
mod poison;
mod restart;
mod send;
#[path = "../shared/mod.rs"]
mod shared;
mod shown;
mod support;
mod sweep;
mod topics;
