//! Time, handed in: tests move it, production reads the machine's.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use trueup_domain::event::UnixMillis;

pub trait Clock: Send {
    /// Wall time; may jump. Opens gaps once a partition is read to its end.
    fn wall_ms(&self) -> UnixMillis;

    /// Milliseconds since some fixed moment; never goes back. Ages writes and waits.
    fn elapsed_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct MachineClock {
    started: Instant,
}

impl Default for MachineClock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for MachineClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that is handed in"
    )]
    fn wall_ms(&self) -> UnixMillis {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
