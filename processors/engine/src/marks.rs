//! Which committed transactions the store has not acknowledged in full, and so how far the
//! checkpoint may move: to the position behind the last transaction before the first such one.

use std::collections::BTreeMap;

use trueup_plants::{Plant, planted};

use crate::ports::log::Position;

/// Numbers a partition's committed transactions, in this worker's memory only.
pub(crate) type Mark = u64;

#[derive(Debug)]
pub(crate) struct Marks {
    next: Mark,
    /// Below this everything is acknowledged.
    settled: Position,
    open: BTreeMap<Mark, Open>,
}

#[derive(Debug)]
struct Open {
    behind: Position,
    /// Dirty orders whose oldest unwritten change is of this transaction.
    orders: usize,
    since_ms: u64,
}

impl Marks {
    pub(crate) fn new(settled: Position) -> Self {
        Self {
            next: 0,
            settled,
            open: BTreeMap::new(),
        }
    }

    /// A transaction was committed up to `behind`.
    pub(crate) fn begin(&mut self, behind: Position, now_ms: u64) -> Mark {
        let mark = self.next;
        self.next = self.next.saturating_add(1);
        self.open.insert(
            mark,
            Open {
                behind,
                orders: 0,
                since_ms: now_ms,
            },
        );
        mark
    }

    pub(crate) fn hold(&mut self, mark: Mark) {
        if let Some(open) = self.open.get_mut(&mark) {
            open.orders = open.orders.saturating_add(1);
        }
    }

    pub(crate) fn let_go(&mut self, mark: Mark) {
        if let Some(open) = self.open.get_mut(&mark) {
            open.orders = open.orders.saturating_sub(1);
        }
    }

    /// The position below which every ledger write is acknowledged.
    pub(crate) fn settle(&mut self) -> Position {
        let early = planted(Plant::CheckpointBeforeAck);
        while let Some(first) = self.open.first_entry() {
            if first.get().orders > 0 && !early {
                break;
            }
            self.settled = first.remove().behind;
        }
        self.settled
    }

    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// Since when the oldest open transaction waits.
    pub(crate) fn oldest_ms(&self) -> Option<u64> {
        self.open.values().next().map(|open| open.since_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::Marks;
    use crate::ports::log::Position;

    fn at(events: i64) -> Position {
        Position { events, orders: 0 }
    }

    #[test]
    fn the_checkpoint_waits_for_the_oldest_transaction_however_many_later_ones_are_done() {
        let mut marks = Marks::new(at(10));
        let first = marks.begin(at(20), 0);
        let second = marks.begin(at(30), 0);
        marks.hold(first);
        marks.hold(second);
        marks.let_go(second);
        assert_eq!(marks.settle(), at(10));
        marks.let_go(first);
        assert_eq!(marks.settle(), at(30));
        assert_eq!(marks.open(), 0);
    }

    #[test]
    fn a_transaction_that_changed_no_ledger_moves_the_checkpoint_at_once() {
        let mut marks = Marks::new(at(0));
        marks.begin(at(7), 0);
        assert_eq!(marks.settle(), at(7));
    }
}
