//! What is shown wherever Trueup runs: a module of both `tests/dev` and `tests/system`, each with
//! a [`Site`] of its own.

pub(crate) mod arrivals;
pub(crate) mod kinds;

use std::time::Duration;

use serde_json::Value;

/// The longest wait for anything, on a busy machine. Nothing waits as long when all is well.
const LIMIT: Duration = Duration::from_secs(60);

/// Where Trueup runs.
pub(crate) trait Site {
    /// The brokers.
    fn kafka(&self) -> String;
    /// What comes before the name of each topic.
    fn prefix(&self) -> String;
    /// The ops listener of the one process that reconciles.
    fn ops(&self) -> String;
    /// Posts Stripe's events through the gateway; whether it took all of them.
    fn send(&self, events: &[Value]) -> bool;
    /// The process that reconciles.
    fn pid(&self) -> u32;
    /// `kill -9` of what reconciles unless it is dead, and the same again on the same data.
    fn kill_and_restart(&mut self);
}
