//! One batch on its way through a transaction: the records as polled, their orders' ledgers as
//! loaded, and the copies on which they are folded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use trueup_domain::event::UnixMillis;
use trueup_domain::gap::GapSet;
use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;
use trueup_domain::rolling::Corrections;
use trueup_domain::window::{Minute, Totals};

use crate::partition::Progress;
use crate::ports::log::Record;
use crate::ports::store::IndexWrite;
use crate::processor::{Folding, Opened, OrderState};

#[derive(Debug)]
pub(crate) struct Timer {
    pub(crate) partition: i32,
    pub(crate) order: OrderId,
    pub(crate) clock: UnixMillis,
}

/// Kept until its transaction is known committed, or the partition is lost or recovered.
#[derive(Debug)]
pub(crate) struct Batch<F> {
    pub(crate) records: Vec<(Record, Opened<F>)>,
    pub(crate) timers: Vec<Timer>,
}

impl<F> Default for Batch<F> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            timers: Vec::new(),
        }
    }
}

impl<F> Batch<F> {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.timers.is_empty()
    }

    /// Whether it holds a record of this partition.
    pub(crate) fn holds(&self, partition: i32) -> bool {
        let mut records = self.records.iter();
        records.any(|(record, _)| record.partition == partition)
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.timers.clear();
    }

    pub(crate) fn forget(&mut self, partition: i32) {
        self.records
            .retain(|(record, _)| record.partition != partition);
        self.timers.retain(|timer| timer.partition != partition);
    }

    /// Each order spoken of, with its partition; some more than once.
    pub(crate) fn orders(&self) -> impl Iterator<Item = (i32, &OrderId)> {
        let of_records = self
            .records
            .iter()
            .filter_map(|(record, opened)| match opened {
                Opened::Fact { order, .. } => Some((record.partition, order)),
                Opened::Refused(_) | Opened::Nothing => None,
            });
        of_records.chain(
            self.timers
                .iter()
                .map(|timer| (timer.partition, &timer.order)),
        )
    }
}

/// One order's copy.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) partition: i32,
    pub(crate) before: Arc<Ledger>,
    pub(crate) gaps_before: GapSet,
    pub(crate) state: OrderState,
    pub(crate) index: Vec<IndexWrite>,
}

impl Copied {
    pub(crate) fn ledger_changed(&self) -> bool {
        *self.before != self.state.ledger
    }

    pub(crate) fn gaps_changed(&self) -> bool {
        self.gaps_before != self.state.gaps
    }
}

/// What a transaction will hold. Dropping it is the whole of an undo.
#[derive(Debug)]
pub(crate) struct Work<T> {
    pub(crate) copies: HashMap<OrderId, Copied>,
    pub(crate) progress: BTreeMap<i32, Progress>,
    /// What was folded adds to the minutes of each partition.
    pub(crate) window_changes: BTreeMap<i32, BTreeMap<Minute, Totals>>,
    /// What the transaction makes of them.
    pub(crate) windows: BTreeMap<i32, Corrections>,
    pub(crate) folding: Folding<T>,
}

impl<T> Work<T> {
    /// Takes what was folded last as a change of this partition's minutes.
    pub(crate) fn take_window_changes(&mut self, partition: i32) {
        let changes = std::mem::take(&mut self.folding.windows);
        if changes.is_empty() {
            return;
        }
        let minutes = self.window_changes.entry(partition).or_default();
        for (minute, change) in changes {
            minutes.entry(minute).or_insert(Totals::ZERO).add(&change);
        }
    }
}

impl<T: Default> Default for Work<T> {
    fn default() -> Self {
        Self {
            copies: HashMap::new(),
            progress: BTreeMap::new(),
            window_changes: BTreeMap::new(),
            windows: BTreeMap::new(),
            folding: Folding::default(),
        }
    }
}
