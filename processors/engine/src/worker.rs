//! One worker: a consumer, a producer and a store connection behind one machine.
//!
//! [`Worker::step`] does what the present phase says, once, and asks the machine where to go. It
//! never sleeps: what should be waited for is returned. The actions of each phase live beside this
//! file: `polling`, `transaction`, `writing`, and for the way back `recovery`, `restoring`,
//! `refolding`.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use trueup_domain::gap::GapSet;
use trueup_domain::ids::OrderId;
use trueup_domain::rolling::{Rolling, Span};
use trueup_domain::window::Totals;
use trueup_schemas::codec::Codec;

use crate::batch::{Batch, Work};
use crate::behind::Behind;
use crate::cache::{Cache, CacheCounts};
use crate::hanging::Hanging;
use crate::limits;
use crate::machine::{Outcome, Phase};
use crate::metrics;
use crate::partition::Partition;
use crate::ports::clock::Clock;
use crate::ports::log::{Change, Log};
use crate::ports::store::LedgerStore;
use crate::processor::Processor;
use crate::recovery::Recovering;
use crate::seen::Seen;

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
    pub(crate) cache_counts: CacheCounts,
    pub(crate) dirty_shown: usize,
    pub(crate) next_timer_ms: u64,
    pub(crate) next_roll_ms: u64,
    pub(crate) retry_at_ms: u64,
    pub(crate) generation_retries: u32,
    pub(crate) producer_fenced: u32,
    pub(crate) member_fenced: u32,
    pub(crate) hanging: Hanging,
    pub(crate) seen: Seen,
    /// The last fault, for whoever asks why the producer was replaced.
    pub(crate) broken_by: Option<String>,
    pub(crate) paused: bool,
    pub(crate) stopping: bool,
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
            next_roll_ms: 0,
            retry_at_ms: 0,
            generation_retries: 0,
            producer_fenced: 0,
            member_fenced: 0,
            hanging: Hanging::default(),
            seen: Seen::default(),
            broken_by: None,
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

    /// The windows of a partition that is being processed.
    #[must_use]
    pub fn windows(&self, partition: i32) -> Option<&Rolling> {
        let held = self.partitions.get(&partition);
        held.filter(|_| self.is_live(partition))
            .map(|held| &held.windows)
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
        if self.phase == Phase::Stopped {
            return Step::Stopped(self.refusal.clone());
        }
        let outcome = if self.must_recycle() {
            Outcome::Broken
        } else {
            self.act()
        };
        let before = self.phase;
        self.phase = before.next(outcome);
        if before != Phase::Recycle && self.phase == Phase::Recycle {
            self.giving_up_producer(before);
        }
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

    fn act(&mut self) -> Outcome {
        match self.phase {
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
            Phase::Stopped => Outcome::Idle,
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

    /// Takes in what the group changed. True when there is something to recover.
    pub(crate) fn absorb(&mut self, changes: Vec<Change>) -> bool {
        if changes.is_empty() {
            return false;
        }
        self.log.adopt_generation();
        self.hanging.begin_anew();
        // What was loaded may be of a partition that is no longer ours.
        self.loaded.clear();
        // Whatever waited for the group has waited long enough.
        self.retry_at_ms = 0;
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
            for (span, shown) in Span::ALL.into_iter().zip(&lost.windows_shown) {
                metrics::window(span, shown, &Totals::ZERO);
            }
            lost.open_gaps().for_each(metrics::gap_closed);
            self.behind.forget(partition);
        }
    }

    /// Sets an order's gaps in memory, and moves the gauges.
    pub(crate) fn set_gaps(&mut self, partition: i32, order: OrderId, gaps: GapSet) {
        if let Some(held) = self.partitions.get_mut(&partition) {
            held.gaps_of(&order).open().for_each(metrics::gap_closed);
            gaps.open().for_each(metrics::gap_opened);
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
        self.seen.forget();
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
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
