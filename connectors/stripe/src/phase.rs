//! Where a connection stands, and until when it may stand there.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::limits::GatewayLimits;

/// Shared by a connection's stream, which sees bytes come, and its service, which sees requests.
#[derive(Debug)]
pub(crate) struct Phase(Mutex<Stand>);

#[derive(Debug, Clone, Copy)]
enum Stand {
    /// Between requests.
    Idle(Instant),
    /// A request's head is coming. A new connection starts here: it was opened to be used.
    Head(Instant),
    /// A request is being answered, within deadlines of its own.
    Busy,
}

impl Phase {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Stand::Head(Instant::now())))
    }

    pub(crate) fn bytes_came(&self) {
        self.step(|stand| match stand {
            Stand::Idle(_) => Stand::Head(Instant::now()),
            Stand::Head(_) | Stand::Busy => stand,
        });
    }

    pub(crate) fn request_came(&self) {
        self.step(|_| Stand::Busy);
    }

    pub(crate) fn answered(&self) {
        self.step(|_| Stand::Idle(Instant::now()));
    }

    /// When the connection is to be closed if it still stands here; `None` while it is busy.
    pub(crate) fn deadline(&self, limits: &GatewayLimits) -> Option<Instant> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Stand::Idle(since) => since.checked_add(limits.idle),
            Stand::Head(since) => since.checked_add(limits.header_read),
            Stand::Busy => None,
        }
    }

    fn step(&self, next: impl FnOnce(Stand) -> Stand) {
        let mut stand = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *stand = next(*stand);
    }
}
