//! What the writer tells one worker: which of its batches are on the disk.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use trueup_engine::ports::store::WriteToken;

use crate::limits::MAX_BATCHES_IN_FLIGHT;

#[derive(Debug, Default)]
pub(crate) struct Acks {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    in_flight: usize,
    told: Vec<WriteToken>,
    abandoned: bool,
    /// Nobody writes any longer.
    ended: bool,
}

impl Acks {
    /// One more batch is under way, once there is room for it.
    pub(crate) fn begin(&self) {
        let state = self.lock();
        let waited = self.changed.wait_while(state, |state| {
            state.in_flight >= MAX_BATCHES_IN_FLIGHT && !state.ended
        });
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.in_flight = state.in_flight.saturating_add(1);
    }

    pub(crate) fn tell(&self, token: WriteToken) {
        let mut state = self.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.told.push(token);
        drop(state);
        self.changed.notify_all();
    }

    /// The tokens told since the last time, waiting up to `wait` for the first.
    pub(crate) fn take(&self, wait: Duration) -> Vec<WriteToken> {
        let state = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(state, wait, |state| state.told.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.told)
    }

    /// The worker has stopped: nobody wants to know any longer.
    pub(crate) fn abandon(&self) {
        self.lock().abandoned = true;
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    /// No batch is written any longer, so nobody is to wait for room.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
