//! Folding again, silently, what the store may lack: from the checkpoint to the position. Ledgers
//! only; gaps and positions came from the state topics.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;
use trueup_plants::{Plant, planted};

use crate::behind::Change;
use crate::limits::HISTORY_CHUNK_RECORDS;
use crate::machine::Outcome;
use crate::ports::clock::Clock;
use crate::ports::log::{Input, Log, Record, Source, Until};
use crate::ports::store::{IndexWrite, LedgerStore};
use crate::processor::{Opened, Processor};
use crate::worker::Worker;

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    /// Folds one chunk again of one input of one partition.
    pub(crate) fn refold(&mut self) -> Outcome {
        if let Err(outcome) = self.serve(Duration::ZERO) {
            return outcome;
        }
        let next = self.recovering.iter().find_map(|(partition, found)| {
            let held = self.partitions.get(partition)?;
            let input = Input::ALL
                .into_iter()
                .find(|input| found.cursor.of(*input) < held.progress.position.of(*input))?;
            Some((*partition, input, found.cursor, held.progress.position))
        });
        let Some((partition, input, cursor, position)) = next else {
            return self.check_all_restored();
        };
        if self.behind.len() >= crate::limits::MAX_DIRTY_ORDERS {
            self.submit(true);
            self.collect();
            return Outcome::Again;
        }
        let mut records = Vec::new();
        let until = Until::Offset(position.of(input));
        let source = Source::Input(input);
        let read = self.log.read(
            source,
            partition,
            cursor.of(input),
            &until,
            HISTORY_CHUNK_RECORDS,
            &mut |record| records.push(record),
        );
        let done = match read {
            Ok(done) => done,
            Err(fault) => return self.fault(&fault),
        };
        let behind_last = records.last().map(|record| record.offset.saturating_add(1));
        if let Err(outcome) = self.fold_again(partition, records) {
            return outcome;
        }
        if let Some(found) = self.recovering.get_mut(&partition) {
            let reached = if done {
                position.of(input)
            } else {
                behind_last.unwrap_or(position.of(input))
            };
            found.cursor.set(input, reached);
        }
        // More may follow; the machine moves on when nothing does.
        self.refold_next()
    }

    fn refold_next(&mut self) -> Outcome {
        self.collect();
        self.submit(false);
        let more = self.recovering.iter().any(|(partition, found)| {
            self.partitions
                .get(partition)
                .is_some_and(|held| found.cursor != held.progress.position)
        });
        if more {
            Outcome::Progressed
        } else {
            self.check_all_restored()
        }
    }

    /// A partition that came during the re-folding has not passed a barrier.
    fn check_all_restored(&mut self) -> Outcome {
        let all = self
            .recovering
            .keys()
            .all(|partition| self.partitions.contains_key(partition));
        if all {
            Outcome::Done
        } else {
            Outcome::Regained
        }
    }

    fn fold_again(&mut self, partition: i32, records: Vec<Record>) -> Result<(), Outcome> {
        let mut ledgers: HashMap<OrderId, (Arc<Ledger>, Vec<IndexWrite>)> = HashMap::new();
        let facts: Vec<(Record, OrderId, P::Fact)> = records
            .into_iter()
            .filter_map(|record| match self.processor.open(&record) {
                Opened::Fact { order, fact, .. } => Some((record, order, fact)),
                Opened::Refused(_) | Opened::Nothing => None,
            })
            .collect();
        let wanted: Vec<(i32, OrderId)> = facts
            .iter()
            .map(|(_, order, _)| (partition, order.clone()))
            .collect();
        for (order, ledger) in self.bring(&wanted)? {
            ledgers.insert(order, (ledger, Vec::new()));
        }
        for (record, order, fact) in &facts {
            let Some((ledger, index)) = ledgers.get_mut(order) else {
                continue;
            };
            let indexed = self.processor.refold(Arc::make_mut(ledger), fact, record);
            index.extend(indexed.map(|indexed| IndexWrite {
                event_id: indexed.event_id,
                order_id: order.clone(),
                partition,
                offset: record.offset,
                created: indexed.created,
                received_at: indexed.received_at,
            }));
        }
        let now_ms = self.clock.elapsed_ms();
        let Some(held) = self.partitions.get_mut(&partition) else {
            return Ok(());
        };
        let Some(found) = self.recovering.get_mut(&partition) else {
            return Ok(());
        };
        let mark = *found
            .mark
            .get_or_insert_with(|| held.marks.begin(held.progress.position, now_ms));
        for (order, (ledger, index)) in ledgers {
            if planted(Plant::RefoldedClean) {
                self.cache.insert(held.tenure, order, ledger);
                continue;
            }
            let change = Change {
                ledger,
                index,
                mark,
                commit: 0,
            };
            if let Some(taken) = self.behind.install(order, partition, change, now_ms) {
                held.marks.hold(taken.mark);
            }
        }
        Ok(())
    }
}
