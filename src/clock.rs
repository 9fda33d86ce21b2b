//! The wall clock, read in this one place and handed to whoever needs it.

use std::time::UNIX_EPOCH;

use trueup_domain::event::UnixMillis;

/// Milliseconds since the Unix epoch; 0 on a machine whose clock is set before it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where this binary reads the wall clock"
)]
pub fn wall_clock() -> UnixMillis {
    let since = std::time::SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX)
}
