//! The fold: one fact joins into the ledger of its order.

use thiserror::Error;

use crate::event::{Event, Snapshot};
use crate::ledger::{Ledger, MAX_EVENTS_PER_ORDER};

/// What folding one record meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not seen before: joined.
    Fresh,
    /// Seen before with the same facts, or a snapshot older than all that are kept: nothing changed.
    Duplicate,
    /// The id is known with other facts: joined all the same, counted and alerted.
    Conflict,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the order holds {MAX_EVENTS_PER_ORDER} events, the most one order may hold")]
pub struct OrderFull;

/// Joins `event`, read at `offset` of `payments.events`.
///
/// # Errors
/// [`OrderFull`] when the event is not known and the order holds the most it may.
pub fn fold_event(ledger: &mut Ledger, event: &Event, offset: i64) -> Result<Verdict, OrderFull> {
    let _ = (ledger, event, offset);
    Err(OrderFull)
}

/// Joins what the order service says.
pub fn fold_snapshot(ledger: &mut Ledger, snapshot: &Snapshot) -> Verdict {
    let _ = (ledger, snapshot);
    Verdict::Duplicate
}
