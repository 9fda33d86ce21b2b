//! What the tests share: a bench of services, Stripe's events, a writer of records, HTTP.

pub(crate) mod bench;
pub(crate) mod http;
pub(crate) mod registry;
pub(crate) mod shop;
pub(crate) mod writer;

use std::time::Duration;

/// The longest wait for anything, on a busy machine. Nothing waits as long when all is well.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// Partitions of every topic.
pub(crate) const PARTITIONS: i32 = 2;
