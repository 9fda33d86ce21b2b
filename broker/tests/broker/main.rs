//! The broker as librdkafka sees it, over real connections.

#![cfg(test)]

mod support;

mod produce_and_consume;

mod transactions;

mod groups;

mod administration;

mod restart;

mod trouble;

mod bad_input;

mod faults;

mod late_end;

mod plants;
