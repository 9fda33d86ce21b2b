//! `trueup dev` from outside: the built binary, nothing installed beside it, and Kafka's own client.
#![cfg(test)]

mod bench;

mod serving;

mod restart;

mod data_dir;

#[path = "../shared/mod.rs"]
mod shared;

mod shown;

mod bad_input;

mod swapped;

mod demo;

mod summary;

mod sweep;

mod gaps;

mod audit;

mod full_disk;

mod poison;

mod strange_headers;

mod letters;

mod letters_killed;

mod traces;
