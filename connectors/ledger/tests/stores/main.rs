//! The ledger stores: one suite for all of them, and what is particular to each.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod conformance;
mod cql;
mod embedded;
