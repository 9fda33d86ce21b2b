//! The exactly-once loop between Kafka and a ledger store.

pub mod ports;
