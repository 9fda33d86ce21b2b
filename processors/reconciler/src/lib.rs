//! The reconciler: signed payment events and order snapshots in, status changes and gaps out.
//!
//! `topology` is the way of a record in one place; `opening` refuses what is not signed, not placed
//! or not readable; `following` says what a fold makes known, and `told` its spans; `service` runs the workers.

pub mod topology;

mod opening;

mod judging;

mod following;

mod tally;

mod told;

pub mod metrics;

pub mod service;

pub use judging::Judged;
pub use service::{Health, ProcessFault, ProcessSettings, StopFlag, run};
pub use topology::Reconciler;
