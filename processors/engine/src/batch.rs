//! One batch on its way through a transaction: the records as polled, their orders' ledgers as
//! loaded, and the copies on which they are folded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use trueup_domain::event::UnixMillis;
use trueup_domain::gap::GapSet;
use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;

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
    pub(crate) folding: Folding<T>,
}

impl<T: Default> Default for Work<T> {
    fn default() -> Self {
        Self {
            copies: HashMap::new(),
            progress: BTreeMap::new(),
            folding: Folding::default(),
        }
    }
}
