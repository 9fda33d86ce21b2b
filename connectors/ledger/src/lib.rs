//! The ledger store: orders, checkpoints and the event index.
