//! The broker as librdkafka and Java's client see it, over real connections.

#![cfg(test)]

mod site;

mod support;

mod conformance;

mod java;

mod restart;

mod trouble;

mod bad_input;

mod versions;

mod faults;

mod late_end;

mod streams;

mod plants;
