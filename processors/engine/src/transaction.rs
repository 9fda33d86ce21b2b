//! The worker's transaction phases: ledgers in, fold on copies, outputs and offsets out, and only
//! then memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;
use trueup_domain::rolling::Corrections;
use trueup_plants::{Plant, planted};
use trueup_schemas::codec::Codec;

use crate::batch::{Batch, Copied, Work};
use crate::behind::Change;
use crate::machine::Outcome;
use crate::metrics;
use crate::partition::Progress;
use crate::ports::clock::Clock;
use crate::ports::log::{Destination, Input, Log, LogFault, Output, Position, Record, Source};
use crate::ports::store::{IndexWrite, LedgerStore};
use crate::processor::{Opened, OrderState, Processor, Times};
use crate::state::{self, Place};
use crate::windows;
use crate::worker::Worker;

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    pub(crate) fn load(&mut self) -> Outcome {
        let wanted: Vec<(i32, OrderId)> = self
            .batch
            .orders()
            .filter(|(_, order)| !self.loaded.contains_key(*order))
            .map(|(partition, order)| (partition, order.clone()))
            .collect();
        match self.bring(&wanted) {
            Ok(ledgers) => {
                self.loaded.extend(ledgers);
                self.store_away = false;
                Outcome::Done
            }
            Err(Outcome::StoreAway) => {
                self.store_away = true;
                Outcome::StoreAway
            }
            Err(outcome) => outcome,
        }
    }

    /// The ledgers of these orders: those on their way to the store, else those remembered, else
    /// the store's. All of them, or a fault: an order the store was not asked about is not new.
    pub(crate) fn bring(
        &mut self,
        wanted: &[(i32, OrderId)],
    ) -> Result<HashMap<OrderId, Arc<Ledger>>, Outcome> {
        let mut found = HashMap::with_capacity(wanted.len());
        let mut missing = Vec::new();
        for (partition, order) in wanted {
            if found.contains_key(order) {
                continue;
            }
            let tenure = self.partitions.get(partition).map_or(0, |held| held.tenure);
            let near = self.behind.get(order).cloned();
            if let Some(ledger) = near.or_else(|| self.cache.get(tenure, order)) {
                found.insert(order.clone(), ledger);
            } else {
                found.insert(order.clone(), Arc::default());
                missing.push((tenure, order.clone()));
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let orders: Vec<OrderId> = missing.iter().map(|(_, order)| order.clone()).collect();
        let loaded = self.store.load(&orders);
        let cells = loaded.map_err(|fault| self.store_fault(&fault))?;
        for ((tenure, order), cell) in missing.into_iter().zip(cells) {
            let Some(cell) = cell else { continue };
            match Codec::SingleObject.decode::<Ledger>(&cell) {
                Ok(ledger) => {
                    let ledger = Arc::new(ledger);
                    self.cache
                        .insert(tenure, order.clone(), Arc::clone(&ledger));
                    found.insert(order, ledger);
                }
                Err(fault) => {
                    return Err(self.refuse(format!(
                        "the ledger of order `{order}` cannot be read and must not be overwritten: \
                         {fault}; run the release that wrote it"
                    )));
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn fold(&mut self) -> Outcome {
        self.began_ms = self.clock.elapsed_ms();
        let mut work = Work::default();
        let batch = std::mem::take(&mut self.batch);
        for (record, opened) in &batch.records {
            self.fold_record(&mut work, record, opened);
        }
        for timer in &batch.timers {
            if self
                .copy(&mut work, timer.partition, &timer.order)
                .is_none()
            {
                continue;
            }
            if let Some(progress) = self.progress(&mut work, timer.partition) {
                progress.clock_ms = progress.clock_ms.max(timer.clock);
            }
            if let Some(copied) = work.copies.get_mut(&timer.order) {
                let folding = &mut work.folding;
                self.processor
                    .tick(&timer.order, &mut copied.state, timer.clock, folding);
            }
            work.take_window_changes(timer.partition);
        }
        self.batch = batch;
        if work.progress.is_empty() {
            self.batch.clear();
            self.loaded.clear();
            return Outcome::Idle;
        }
        self.correct_windows(&mut work);
        self.work = work;
        self.write_uncommitted(Plant::LedgerBeforeCommit);
        Outcome::Done
    }

    fn fold_record(&self, work: &mut Work<P::Tally>, record: &Record, opened: &Opened<P::Fact>) {
        let Source::Input(input) = record.source else {
            return;
        };
        let Some(progress) = self.progress(work, record.partition) else {
            return;
        };
        if record.offset < progress.position.of(input) {
            return;
        }
        progress.consumed(input, record.offset, record.timestamp);
        match opened {
            Opened::Nothing => {}
            Opened::Refused(letter) => work.folding.outputs.push(letter.clone()),
            Opened::Fact {
                order,
                fact,
                received_at,
            } => {
                if input == Input::Events {
                    // A clock ahead of ours must not open gaps early.
                    let received_at = (*received_at).min(self.clock.wall_ms());
                    progress.clock_ms = progress.clock_ms.max(received_at);
                }
                let times = Times {
                    at: *received_at,
                    clock: progress.clock_ms,
                };
                if self.copy(work, record.partition, order).is_none() {
                    return;
                }
                let Some(copied) = work.copies.get_mut(order) else {
                    return;
                };
                let folding = &mut work.folding;
                let state = &mut copied.state;
                let unknown = state.ledger.version() == 0;
                let indexed = self
                    .processor
                    .fold(order, state, fact, record, times, folding);
                copied.index.extend(indexed.map(|indexed| IndexWrite {
                    event_id: indexed.event_id,
                    order_id: order.clone(),
                    partition: record.partition,
                    offset: record.offset,
                    created: indexed.created,
                    received_at: indexed.received_at,
                }));
                let first = unknown && state.ledger.version() > 0;
                work.take_window_changes(record.partition);
                if first && let Some(progress) = work.progress.get_mut(&record.partition) {
                    progress.known_orders = progress.known_orders.saturating_add(1);
                }
            }
        }
    }

    /// Works out what the transaction makes of the minutes of the partitions that it touches: at
    /// the clocks that they will have, and without changing what memory holds.
    fn correct_windows(&self, work: &mut Work<P::Tally>) {
        for (partition, progress) in &work.progress {
            let Some(held) = self.partitions.get(partition) else {
                continue;
            };
            let changes = work.window_changes.remove(partition).unwrap_or_default();
            let corrections = held.windows.correct(&changes, progress.clock_ms);
            work.windows.insert(*partition, corrections);
        }
    }

    /// What was written is what memory holds from now on.
    fn install_windows(&mut self, windows: BTreeMap<i32, Corrections>) {
        for (partition, corrections) in windows {
            if let Some(held) = self.partitions.get_mut(&partition) {
                held.windows.install(corrections);
                let clock_ms = held.progress.clock_ms;
                self.show_windows(partition, clock_ms);
            }
        }
    }

    /// The partition's progress within this transaction; touching it makes it part of it.
    fn progress<'w>(
        &self,
        work: &'w mut Work<P::Tally>,
        partition: i32,
    ) -> Option<&'w mut Progress> {
        if !self.is_live(partition) {
            return None;
        }
        let held = self.partitions.get(&partition)?;
        Some(work.progress.entry(partition).or_insert(held.progress))
    }

    fn copy<'w>(
        &self,
        work: &'w mut Work<P::Tally>,
        partition: i32,
        order: &OrderId,
    ) -> Option<&'w mut Copied> {
        if !work.copies.contains_key(order) {
            let held = self
                .partitions
                .get(&partition)
                .filter(|_| self.is_live(partition))?;
            let before = Arc::clone(self.loaded.get(order)?);
            let gaps_before = held.gaps_of(order);
            let state = OrderState {
                ledger: (*before).clone(),
                gaps: gaps_before.clone(),
            };
            let copied = Copied {
                partition,
                before,
                gaps_before,
                state,
                index: Vec::new(),
            };
            work.copies.insert(order.clone(), copied);
        }
        work.copies.get_mut(order)
    }

    pub(crate) fn produce(&mut self) -> Outcome {
        match self.try_produce() {
            Ok(()) => Outcome::Done,
            Err(fault) => self.in_transaction(&fault),
        }
    }

    fn try_produce(&mut self) -> Result<(), LogFault> {
        let place = Place {
            cluster_id: self.log.cluster_id()?,
            partitions: self.log.partitions(),
        };
        self.log.begin()?;
        for output in std::mem::take(&mut self.work.folding.outputs) {
            self.log.produce(output)?;
        }
        for (order, copied) in self
            .work
            .copies
            .iter()
            .filter(|(_, copied)| copied.gaps_changed())
        {
            let value = self.processor.gaps(order, &copied.state);
            if planted(Plant::GapTombstoneSkipped) && value.is_none() {
                continue;
            }
            self.log.produce(Output {
                to: Destination::Gaps,
                partition: Some(copied.partition),
                key: order.as_str().as_bytes().to_vec(),
                value,
                headers: Vec::new(),
            })?;
        }
        let codec = &self.settings.codec;
        for (partition, corrections) in &self.work.windows {
            for output in windows::records(codec, *partition, corrections) {
                self.log.produce(output)?;
            }
        }
        let written_at = self.clock.wall_ms();
        for (partition, progress) in &mut self.work.progress {
            progress.transaction = progress.transaction.saturating_add(1);
            self.log.produce(state::record(
                codec, &place, *partition, progress, written_at,
            ))?;
        }
        Ok(())
    }

    /// A transaction that could not be finished is aborted, also where the call might be repeated:
    /// what was handed over already must not be handed over twice.
    pub(crate) fn in_transaction(&mut self, fault: &LogFault) -> Outcome {
        let outcome = self.fault(fault);
        if outcome == Outcome::Again {
            Outcome::Abortable
        } else {
            outcome
        }
    }

    pub(crate) fn send_offsets(&mut self) -> Outcome {
        let mut positions: Vec<(i32, Position)> = self
            .work
            .progress
            .iter()
            .map(|(partition, progress)| (*partition, progress.position))
            .collect();
        if planted(Plant::TimerWithoutOffsets) && self.batch.records.is_empty() {
            positions.clear();
        }
        match self.log.send_offsets(&positions) {
            Ok(()) => Outcome::Done,
            Err(fault) => self.in_transaction(&fault),
        }
    }

    pub(crate) fn commit(&mut self) -> Outcome {
        if let Err(fault) = self.log.drain() {
            return self.in_transaction(&fault);
        }
        match self.log.commit() {
            Ok(()) => {
                self.proved();
                Outcome::Done
            }
            Err(fault) => {
                let outcome = self.in_transaction(&fault);
                if outcome == Outcome::Broken && planted(Plant::RecycleDropped) {
                    // The bug: the same producer goes on after an outcome nobody knows.
                    let _ = self.log.abort();
                    return Outcome::Abortable;
                }
                outcome
            }
        }
    }

    pub(crate) fn install(&mut self) -> Outcome {
        let work = std::mem::take(&mut self.work);
        let now_ms = self.clock.elapsed_ms();
        let commit = self.seen.committed(self.log.witness(), now_ms);
        let mut marks = HashMap::new();
        for (partition, progress) in &work.progress {
            let Some(held) = self.partitions.get_mut(partition) else {
                continue;
            };
            held.progress = *progress;
            marks.insert(*partition, held.marks.begin(progress.position, now_ms));
        }
        self.install_windows(work.windows);
        for (order, copied) in work.copies {
            if copied.gaps_changed() {
                self.set_gaps(copied.partition, order.clone(), copied.state.gaps.clone());
            }
            if !copied.ledger_changed() {
                continue;
            }
            let Some(mark) = marks.get(&copied.partition) else {
                continue;
            };
            let change = Change {
                ledger: Arc::new(copied.state.ledger),
                index: copied.index,
                mark: *mark,
                commit,
            };
            let taken = self.behind.install(order, copied.partition, change, now_ms);
            if let Some(taken) = taken
                && let Some(held) = self.partitions.get_mut(&taken.partition)
            {
                held.marks.hold(taken.mark);
            }
        }
        let took_ms = now_ms.saturating_sub(self.began_ms);
        self.processor
            .committed(&work.folding.tally, self.clock.wall_ms(), took_ms);
        metrics::committed(self.batch.records.len(), took_ms);
        self.batch.clear();
        self.loaded.clear();
        Outcome::Done
    }

    /// Undoes before anything else may run, and then aborts: the copies go first.
    pub(crate) fn abort(&mut self, recover: bool) -> Outcome {
        self.write_uncommitted(Plant::WriteBehindBeforeUndo);
        let undone = std::mem::take(&mut self.work);
        if planted(Plant::WindowCorrectedTwice) {
            // The bug: the windows keep what the aborted try made of them, and the next adds to it.
            self.install_windows(undone.windows);
        }
        metrics::aborted();
        if recover {
            self.batch = Batch::default();
            self.recover_all();
        }
        match self.log.abort() {
            Ok(()) => Outcome::Done,
            // An abort that cannot be had is had by a new producer.
            Err(fault) => {
                if self.fault(&fault) == Outcome::Refused {
                    Outcome::Refused
                } else {
                    Outcome::Broken
                }
            }
        }
    }
}
