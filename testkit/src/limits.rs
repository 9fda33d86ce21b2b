//! Every wait of this crate, with its end.

use std::time::Duration;

/// Between two looks at something that tells nobody when it is done.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// From the start of a JVM to its first answer, on a busy machine.
pub(crate) const SERVICE_READY: Duration = Duration::from_secs(120);
/// One try to connect and be answered.
pub(crate) const ANSWER: Duration = Duration::from_secs(2);
/// A call to a broker that is known to be up.
pub(crate) const CALL: Duration = Duration::from_secs(20);
/// Starts of a service whose ports were taken by somebody else in between.
pub(crate) const START_TRIES: u32 = 3;
/// Tries to find a free port.
pub(crate) const PORT_TRIES: u32 = 200;
/// Lines of a log shown with a failure.
pub(crate) const TAIL_LINES: usize = 60;

/// How long a stand-in waits for a request, and that for Stripe's API holds one that it ignores.
pub(crate) const STAND_IN_IDLE: Duration = Duration::from_secs(60);
/// The most bytes of a request's head that it reads.
pub(crate) const STRIPE_API_REQUEST_BYTES: u64 = 64 * 1024;

/// Of one request to the collector's stand-in.
pub(crate) const COLLECTOR_REQUEST_BYTES: usize = 16 * 1024 * 1024;
