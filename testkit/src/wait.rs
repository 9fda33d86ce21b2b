//! Waiting for something outside this process that tells nobody when it is done.

use std::time::{Duration, Instant};

use crate::limits::LOOK_AGAIN;

/// Asks until there is an answer, or `None` once `limit` is over.
pub fn wait_until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}
