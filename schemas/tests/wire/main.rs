//! What the wire promises, record by record, tested from outside.
#![cfg(test)]

mod support;

mod reference;

mod golden;

mod framing;

mod hostile;

mod fold_law;

mod registry;
