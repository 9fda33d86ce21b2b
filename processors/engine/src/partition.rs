//! What a worker remembers of one partition that it owns.

use std::collections::{BTreeSet, HashMap};

use trueup_domain::event::UnixMillis;
use trueup_domain::gap::{Gap, GapSet};
use trueup_domain::ids::OrderId;
use trueup_domain::rolling::Rolling;
use trueup_domain::window::Totals;

use crate::marks::Marks;
use crate::ports::log::{Input, Position};
use crate::ports::store::Checkpoint;

/// The last record consumed of one input: tells a topic that was made anew from the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Last {
    pub(crate) offset: i64,
    pub(crate) timestamp: Option<i64>,
}

/// Where a partition stands by the committed transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    pub(crate) position: Position,
    pub(crate) last_events: Option<Last>,
    pub(crate) last_orders: Option<Last>,
    /// Largest receipt folded, or the wall time at which both inputs were read to their end.
    pub(crate) clock_ms: UnixMillis,
    /// Number of transactions ever committed for the partition.
    pub(crate) transaction: u64,
    /// Number of orders of which anything was ever folded.
    pub(crate) known_orders: u64,
}

impl Progress {
    pub(crate) fn consumed(&mut self, input: Input, offset: i64, timestamp: Option<i64>) {
        self.position.set(input, offset.saturating_add(1));
        let last = Some(Last { offset, timestamp });
        match input {
            Input::Events => self.last_events = last,
            Input::Orders => self.last_orders = last,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) progress: Progress,
    /// Counts this worker's assignments; ledgers remembered under another number are stale.
    pub(crate) tenure: u64,
    pub(crate) marks: Marks,
    pub(crate) saved: Option<Checkpoint>,
    pub(crate) windows: Rolling,
    /// What the gauges hold of them, as [`trueup_domain::rolling::Span::ALL`].
    pub(crate) windows_shown: [Totals; 3],
    gaps: HashMap<OrderId, GapSet>,
    deadlines: BTreeSet<(UnixMillis, OrderId)>,
}

impl Partition {
    pub(crate) fn new(
        progress: Progress,
        tenure: u64,
        settled: Position,
        saved: Option<Checkpoint>,
    ) -> Self {
        Self {
            progress,
            tenure,
            marks: Marks::new(settled),
            saved,
            windows: Rolling::default(),
            windows_shown: [Totals::ZERO; 3],
            gaps: HashMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    pub(crate) fn gaps_of(&self, order: &OrderId) -> GapSet {
        self.gaps.get(order).cloned().unwrap_or_default()
    }

    pub(crate) fn set_gaps(&mut self, order: OrderId, gaps: GapSet) {
        if let Some(deadline) = self.gaps.get(&order).and_then(GapSet::next_deadline) {
            self.deadlines.remove(&(deadline, order.clone()));
        }
        if let Some(deadline) = gaps.next_deadline() {
            self.deadlines.insert((deadline, order.clone()));
        }
        if gaps.is_empty() {
            self.gaps.remove(&order);
        } else {
            self.gaps.insert(order, gaps);
        }
    }

    /// Orders whose next gap opens by `clock`, earliest first.
    pub(crate) fn due(&self, clock: UnixMillis, most: usize) -> Vec<OrderId> {
        let due = self
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= clock);
        due.take(most).map(|(_, order)| order.clone()).collect()
    }

    /// Whether anything would be due at `clock`.
    pub(crate) fn has_due(&self, clock: UnixMillis) -> bool {
        self.deadlines
            .first()
            .is_some_and(|(deadline, _)| *deadline <= clock)
    }

    /// Open gaps, of every kind.
    pub(crate) fn open_gaps(&self) -> impl Iterator<Item = &Gap> {
        self.gaps.values().flat_map(GapSet::open)
    }
}
