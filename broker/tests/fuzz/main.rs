//! Bytes that nobody meant: spoiled requests to a running broker, and a broker started on spoiled
//! files. Bounded, and the same for the same seed; `TRUEUP_FUZZ_ROUNDS` and `TRUEUP_FUZZ_SEED` go
//! on elsewhere.

#![cfg(test)]

mod recorded;

mod recovery;

mod requests;

mod spoil;
