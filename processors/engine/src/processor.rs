//! What is done with a record: the business of one topology, handed to the loop.
//!
//! A processor decides and never acts: it folds into copies and returns outputs. Whether they
//! come to be is the transaction's matter.

use std::collections::BTreeMap;

use trueup_domain::event::UnixMillis;
use trueup_domain::gap::GapSet;
pub use trueup_domain::gap::Times;
use trueup_domain::ids::{EventId, OrderId};
use trueup_domain::ledger::Ledger;
use trueup_domain::window::{Minute, Totals};

use crate::ports::log::{Output, Record};
use crate::ports::store::Columns;

/// A record after signature, placement and form were looked at.
#[derive(Debug)]
pub enum Opened<F> {
    /// Tells something about an order.
    Fact {
        order: OrderId,
        fact: F,
        received_at: UnixMillis,
    },
    /// Refused: the dead letter that keeps its bytes.
    Refused(Output),
    /// Says nothing, such as a tombstone.
    Nothing,
}

/// One order while a transaction is being put together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderState {
    pub ledger: Ledger,
    pub gaps: GapSet,
}

/// What folding leaves behind beside the changed state.
#[derive(Debug)]
pub struct Folding<T> {
    pub outputs: Vec<Output>,
    /// What it adds to the windows of its partition, by minute.
    pub windows: BTreeMap<Minute, Totals>,
    /// What to count once the transaction is committed.
    pub tally: T,
}

impl<T: Default> Default for Folding<T> {
    fn default() -> Self {
        Self {
            outputs: Vec::new(),
            windows: BTreeMap::new(),
            tally: T::default(),
        }
    }
}

/// An event to write into the index of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    pub event_id: EventId,
    /// Unix seconds.
    pub created: i64,
    pub received_at: UnixMillis,
}

pub trait Processor: Send {
    type Fact: Send;
    type Tally: Default + Send;

    fn open(&self, record: &Record) -> Opened<Self::Fact>;

    /// Joins the fact and says what follows from it; `Some` where the event is new. A record that
    /// the order has no room for becomes a dead letter, of which `record` has the bytes.
    fn fold(
        &self,
        order: &OrderId,
        state: &mut OrderState,
        fact: &Self::Fact,
        record: &Record,
        times: Times,
        folding: &mut Folding<Self::Tally>,
    ) -> Option<Indexed>;

    /// Joins the fact and publishes nothing: it was published before. `Some` where the ledger has
    /// the event from this very record.
    fn refold(&self, ledger: &mut Ledger, fact: &Self::Fact, record: &Record) -> Option<Indexed>;

    /// Lets time pass for one order: its gaps may open.
    fn tick(
        &self,
        order: &OrderId,
        state: &mut OrderState,
        clock: UnixMillis,
        folding: &mut Folding<Self::Tally>,
    );

    /// The record of an order's gaps; `None` is the tombstone of a set that became empty.
    fn gaps(&self, order: &OrderId, state: &OrderState) -> Option<Vec<u8>>;

    /// A set of gaps as read back from its topic; `None` for a tombstone.
    ///
    /// # Errors
    /// The reason why the record cannot be read: then nothing may be written.
    fn restore_gaps(&self, record: &Record) -> Result<(OrderId, Option<GapSet>), String>;

    /// The columns beside the cell, for people.
    fn columns(&self, ledger: &Ledger) -> Columns;

    /// The transaction that holds what was tallied is known committed, `took_ms` after its fold
    /// began.
    fn committed(&self, tally: &Self::Tally, wall_ms: UnixMillis, took_ms: u64);
}
