//! One worker: a consumer, a producer and a store connection behind one machine.
//!
//! [`Worker::step`] does what the present phase says, once, and asks the machine where to go. It
//! never sleeps: what should be waited for is returned. The actions of each phase live beside this
//! file: `recovery`, `transaction`, `writing`.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use trueup_domain::gap::GapSet;
use trueup_domain::ids::OrderId;
use trueup_schemas::codec::Codec;

use crate::batch::{Batch, Timer, Work};
use crate::behind::Behind;
use crate::cache::{Cache, CacheCounts};
use crate::limits;
use crate::machine::{Outcome, Phase};
use crate::metrics;
use crate::partition::{Partition, open_kinds};
use crate::ports::clock::Clock;
use crate::ports::log::{Change, FaultClass, Input, Log, LogFault, Record, Source, Until};
use crate::ports::store::LedgerStore;
use crate::processor::Processor;
use crate::recovery::Recovering;

/// What a worker is told once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names the slot in barriers and messages; stable over restarts.
    pub slot: String,
    /// The events topic with its prefix: names the checkpoints.
    pub events_topic: String,
    /// Raised by an operator who adopts a store.
    pub epoch: i64,
    /// How state records are written; ledger cells always use single-object encoding.
    pub codec: Codec,
    pub cache_bytes: u64,
    pub max_batch_records: usize,
    /// Committed transactions the store may owe per partition before inputs pause.
    pub max_unacked_transactions: usize,
    /// Age of the oldest such transaction before inputs pause.
    pub max_unacked_ms: u64,
    /// `min.compaction.lag.ms` of the `orders` topic: older checkpoints cannot be re-folded.
    pub orders_lag_ms: i64,
}

/// Why a worker ended although nobody asked it to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("worker `{slot}` stopped: {reason}")]
pub struct Refusal {
    pub slot: String,
    /// What is wrong, and the way out.
    pub reason: String,
}

/// What the caller does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Call again at once.
    On,
    /// Call again after this wait, or earlier to stop.
    Wait(Duration),
    Stopped(Option<Refusal>),
}

pub struct Worker<L, S, P: Processor, C> {
    pub(crate) log: L,
    pub(crate) store: S,
    pub(crate) processor: P,
    pub(crate) clock: C,
    pub(crate) settings: Settings,
    pub(crate) phase: Phase,
    pub(crate) partitions: BTreeMap<i32, Partition>,
    /// Ours by the group's word, not yet by the barrier's.
    pub(crate) recovering: BTreeMap<i32, Recovering>,
    pub(crate) barrier: String,
    pub(crate) barriers: u64,
    pub(crate) tenure: u64,
    pub(crate) batch: Batch<P::Fact>,
    pub(crate) work: Work<P::Tally>,
    pub(crate) loaded:
        std::collections::HashMap<OrderId, std::sync::Arc<trueup_domain::ledger::Ledger>>,
    pub(crate) behind: Behind,
    pub(crate) cache: Cache,
    pub(crate) began_ms: u64,
    pub(crate) next_checkpoint_ms: u64,
    pub(crate) settle_until_ms: Option<u64>,
    pub(crate) store_away: bool,
    pub(crate) refusal: Option<Refusal>,
    cache_counts: CacheCounts,
    dirty_shown: usize,
    next_timer_ms: u64,
    retry_at_ms: u64,
    generation_retries: u32,
    fenced: u32,
    paused: bool,
    stopping: bool,
    backoff: Option<backon::ExponentialBackoff>,
}

impl<L, S, P: Processor, C> std::fmt::Debug for Worker<L, S, P, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Worker({}, {:?})", self.settings.slot, self.phase)
    }
}

impl<L: Log, S: LedgerStore, P: Processor, C: Clock> Worker<L, S, P, C> {
    pub fn new(log: L, store: S, processor: P, clock: C, settings: Settings) -> Self {
        Self {
            log,
            store,
            processor,
            clock,
            phase: Phase::Recycle,
            partitions: BTreeMap::new(),
            recovering: BTreeMap::new(),
            barrier: String::new(),
            barriers: 0,
            tenure: 0,
            batch: Batch::default(),
            work: Work::default(),
            loaded: Default::default(),
            behind: Behind::default(),
            cache: Cache::new(settings.cache_bytes),
            began_ms: 0,
            next_checkpoint_ms: 0,
            settle_until_ms: None,
            store_away: false,
            refusal: None,
            cache_counts: CacheCounts::default(),
            dirty_shown: 0,
            next_timer_ms: 0,
            retry_at_ms: 0,
            generation_retries: 0,
            fenced: 0,
            paused: false,
            stopping: false,
            backoff: None,
            settings,
        }
    }

    /// Asks the worker to finish its transaction, hand the store what it owes, and end.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Partitions that are assigned and restored.
    #[must_use]
    pub fn live(&self) -> usize {
        self.partitions
            .keys()
            .filter(|partition| self.is_live(**partition))
            .count()
    }

    /// Whether everything the group gave this worker is being processed.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.recovering.is_empty() && self.phase != Phase::Recycle && self.phase != Phase::Stopped
    }

    /// Whether the store owes nothing, and every checkpoint is saved.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.behind.is_empty() && self.batch.is_empty()
    }

    /// Whether a batch waits because the store could not be asked.
    #[must_use]
    pub fn is_store_away(&self) -> bool {
        self.store_away
    }

    /// Does one bounded action.
    pub fn step(&mut self) -> Step {
        let outcome = match self.phase {
            Phase::Recycle => self.recycle(),
            Phase::Committed => self.read_committed(),
            Phase::Barrier => self.commit_barrier(),
            Phase::Restore => self.restore(),
            Phase::Refold => self.refold(),
            Phase::Live => self.go_live(),
            Phase::Poll => self.poll(),
            Phase::Load => self.load(),
            Phase::Fold => self.fold(),
            Phase::Produce => self.produce(),
            Phase::Offsets => self.send_offsets(),
            Phase::Commit => self.commit(),
            Phase::Install => self.install(),
            Phase::Behind => self.write_behind(),
            Phase::AbortAndRecover => self.abort(true),
            Phase::AbortAndRetry => self.abort(false),
            Phase::Hold => self.hold(),
            Phase::Settle => self.settle(),
            Phase::Stopped => return Step::Stopped(self.refusal.clone()),
        };
        let before = self.phase;
        self.phase = before.next(outcome);
        if before != self.phase {
            tracing::trace!(slot = self.settings.slot, from = ?before, ?outcome, to = ?self.phase, "phase");
        }
        match outcome {
            Outcome::Again => Step::Wait(self.next_wait()),
            Outcome::StoreAway => {
                let wait = self.next_wait();
                if self.phase == Phase::Hold {
                    self.retry_at_ms = self.clock.elapsed_ms().saturating_add(millis(wait));
                    return Step::On;
                }
                Step::Wait(wait)
            }
            Outcome::Done => {
                if matches!(
                    before,
                    Phase::Load | Phase::Commit | Phase::Recycle | Phase::Refold
                ) {
                    self.backoff = None;
                }
                Step::On
            }
            Outcome::Idle
            | Outcome::Progressed
            | Outcome::Regained
            | Outcome::Abortable
            | Outcome::Moved
            | Outcome::Broken
            | Outcome::Stopping
            | Outcome::Refused => Step::On,
        }
    }

    fn next_wait(&mut self) -> Duration {
        metrics::retried();
        let backoff = self.backoff.get_or_insert_with(|| {
            ExponentialBuilder::default()
                .with_min_delay(limits::BACKOFF_FIRST)
                .with_max_delay(limits::BACKOFF_LONGEST)
                .with_jitter()
                .without_max_times()
                .build()
        });
        backoff.next().unwrap_or(limits::BACKOFF_LONGEST)
    }

    pub(crate) fn is_live(&self, partition: i32) -> bool {
        self.partitions.contains_key(&partition) && !self.recovering.contains_key(&partition)
    }

    pub(crate) fn live_partitions(&self) -> Vec<i32> {
        self.partitions
            .keys()
            .copied()
            .filter(|partition| self.is_live(*partition))
            .collect()
    }

    pub(crate) fn refuse(&mut self, reason: String) -> Outcome {
        tracing::error!(slot = self.settings.slot, reason, "worker refuses to go on");
        self.refusal = Some(Refusal {
            slot: self.settings.slot.clone(),
            reason,
        });
        Outcome::Refused
    }

    /// What a failed call means for a phase. Whatever cannot simply be repeated costs the memory
    /// of every partition.
    pub(crate) fn fault(&mut self, fault: &LogFault) -> Outcome {
        tracing::warn!(slot = self.settings.slot, phase = ?self.phase, %fault, "kafka call failed");
        match fault.class {
            FaultClass::Retriable => Outcome::Again,
            FaultClass::Abortable => Outcome::Abortable,
            FaultClass::Generation => {
                self.generation_retries = self.generation_retries.saturating_add(1);
                if self.generation_retries > limits::MAX_GENERATION_RETRIES {
                    return Outcome::Abortable;
                }
                self.retry_at_ms = self.clock.elapsed_ms().saturating_add(GENERATION_WAIT_MS);
                Outcome::Moved
            }
            FaultClass::Fatal | FaultClass::Unknown => Outcome::Broken,
            FaultClass::Fenced => {
                self.fenced = self.fenced.saturating_add(1);
                if self.fenced >= limits::MAX_FENCED {
                    let reason = format!(
                        "its name was taken {} times in a row ({}); another process runs with the \
                         same `--instance-id`: give each its own",
                        self.fenced, fault.reason
                    );
                    return self.refuse(reason);
                }
                Outcome::Broken
            }
        }
    }

    /// A commit is known: whoever was here before is gone.
    pub(crate) fn proved(&mut self) {
        self.fenced = 0;
        self.generation_retries = 0;
    }

    /// Takes in what the group changed. True when there is something to recover.
    pub(crate) fn absorb(&mut self, changes: Vec<Change>) -> bool {
        if changes.is_empty() {
            return false;
        }
        self.log.adopt_generation();
        // What was loaded may be of a partition that is no longer ours.
        self.loaded.clear();
        for change in changes {
            match change {
                Change::Assigned(partitions) => {
                    tracing::info!(
                        slot = self.settings.slot,
                        ?partitions,
                        "partitions assigned"
                    );
                    for partition in partitions {
                        self.recovering.insert(partition, Recovering::default());
                    }
                }
                Change::Revoked(partitions) => {
                    tracing::info!(slot = self.settings.slot, ?partitions, "partitions revoked");
                    for partition in partitions {
                        self.forget(partition);
                        self.batch.forget(partition);
                        self.recovering.remove(&partition);
                    }
                }
            }
        }
        !self.recovering.is_empty()
    }

    /// Drops what memory holds of a partition.
    pub(crate) fn forget(&mut self, partition: i32) {
        let was_live = self.is_live(partition);
        if let Some(lost) = self.partitions.remove(&partition) {
            if was_live {
                metrics::live(-1);
            }
            lost.open_gaps()
                .for_each(|gap| metrics::gap_closed(gap.kind));
            self.behind.forget(partition);
        }
    }

    /// Sets an order's gaps in memory, and moves the gauges.
    pub(crate) fn set_gaps(&mut self, partition: i32, order: OrderId, gaps: GapSet) {
        if let Some(held) = self.partitions.get_mut(&partition) {
            open_kinds(&held.gaps_of(&order)).for_each(metrics::gap_closed);
            open_kinds(&gaps).for_each(metrics::gap_opened);
            held.set_gaps(order, gaps);
        }
    }

    /// Everything owned has to be recovered: memory is not to be trusted.
    pub(crate) fn recover_all(&mut self) {
        self.batch.clear();
        self.loaded.clear();
        for partition in self.live_partitions() {
            self.forget(partition);
            self.recovering.insert(partition, Recovering::default());
        }
        for recovering in self.recovering.values_mut() {
            *recovering = Recovering::default();
        }
    }

    fn recycle(&mut self) -> Outcome {
        self.work = Work::default();
        self.recover_all();
        metrics::recycled();
        match self.log.recycle() {
            Ok(changes) => {
                self.absorb(changes);
                Outcome::Done
            }
            Err(fault) => {
                if self.fault(&fault) == Outcome::Refused {
                    Outcome::Refused
                } else if self.stopping {
                    Outcome::Stopping
                } else {
                    Outcome::Again
                }
            }
        }
    }

    /// Serves the group without reading anything.
    pub(crate) fn serve(&mut self, wait: Duration) -> Result<bool, Outcome> {
        let mut none = Vec::new();
        match self.log.poll(wait, 0, &mut none) {
            Ok(changes) => Ok(self.absorb(changes)),
            Err(fault) => Err(self.fault(&fault)),
        }
    }

    fn poll(&mut self) -> Outcome {
        if self.stopping {
            return Outcome::Stopping;
        }
        if let Err(outcome) = self.pause_if_owed() {
            return outcome;
        }
        let mut records = Vec::new();
        if self.batch.records.is_empty() {
            let wait = if self.paused {
                limits::HOLD_WAIT
            } else {
                limits::IDLE_WAIT
            };
            let most = if self.paused {
                0
            } else {
                self.settings.max_batch_records
            };
            match self.log.poll(wait, most, &mut records) {
                Ok(changes) => {
                    let regained = self.absorb(changes);
                    self.take_in(records);
                    if regained {
                        return Outcome::Regained;
                    }
                }
                Err(fault) => {
                    let outcome = self.fault(&fault);
                    self.take_in(records);
                    return outcome;
                }
            }
        }
        if !self.paused {
            self.find_timers();
        }
        if self.batch.is_empty() {
            Outcome::Idle
        } else {
            Outcome::Done
        }
    }

    /// Opens the polled records of partitions that are still ours.
    fn take_in(&mut self, records: Vec<Record>) {
        for record in records {
            if self.is_live(record.partition) {
                let opened = self.processor.open(&record);
                self.batch.records.push((record, opened));
            }
        }
    }

    /// Stops reading while the store owes more than it may, and reads on when it caught up.
    fn pause_if_owed(&mut self) -> Result<(), Outcome> {
        let now_ms = self.clock.elapsed_ms();
        let owed = self.behind.len() >= limits::MAX_DIRTY_ORDERS
            || self.partitions.values().any(|partition| {
                partition.marks.open() >= self.settings.max_unacked_transactions
                    || partition.marks.oldest_ms().is_some_and(|since| {
                        now_ms.saturating_sub(since) >= self.settings.max_unacked_ms
                    })
            });
        if owed && !self.paused {
            tracing::warn!(
                slot = self.settings.slot,
                "inputs paused: the store owes too much"
            );
        }
        self.set_paused(owed)
    }

    pub(crate) fn set_paused(&mut self, paused: bool) -> Result<(), Outcome> {
        if self.paused == paused {
            return Ok(());
        }
        let live = self.live_partitions();
        self.log
            .pause(&live, paused)
            .map_err(|fault| self.fault(&fault))?;
        self.paused = paused;
        Ok(())
    }

    /// Adds orders whose gaps are due. Before a partition is read to its end its clock is that of
    /// what was read, so that a catch-up opens no gap that a later record closes.
    fn find_timers(&mut self) {
        let now_ms = self.clock.elapsed_ms();
        if now_ms < self.next_timer_ms || !self.batch.timers.is_empty() {
            return;
        }
        self.next_timer_ms = now_ms.saturating_add(limits::TIMER_EVERY_MS);
        let wall = self.clock.wall_ms();
        for partition in self.live_partitions() {
            let Some(held) = self.partitions.get(&partition) else {
                continue;
            };
            if !held.has_due(wall) {
                continue;
            }
            let own = held.progress.clock_ms;
            let position = held.progress.position;
            let busy = self
                .batch
                .records
                .iter()
                .any(|(record, _)| record.partition == partition);
            let clock = if !busy && self.at_end(partition, position) {
                own.max(wall)
            } else {
                own
            };
            let Some(held) = self.partitions.get(&partition) else {
                continue;
            };
            for order in held.due(clock, limits::MAX_BATCH_TIMERS) {
                self.batch.timers.push(Timer {
                    partition,
                    order,
                    clock,
                });
            }
        }
    }

    /// Whether both inputs hold nothing that was not consumed. A broker that does not answer
    /// leaves the question open, and the gap for later.
    fn at_end(&mut self, partition: i32, position: crate::ports::log::Position) -> bool {
        Input::ALL.iter().all(|input| {
            let source = Source::Input(*input);
            let next = position.of(*input);
            match self.log.bounds(source, partition) {
                Ok((_, end)) if next >= end => true,
                Ok(_) => {
                    // What is left may be no more than the marks that transactions leave.
                    let mut left = false;
                    let read =
                        self.log
                            .read(source, partition, next, &Until::StableEnd, 1, &mut |_| {
                                left = true;
                            });
                    matches!(read, Ok(true)) && !left
                }
                Err(_) => false,
            }
        })
    }

    /// Serves the group until the batch may be tried again.
    fn hold(&mut self) -> Outcome {
        if self.stopping {
            return Outcome::Stopping;
        }
        if let Err(outcome) = self.set_paused(true) {
            return outcome;
        }
        let served = {
            let mut none = Vec::new();
            match self.log.poll(limits::HOLD_WAIT, 0, &mut none) {
                Ok(changes) => {
                    let changed = !changes.is_empty();
                    Ok((self.absorb(changes), changed))
                }
                Err(fault) => Err(self.fault(&fault)),
            }
        };
        match served {
            Err(outcome) => outcome,
            Ok((true, _)) => Outcome::Regained,
            Ok((false, changed)) => {
                if !changed && self.clock.elapsed_ms() < self.retry_at_ms {
                    // Writes that were under way must not wait for the batch that does.
                    self.collect();
                    return Outcome::Again;
                }
                if let Err(outcome) = self.set_paused(false) {
                    return outcome;
                }
                if self.batch.is_empty() {
                    Outcome::Idle
                } else {
                    Outcome::Done
                }
            }
        }
    }

    fn settle(&mut self) -> Outcome {
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
}

/// How long a worker waits for the rebalance that a refused generation announces.
const GENERATION_WAIT_MS: u64 = 3_000;

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
