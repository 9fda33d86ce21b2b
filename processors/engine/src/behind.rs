//! The write-behind: committed ledgers on their way to the store.
//!
//! An order is dirty from the commit that changed it until the store has acknowledged a write that
//! holds the change. Changes of one order coalesce; one write of it is under way at a time.
//! Nothing enters here but by a known commit or by a silent re-fold.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;

use crate::limits::{MAX_WRITES_IN_FLIGHT, WRITE_AGE_MS, WRITE_ROWS};
use crate::marks::Mark;
use crate::ports::store::{IndexWrite, WriteToken};
use crate::seen::CommitNumber;

/// What a commit, or a silent re-fold, made of an order.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) index: Vec<IndexWrite>,
    pub(crate) mark: Mark,
    /// 0 for what was re-folded: it was committed long ago.
    pub(crate) commit: CommitNumber,
}

#[derive(Debug)]
struct Dirty {
    partition: i32,
    ledger: Arc<Ledger>,
    index: Vec<IndexWrite>,
    /// The last commit that changed it.
    commit: CommitNumber,
    /// Oldest change that no write under way holds.
    waiting: Option<Mark>,
    /// The write under way, and the oldest change it holds.
    flying: Option<(WriteToken, Mark)>,
}

/// Which mark of which partition an order now holds, or no longer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) partition: i32,
    pub(crate) mark: Mark,
}

/// An order of a batch to be written.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) order: OrderId,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) index: Vec<IndexWrite>,
}

/// What an acknowledged write settled.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) held: Vec<Held>,
    /// Orders that are clean now, to be remembered as such.
    pub(crate) clean: Vec<(i32, OrderId, Arc<Ledger>)>,
}

#[derive(Debug, Default)]
pub(crate) struct Behind {
    dirty: HashMap<OrderId, Dirty>,
    /// Orders with a waiting change, by the time and the commit of its installation.
    queue: VecDeque<(u64, CommitNumber, OrderId)>,
    flights: HashMap<WriteToken, Vec<OrderId>>,
    next: WriteToken,
}

impl Behind {
    pub(crate) fn get(&self, order: &OrderId) -> Option<&Arc<Ledger>> {
        self.dirty.get(order).map(|dirty| &dirty.ledger)
    }

    pub(crate) fn len(&self) -> usize {
        self.dirty.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Takes a committed ledger in. Returns the mark that it now holds open, unless an older one
    /// already waits for the same order.
    pub(crate) fn install(
        &mut self,
        order: OrderId,
        partition: i32,
        change: Change,
        now_ms: u64,
    ) -> Option<Held> {
        let Change {
            ledger,
            index,
            mark,
            commit,
        } = change;
        let dirty = self.dirty.entry(order.clone()).or_insert_with(|| Dirty {
            partition,
            ledger: Arc::clone(&ledger),
            index: Vec::new(),
            commit,
            waiting: None,
            flying: None,
        });
        dirty.ledger = ledger;
        dirty.commit = commit;
        dirty.index.extend(index);
        if dirty.waiting.is_some() {
            return None;
        }
        dirty.waiting = Some(mark);
        self.queue.push_back((now_ms, commit, order));
        Some(Held { partition, mark })
    }

    /// The next batch to write: of orders old enough, or of any when `hurry`, and in either case
    /// only of those whose commits were seen, up to `seen`.
    pub(crate) fn next_write(
        &mut self,
        now_ms: u64,
        hurry: bool,
        seen: CommitNumber,
    ) -> Option<(WriteToken, Vec<Row>)> {
        if self.flights.len() >= MAX_WRITES_IN_FLIGHT {
            return None;
        }
        let token = self.next;
        let mut rows = Vec::new();
        let mut later = Vec::new();
        while rows.len() < WRITE_ROWS {
            let Some((since, commit, _)) = self.queue.front() else {
                break;
            };
            let young = !hurry && now_ms < since.saturating_add(WRITE_AGE_MS);
            if young || *commit > seen {
                break;
            }
            let Some((since, commit, order)) = self.queue.pop_front() else {
                break;
            };
            let Some(dirty) = self.dirty.get_mut(&order) else {
                continue;
            };
            if dirty.flying.is_some() || dirty.commit > seen {
                later.push((since, commit, order));
                continue;
            }
            let Some(mark) = dirty.waiting.take() else {
                continue;
            };
            dirty.flying = Some((token, mark));
            let index = std::mem::take(&mut dirty.index);
            rows.push(Row {
                order,
                ledger: Arc::clone(&dirty.ledger),
                index,
            });
        }
        self.queue.extend(later);
        if rows.is_empty() {
            return None;
        }
        self.next = self.next.saturating_add(1);
        self.flights
            .insert(token, rows.iter().map(|row| row.order.clone()).collect());
        Some((token, rows))
    }

    /// The store acknowledged a whole write.
    pub(crate) fn acknowledged(&mut self, token: WriteToken) -> Settled {
        let mut settled = Settled::default();
        for order in self.flights.remove(&token).unwrap_or_default() {
            let Some(dirty) = self.dirty.get_mut(&order) else {
                continue;
            };
            // A write of an earlier assignment says nothing about what is dirty now.
            let Some((flying, mark)) = dirty.flying.filter(|(flying, _)| *flying == token) else {
                continue;
            };
            debug_assert_eq!(flying, token);
            dirty.flying = None;
            settled.held.push(Held {
                partition: dirty.partition,
                mark,
            });
            if dirty.waiting.is_none()
                && let Some(dirty) = self.dirty.remove(&order)
            {
                settled.clean.push((dirty.partition, order, dirty.ledger));
            }
        }
        settled
    }

    /// Forgets a partition. Writes of it that are under way may still land: the store keeps
    /// whichever ledger holds more.
    pub(crate) fn forget(&mut self, partition: i32) {
        self.dirty.retain(|_, dirty| dirty.partition != partition);
        self.queue
            .retain(|(_, _, order)| self.dirty.contains_key(order));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use trueup_domain::ids::OrderId;
    use trueup_domain::ledger::Ledger;

    use super::{Behind, Change, Held};
    use crate::limits::WRITE_AGE_MS;

    fn order(id: &str) -> OrderId {
        OrderId::try_from(id).unwrap()
    }

    fn install(behind: &mut Behind, id: &str, mark: u64) -> Option<Held> {
        committed(behind, id, mark, 0)
    }

    fn committed(behind: &mut Behind, id: &str, mark: u64, commit: u64) -> Option<Held> {
        let change = Change {
            ledger: Arc::new(Ledger::default()),
            index: Vec::new(),
            mark,
            commit,
        };
        behind.install(order(id), 0, change, 0)
    }

    #[test]
    fn changes_of_one_order_coalesce_into_one_write_that_holds_the_oldest_mark() {
        let mut behind = Behind::default();
        assert_eq!(
            install(&mut behind, "o", 1),
            Some(Held {
                partition: 0,
                mark: 1
            })
        );
        assert_eq!(install(&mut behind, "o", 2), None);
        assert!(behind.next_write(WRITE_AGE_MS - 1, false, 0).is_none());
        let (token, rows) = behind.next_write(WRITE_AGE_MS, false, 0).unwrap();
        assert_eq!(rows.len(), 1);
        let settled = behind.acknowledged(token);
        assert_eq!(
            settled.held,
            [Held {
                partition: 0,
                mark: 1
            }]
        );
        assert!(behind.is_empty());
    }

    #[test]
    fn a_change_during_a_write_keeps_the_order_dirty_after_its_acknowledgement() {
        let mut behind = Behind::default();
        install(&mut behind, "o", 1);
        let (first, _) = behind.next_write(0, true, 0).unwrap();
        assert_eq!(
            install(&mut behind, "o", 2),
            Some(Held {
                partition: 0,
                mark: 2
            })
        );
        assert!(
            behind.next_write(0, true, 0).is_none(),
            "one write of an order at a time"
        );
        let settled = behind.acknowledged(first);
        assert_eq!(
            settled.held,
            [Held {
                partition: 0,
                mark: 1
            }]
        );
        assert!(settled.clean.is_empty());
        let (second, _) = behind.next_write(0, true, 0).unwrap();
        assert_eq!(behind.acknowledged(second).clean.len(), 1);
    }

    #[test]
    fn an_acknowledgement_from_before_the_partition_was_lost_cleans_nothing() {
        let mut behind = Behind::default();
        install(&mut behind, "o", 1);
        let (token, _) = behind.next_write(0, true, 0).unwrap();
        behind.forget(0);
        install(&mut behind, "o", 1);
        assert!(behind.acknowledged(token).held.is_empty());
        assert_eq!(behind.len(), 1);
    }

    #[test]
    fn what_no_reader_could_see_yet_is_not_written_even_in_a_hurry() {
        let mut behind = Behind::default();
        committed(&mut behind, "seen", 1, 1);
        committed(&mut behind, "changed again", 2, 1);
        committed(&mut behind, "changed again", 3, 2);
        committed(&mut behind, "unseen", 4, 2);
        let orders = |written: Option<(u64, Vec<super::Row>)>| -> Vec<String> {
            let rows = written.map(|(_, rows)| rows).unwrap_or_default();
            rows.iter().map(|row| row.order.to_string()).collect()
        };
        assert!(behind.next_write(0, true, 0).is_none());
        assert_eq!(orders(behind.next_write(0, true, 1)), ["seen"]);
        let mut rest = orders(behind.next_write(0, true, 2));
        rest.sort();
        assert_eq!(rest, ["changed again", "unseen"]);
    }
}
