//! The gateway as users run it: the built binary, a real Kafka, and what lies in the topics
//! afterwards. Also the planted bugs that these checks must see.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod endpoints;
mod outage;
mod plants;
mod records;
mod refusals;
mod shop;
