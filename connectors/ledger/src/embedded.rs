//! The embedded ledger store: one redb file, used by one process on one machine.
//!
//! It promises what the CQL store promises, by the same comparisons, and is asked from threads
//! that may wait. One thread of its own writes, so that the writes of all workers share their
//! syncs; nothing is acknowledged before it is on the disk.
//!
//! The columns for people are not kept here: nobody can ask this file for them, and the cell has
//! them all.

mod tables;

mod medium;

mod open;

mod disk;

mod apply;

mod expire;

mod inbox;

mod links;

mod cursors;

mod acks;

mod writer;

mod read;

mod ledger;

mod store;

pub use ledger::{EmbeddedLedger, EmbeddedSettings};
pub use open::{Locked, NewerFile, NotALedger, OpenFault, OtherRevision, Unopened};
pub use store::EmbeddedStore;
pub use tables::FILE_FORMAT;

#[cfg(test)]
mod tests;
