//! Where a sweep's cursors are kept: up to which `created` every event is written.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use thiserror::Error;
use trueup_domain::event::UnixSeconds;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the sweep's cursor cannot be kept: {reason}")]
pub struct CursorFault {
    pub reason: String,
}

impl CursorFault {
    pub(crate) fn broken() -> Self {
        Self {
            reason: "the thread that keeps it broke off".to_owned(),
        }
    }
}

/// Keeps cursors. A cursor never moves back: of two that were saved the later holds.
pub trait Cursors: std::fmt::Debug + Send + Sync + 'static {
    /// The cursor of this name, `None` where none was saved.
    ///
    /// # Errors
    /// No answer, which is never "none".
    fn load(&self, name: &str) -> Result<Option<UnixSeconds>, CursorFault>;

    /// Returns once `until` is kept.
    ///
    /// # Errors
    /// It is not known to be kept.
    fn save(&self, name: &str, until: UnixSeconds) -> Result<(), CursorFault>;
}

/// For as long as the process runs: where there is no store, a restart begins at `--since` again,
/// and what is read twice counts once.
#[derive(Debug, Default)]
pub struct MemoryCursors(Mutex<BTreeMap<String, UnixSeconds>>);

impl Cursors for MemoryCursors {
    fn load(&self, name: &str) -> Result<Option<UnixSeconds>, CursorFault> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(held.get(name).copied())
    }

    fn save(&self, name: &str, until: UnixSeconds) -> Result<(), CursorFault> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cursor = held.entry(name.to_owned()).or_insert(until);
        *cursor = until.max(*cursor);
        Ok(())
    }
}
