//! Sweeper and probe against a stand-in for Stripe's API and a log in memory.
#![cfg(test)]

mod world;

mod answers;

mod cursors;

mod probes;
