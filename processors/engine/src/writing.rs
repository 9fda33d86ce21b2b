//! The worker's writing phases: ledgers to the store, acknowledgements back, checkpoints forward.

use trueup_domain::ledger::Ledger;
use trueup_plants::{Plant, planted};
use trueup_schemas::codec::Codec;

use crate::behind::Row;
use crate::limits;
use crate::machine::Outcome;
use crate::metrics;
use crate::ports::clock::Clock;
use crate::ports::log::{Log, Source};
use crate::ports::store::{Checkpoint, CheckpointKey, LedgerStore, LedgerWrite, WriteBatch};
use crate::processor::Processor;
use crate::worker::{Worker, millis};

/// The rules by which facts become a ledger; the low bits of each cell's timestamp. Another number
/// means other rules: a store written by them must not be overwritten.
pub const FOLD_REVISION: u64 = 1;

/// Writes begun in one pass, so that a pass stays short.
const WRITES_PER_PASS: usize = 2;

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    pub(crate) fn write_behind(&mut self) -> Outcome {
        self.submit(self.behind.len() >= limits::MAX_DIRTY_ORDERS / 2);
        self.collect();
        self.save_checkpoints(false);
        self.show();
        Outcome::Done
    }

    /// Hands the store what is old enough, or all there is when `hurry`.
    pub(crate) fn submit(&mut self, hurry: bool) {
        let now_ms = self.clock.elapsed_ms();
        self.look_for_commit(now_ms);
        let seen = self.seen.through();
        for _ in 0..WRITES_PER_PASS {
            let Some((token, rows)) = self.behind.next_write(now_ms, hurry, seen) else {
                break;
            };
            let batch = self.encode(rows);
            self.store.submit(token, batch);
        }
    }

    /// A broker that does not answer leaves the question open.
    fn look_for_commit(&mut self, now_ms: u64) {
        if let Some((partition, offset)) = self.seen.look(now_ms) {
            let bounds = self.log.bounds(Source::Windows, partition);
            if planted(Plant::UnseenCommitStored) || bounds.is_ok_and(|(_, end)| end > offset) {
                self.seen.found();
            }
        }
    }

    pub(crate) fn encode(&self, rows: Vec<Row>) -> WriteBatch {
        let mut batch = WriteBatch::default();
        for row in rows {
            let version = row.ledger.version();
            batch.ledgers.push(LedgerWrite {
                version,
                timestamp: cell_timestamp(&row.ledger),
                cell: Codec::SingleObject.encode(row.ledger.as_ref()),
                columns: self.processor.columns(&row.ledger),
                order_id: row.order,
            });
            batch.events.extend(row.index);
        }
        batch
    }

    /// Takes the acknowledgements that are there.
    pub(crate) fn collect(&mut self) {
        for token in self.store.acknowledged(std::time::Duration::ZERO) {
            let settled = self.behind.acknowledged(token);
            for held in settled.held {
                if let Some(partition) = self.partitions.get_mut(&held.partition) {
                    partition.marks.let_go(held.mark);
                }
            }
            for (partition, order, ledger) in settled.clean {
                if let Some(partition) = self.partitions.get(&partition) {
                    self.cache.insert(partition.tenure, order, ledger);
                }
            }
        }
    }

    /// Saves the checkpoints that moved: one partition a pass, or each of them when `all`. A store
    /// that does not answer is asked again later; nothing waits for a checkpoint.
    pub(crate) fn save_checkpoints(&mut self, all: bool) {
        let now_ms = self.clock.elapsed_ms();
        if now_ms < self.next_checkpoint_ms {
            return;
        }
        let saved_at = self.clock.wall_ms();
        let epoch = self.settings.epoch;
        for (partition, held) in &mut self.partitions {
            if self.recovering.contains_key(partition) {
                continue;
            }
            let position = held.marks.settle();
            let moved = held.saved.is_none_or(|saved| {
                saved.events != position.events || saved.orders != position.orders
            });
            if !moved {
                continue;
            }
            let key = CheckpointKey {
                topic: self.settings.events_topic.clone(),
                partition: *partition,
                epoch,
            };
            let checkpoint = Checkpoint {
                events: position.events,
                orders: position.orders,
                saved_at,
            };
            match self.store.save_checkpoint(&key, checkpoint) {
                Ok(()) => held.saved = Some(checkpoint),
                Err(fault) => {
                    tracing::warn!(partition, %fault, "checkpoint not saved");
                    let wait = millis(limits::BACKOFF_LONGEST);
                    self.next_checkpoint_ms = now_ms.saturating_add(wait);
                    return;
                }
            }
            if !all {
                // The next pass takes the next partition: one that was saved did not move.
                return;
            }
        }
        self.next_checkpoint_ms = now_ms.saturating_add(limits::CHECKPOINT_EVERY_MS);
    }

    pub(crate) fn settle(&mut self) -> Outcome {
        let now_ms = self.clock.elapsed_ms();
        let until = *self
            .settle_until_ms
            .get_or_insert_with(|| now_ms.saturating_add(limits::SETTLE_MS));
        self.submit(true);
        self.collect();
        self.next_checkpoint_ms = 0;
        self.save_checkpoints(self.behind.is_empty());
        if self.behind.is_empty() || now_ms >= until {
            return Outcome::Done;
        }
        Outcome::Again
    }

    /// Shows what changed since the last time.
    pub(crate) fn show(&mut self) {
        let counts = self.cache.counts();
        metrics::cache(self.cache_counts, counts);
        self.cache_counts = counts;
        let dirty = self.behind.len();
        let change = i64::try_from(dirty)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(self.dirty_shown).unwrap_or(i64::MAX));
        metrics::dirty(change);
        self.dirty_shown = dirty;
    }

    /// The bug of writing what no transaction holds yet.
    pub(crate) fn write_uncommitted(&mut self, plant: Plant) {
        if !planted(plant) {
            return;
        }
        let rows: Vec<Row> = self
            .work
            .copies
            .iter()
            .map(|(order, copied)| Row {
                order: order.clone(),
                ledger: std::sync::Arc::new(copied.state.ledger.clone()),
                index: Vec::new(),
            })
            .collect();
        if !rows.is_empty() {
            let batch = self.encode(rows);
            self.store.submit(u64::MAX, batch);
        }
    }
}

/// The store keeps the greatest: more facts win over fewer, whatever order writes land in. Far
/// below any clock, as ScyllaDB asks of timestamps.
fn cell_timestamp(ledger: &Ledger) -> i64 {
    let stamp = ledger
        .version()
        .saturating_mul(256)
        .saturating_add(FOLD_REVISION);
    i64::try_from(stamp).unwrap_or(i64::MAX)
}
