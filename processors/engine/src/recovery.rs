//! The one recovery path: after an assignment, an unknown outcome, and every abort but one.
//!
//! Drop memory; read stable committed offsets and checkpoints; commit a barrier, which only the
//! owner can; read the state topics up to it; fold the inputs again, silently, from checkpoint to
//! position; go live. Whoever was here before cannot write behind the barrier, so what lies before
//! it is all there is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;
use trueup_plants::{Plant, planted};

use crate::limits::HISTORY_CHUNK_RECORDS;
use crate::machine::Outcome;
use crate::marks::Mark;
use crate::metrics;
use crate::partition::{Last, Partition, Progress};
use crate::ports::clock::Clock;
use crate::ports::log::{Input, Log, LogFault, Position, Record, Source, Until};
use crate::ports::store::{Checkpoint, CheckpointKey, IndexWrite, LedgerStore};
use crate::processor::{Opened, Processor};
use crate::state::{self, Place};
use crate::worker::Worker;

/// What is known of a partition on its way back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recovering {
    /// By the group: where it stands, or the log's start where it never committed.
    position: Position,
    ever_committed: bool,
    checkpoint: Option<Checkpoint>,
    starts: Position,
    ends: Position,
    /// Next records to fold again.
    cursor: Position,
    mark: Option<Mark>,
}

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    fn checkpoint_key(&self, partition: i32) -> CheckpointKey {
        CheckpointKey {
            topic: self.settings.events_topic.clone(),
            partition,
            epoch: self.settings.epoch,
        }
    }

    pub(crate) fn read_committed(&mut self) -> Outcome {
        if let Err(outcome) = self.serve(Duration::ZERO) {
            return outcome;
        }
        if self.recovering.is_empty() {
            return match self.set_paused(false) {
                Ok(()) => Outcome::Idle,
                Err(outcome) => outcome,
            };
        }
        // What the other partitions would read now would be swallowed.
        if let Err(outcome) = self.set_paused(true) {
            return outcome;
        }
        let partitions: Vec<i32> = self.recovering.keys().copied().collect();
        for partition in &partitions {
            self.forget(*partition);
            self.batch.forget(*partition);
        }
        if let Err(fault) = self.log.release(&partitions) {
            return self.fault(&fault);
        }
        let committed = match self.log.committed(&partitions) {
            Ok(committed) => committed,
            Err(fault) => return self.fault(&fault),
        };
        for (partition, offsets) in committed {
            match self.look_at(partition, offsets) {
                Ok(found) => {
                    self.recovering.insert(partition, found);
                }
                Err(outcome) => return outcome,
            }
        }
        Outcome::Done
    }

    fn look_at(
        &mut self,
        partition: i32,
        offsets: [Option<i64>; 2],
    ) -> Result<Recovering, Outcome> {
        let mut found = Recovering::default();
        for (input, offset) in Input::ALL.into_iter().zip(offsets) {
            let (start, end) = self
                .log
                .bounds(Source::Input(input), partition)
                .map_err(|fault| self.fault(&fault))?;
            found.starts.set(input, start);
            found.ends.set(input, end);
            found.position.set(input, offset.unwrap_or(start));
            found.ever_committed |= offset.is_some();
        }
        let key = self.checkpoint_key(partition);
        let away = |fault: crate::ports::store::StoreFault| {
            tracing::warn!(partition, %fault, "checkpoint not read");
            Outcome::StoreAway
        };
        found.checkpoint = self.store.load_checkpoint(&key).map_err(away)?;
        if found.checkpoint.is_none() && !found.ever_committed {
            // Says where the log began when this partition was first taken, before anything that
            // could be lost by a log that begins later.
            let first = Checkpoint {
                events: found.position.events,
                orders: found.position.orders,
                saved_at: self.clock.wall_ms(),
            };
            self.store.save_checkpoint(&key, first).map_err(away)?;
            found.checkpoint = Some(first);
        }
        Ok(found)
    }

    pub(crate) fn commit_barrier(&mut self) -> Outcome {
        self.barriers = self.barriers.saturating_add(1);
        let mut random = [0_u8; 8];
        if getrandom::fill(&mut random).is_err() {
            return self.refuse("the system has no randomness to name a barrier with".into());
        }
        self.barrier = format!(
            "{}/{}/{}",
            self.settings.slot,
            self.barriers,
            hex::encode(random)
        );
        match self.try_barrier() {
            Ok(()) => {
                self.proved();
                Outcome::Done
            }
            // Nothing may be left open in a producer that will begin again.
            Err(fault) => self.in_transaction(&fault),
        }
    }

    fn try_barrier(&mut self) -> Result<(), LogFault> {
        self.log.begin()?;
        let mut positions = Vec::new();
        for (partition, found) in &self.recovering {
            for output in state::barrier(*partition, &self.barrier) {
                self.log.produce(output)?;
            }
            positions.push((*partition, found.position));
        }
        self.log.send_offsets(&positions)?;
        self.log.drain()?;
        self.log.commit()
    }

    pub(crate) fn restore(&mut self) -> Outcome {
        let place = match self.log.cluster_id() {
            Ok(cluster_id) => Place {
                cluster_id,
                partitions: self.log.partitions(),
            },
            Err(fault) => return self.fault(&fault),
        };
        let partitions: Vec<i32> = self.recovering.keys().copied().collect();
        for partition in partitions {
            if let Err(outcome) = self.restore_partition(partition, &place) {
                return outcome;
            }
        }
        Outcome::Done
    }

    fn restore_partition(&mut self, partition: i32, place: &Place) -> Result<(), Outcome> {
        let Some(mut found) = self.recovering.get(&partition).cloned() else {
            return Ok(());
        };
        let told = self.read_state(partition)?;
        let mut progress = Progress {
            position: found.position,
            ..Progress::default()
        };
        if let Some((known, told)) = told {
            self.compare_places(partition, &known, place)?;
            if found.ever_committed && told.position != found.position {
                metrics::offsets_disagree();
                tracing::error!(
                    partition,
                    group = ?found.position,
                    state = ?told.position,
                    "the group's offsets are not those of the state record, which wins"
                );
            }
            progress = told;
        }
        found.position = progress.position;
        self.check_log(partition, &found, &progress)?;
        let settled = self.checkpoint_of(partition, &found)?;
        found.cursor = settled;
        self.tenure = self.tenure.saturating_add(1);
        self.forget(partition);
        let held = Partition::new(progress, self.tenure, settled, found.checkpoint);
        self.partitions.insert(partition, held);
        self.recovering.insert(partition, found);
        self.read_gaps(partition)
    }

    fn until(&self) -> Until {
        if planted(Plant::RestoreToStableOffset) {
            Until::StableEnd
        } else {
            Until::Barrier(self.barrier.clone())
        }
    }

    /// The last state record before the barrier. It lies near the end, so the reading starts there
    /// and goes further back only while none is found.
    fn read_state(&mut self, partition: i32) -> Result<Option<(Place, Progress)>, Outcome> {
        let (start, end) = self
            .log
            .bounds(Source::Windows, partition)
            .map_err(|fault| self.fault(&fault))?;
        let mut back: i64 = 256;
        loop {
            let from = end.saturating_sub(back).max(start);
            let mut last = Ok(None);
            let codec = self.settings.codec.clone();
            self.read_all(
                Source::Windows,
                partition,
                from,
                &mut |record| match state::read(&codec, partition, &record) {
                    Ok(Some(found)) => last = Ok(Some(found)),
                    Ok(None) => {}
                    Err(reason) => last = Err(reason),
                },
            )?;
            match last {
                Ok(None) if from > start => back = back.saturating_mul(16),
                Ok(found) => return Ok(found),
                Err(reason) => return Err(self.refuse(reason)),
            }
        }
    }

    fn read_gaps(&mut self, partition: i32) -> Result<(), Outcome> {
        let (start, _) = self
            .log
            .bounds(Source::Gaps, partition)
            .map_err(|fault| self.fault(&fault))?;
        let mut records = Vec::new();
        self.read_all(Source::Gaps, partition, start, &mut |record| {
            if record.header(state::BARRIER_NONCE).is_none() {
                records.push(record);
            }
        })?;
        for record in records {
            match self.processor.restore_gaps(&record) {
                Ok((order, gaps)) => self.set_gaps(partition, order, gaps.unwrap_or_default()),
                Err(reason) => return Err(self.refuse(reason)),
            }
        }
        Ok(())
    }

    fn read_all(
        &mut self,
        source: Source,
        partition: i32,
        from: i64,
        take: &mut dyn FnMut(Record),
    ) -> Result<(), Outcome> {
        let until = self.until();
        let mut next = from;
        loop {
            let done = self
                .log
                .read(
                    source,
                    partition,
                    next,
                    &until,
                    HISTORY_CHUNK_RECORDS,
                    &mut |record| {
                        next = record.offset.saturating_add(1);
                        take(record);
                    },
                )
                .map_err(|fault| self.fault(&fault))?;
            if done {
                return Ok(());
            }
        }
    }

    fn compare_places(
        &mut self,
        partition: i32,
        known: &Place,
        place: &Place,
    ) -> Result<(), Outcome> {
        if known.partitions != place.partitions {
            return Err(self.refuse(format!(
                "partition {partition} was processed with {} partitions, the topics now have {}; \
                 keys moved: restore the old count, or start anew under another `--topic-prefix`",
                known.partitions, place.partitions
            )));
        }
        if known.cluster_id != place.cluster_id {
            return Err(self.refuse(format!(
                "partition {partition} was processed on Kafka cluster `{}`, this is `{}`; connect to \
                 the first, or adopt the store with a new epoch",
                known.cluster_id, place.cluster_id
            )));
        }
        Ok(())
    }

    /// A position says something only about the log it was taken from.
    fn check_log(
        &mut self,
        partition: i32,
        found: &Recovering,
        progress: &Progress,
    ) -> Result<(), Outcome> {
        for (input, last) in [
            (Input::Events, progress.last_events),
            (Input::Orders, progress.last_orders),
        ] {
            let position = progress.position.of(input);
            // The end was asked for before the barrier; a log only grows.
            if position > found.ends.of(input) {
                return Err(self.refuse(format!(
                    "partition {partition} of {input:?} was read up to offset {position}, the log \
                     ends at {}: the topic was made anew or lost records; restore it, or adopt the \
                     store with a new epoch",
                    found.ends.of(input)
                )));
            }
            if let Some(last) = last {
                self.check_last(partition, input, last)?;
            }
        }
        Ok(())
    }

    fn check_last(&mut self, partition: i32, input: Input, last: Last) -> Result<(), Outcome> {
        let mut same = true;
        let until = Until::Offset(last.offset.saturating_add(1));
        self.log
            .read(
                Source::Input(input),
                partition,
                last.offset,
                &until,
                1,
                &mut |record| {
                    // Retention and compaction may have taken it; what stands there must be it.
                    same = record.offset != last.offset || record.timestamp == last.timestamp;
                },
            )
            .map_err(|fault| self.fault(&fault))?;
        if same {
            return Ok(());
        }
        Err(self.refuse(format!(
            "partition {partition} of {input:?} holds another record at offset {} than was consumed: \
             the topic was made anew; restore it, or adopt the store with a new epoch",
            last.offset
        )))
    }

    /// Where re-folding begins.
    fn checkpoint_of(&mut self, partition: i32, found: &Recovering) -> Result<Position, Outcome> {
        let start = match found.checkpoint {
            Some(saved) => Position {
                events: saved.events,
                orders: saved.orders,
            },
            // Without a checkpoint all of the log has to be folded again.
            None => Position::default(),
        };
        for input in Input::ALL {
            let behind = start.of(input) < found.position.of(input);
            if behind && found.starts.of(input) > start.of(input) {
                return Err(self.refuse(format!(
                    "partition {partition} of {input:?}: the store has what lies below offset {}, the \
                     log begins at {} and was read up to {}: what lies between is gone; restore the \
                     store, or adopt it with a new epoch",
                    start.of(input),
                    found.starts.of(input),
                    found.position.of(input)
                )));
            }
        }
        if let Some(saved) = found.checkpoint {
            let age_ms = self.clock.wall_ms().saturating_sub(saved.saved_at);
            if start.orders < found.position.orders && age_ms > self.settings.orders_lag_ms {
                return Err(self.refuse(format!(
                    "partition {partition}: the checkpoint is {age_ms} ms old, and `orders` may be \
                     compacted after {} ms: what has to be folded again may be gone; restore the \
                     store, or adopt it with a new epoch",
                    self.settings.orders_lag_ms
                )));
            }
        }
        Ok(start)
    }

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
            if let Some(taken) = self
                .behind
                .install(order, partition, ledger, index, mark, now_ms)
            {
                held.marks.hold(taken.mark);
            }
        }
        Ok(())
    }

    pub(crate) fn go_live(&mut self) -> Outcome {
        let positions: Vec<(i32, Position)> = self
            .recovering
            .keys()
            .filter_map(|partition| {
                Some((
                    *partition,
                    self.partitions.get(partition)?.progress.position,
                ))
            })
            .collect();
        if let Err(fault) = self.log.assign(&positions) {
            return self.fault(&fault);
        }
        for (partition, position) in &positions {
            tracing::info!(
                slot = self.settings.slot,
                partition,
                ?position,
                "partition live"
            );
            self.recovering.remove(partition);
            metrics::live(1);
            metrics::recovered();
        }
        match self.set_paused(false) {
            Ok(()) => Outcome::Done,
            Err(outcome) => outcome,
        }
    }
}
