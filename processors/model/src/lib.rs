//! An exhaustive model of the exactly-once protocol.
