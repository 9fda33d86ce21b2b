//! The linker's machine against a store in memory: no Kafka, no clock.
#![cfg(test)]

mod world;

mod arrivals;

mod races;

mod bounds;
