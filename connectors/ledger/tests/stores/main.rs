//! The ledger stores: one suite for all of them, and what is particular to each.

mod conformance;
mod cql;
