//! Runs the workers of one process: a thread each, until told to stop or until one refuses.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use trueup_domain::gap::Grace;
use trueup_engine::kafka::{KafkaLog, KafkaSettings, TopicNames};
use trueup_engine::limits;
use trueup_engine::ports::clock::MachineClock;
use trueup_engine::ports::log::{FaultClass, LogFault};
use trueup_engine::ports::store::LedgerStore;
use trueup_engine::worker::{Refusal, Settings, Step, Worker};
use trueup_schemas::codec::Codec;
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;

use crate::topology::{OrdersFeed, Reconciler};

/// The most worker threads of one process.
pub const MAX_WORKERS: usize = 64;

/// What `trueup process` is told.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// `bootstrap.servers` and what the user passes through to the client.
    pub kafka: Vec<(String, String)>,
    pub topics: Topics,
    pub codec: Codec,
    pub keys: SigningKeys,
    /// Names the slots: `group.instance.id` and `transactional.id` are made of it.
    pub instance_id: String,
    /// 1 to [`MAX_WORKERS`].
    pub workers: usize,
    pub grace: Grace,
    pub orders_feed: OrdersFeed,
    /// Ledgers kept in memory, over all workers.
    pub cache_bytes: u64,
    pub max_batch_records: usize,
    pub max_unacked_transactions: usize,
    pub max_unacked: Duration,
    /// `min.compaction.lag.ms` of the orders topic.
    pub orders_lag_ms: i64,
    /// Raised by an operator who adopts a store.
    pub epoch: i64,
}

/// Why `run` ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum ProcessFault {
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("{0}")]
    Connect(#[from] LogFault),
    #[error("worker thread {slot} could not be started: {reason}")]
    Thread { slot: usize, reason: String },
    #[error("worker thread {slot} ended by a panic: report this, with the log above")]
    Panicked { slot: usize },
}

/// Asks everybody to stop, and wakes whoever waits.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<(Mutex<bool>, Condvar)>);

impl StopFlag {
    pub fn stop(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, at most until the stop.
    pub fn wait(&self, most: Duration) {
        let stopped = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .0
            .1
            .wait_timeout_while(stopped, most, |stopped| !*stopped);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// What the ops listener shows of the workers.
#[derive(Debug, Default)]
pub struct Health {
    slots: Mutex<Vec<Arc<SlotHealth>>>,
}

#[derive(Debug, Default)]
struct SlotHealth {
    settled: AtomicBool,
    store_away: AtomicBool,
    live: AtomicUsize,
}

impl Health {
    fn slot(&self) -> Arc<SlotHealth> {
        let slot = Arc::new(SlotHealth::default());
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&slot));
        slot
    }

    fn all(&self, test: impl Fn(&SlotHealth) -> bool) -> bool {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        !slots.is_empty() && slots.iter().all(|slot| test(slot))
    }

    /// Every worker is connected, and processes all that the group gave it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.all(|slot| slot.settled.load(Ordering::Relaxed))
    }

    /// No worker waits for the store.
    #[must_use]
    pub fn is_store_up(&self) -> bool {
        self.all(|slot| !slot.store_away.load(Ordering::Relaxed))
    }

    /// Partitions being processed.
    #[must_use]
    pub fn live_partitions(&self) -> usize {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots
            .iter()
            .map(|slot| slot.live.load(Ordering::Relaxed))
            .sum()
    }
}

/// Runs the workers and blocks until they have ended. `stores` is called once per worker.
///
/// # Errors
/// [`ProcessFault`] when a worker refuses to go on, which stops the others too.
pub fn run<S: LedgerStore + 'static>(
    settings: &ProcessSettings,
    stores: impl Fn(usize) -> S,
    stop: &StopFlag,
    health: &Health,
) -> Result<(), ProcessFault> {
    let mut threads = Vec::new();
    for slot in 0..settings.workers.clamp(1, MAX_WORKERS) {
        let store = stores(slot);
        let settings = settings.clone();
        let stopping = stop.clone();
        let health = health.slot();
        let thread = thread::Builder::new()
            .name(format!("worker-{slot}"))
            .spawn(move || {
                let ended = work(&settings, slot, store, &stopping, &health);
                if ended.is_err() {
                    stopping.stop();
                }
                ended
            });
        let thread = thread.map_err(|error| {
            stop.stop();
            ProcessFault::Thread {
                slot,
                reason: error.to_string(),
            }
        })?;
        threads.push(thread);
    }
    let mut ended = Ok(());
    for (slot, thread) in threads.into_iter().enumerate() {
        let one = thread.join().unwrap_or_else(|_| {
            stop.stop();
            Err(ProcessFault::Panicked { slot })
        });
        ended = ended.and(one);
    }
    ended
}

fn topic_names(topics: &Topics) -> TopicNames {
    TopicNames {
        events: topics.payments_events(),
        orders: topics.orders(),
        status: topics.orders_status(),
        gaps: topics.payments_gaps(),
        windows: topics.payments_windows(),
        dead_letters: topics.dead_letters(),
    }
}

/// Every process that shares these topics is of this group.
#[must_use]
pub fn group_of(topics: &Topics) -> String {
    // The events topic carries the prefix, so that two systems on one cluster stay apart.
    format!("{}.reconciler", topics.payments_events())
}

fn work<S: LedgerStore>(
    settings: &ProcessSettings,
    slot: usize,
    store: S,
    stop: &StopFlag,
    health: &SlotHealth,
) -> Result<(), ProcessFault> {
    let name = format!("{}-{slot}", settings.instance_id);
    let group = group_of(&settings.topics);
    let kafka = KafkaSettings {
        client: settings.kafka.clone(),
        transactional_id: format!("{group}.{name}"),
        group,
        instance: name.clone(),
        topics: topic_names(&settings.topics),
    };
    let Some(log) = connect(&kafka, stop)? else {
        return Ok(());
    };
    let partitions = trueup_engine::ports::log::Log::partitions(&log);
    let reconciler = Reconciler {
        codec: settings.codec.clone(),
        keys: settings.keys.clone(),
        events_topic: settings.topics.payments_events(),
        orders_topic: settings.topics.orders(),
        partitions,
        grace: settings.grace,
        orders_feed: settings.orders_feed.clone(),
    };
    let worker_settings = Settings {
        slot: name,
        events_topic: settings.topics.payments_events(),
        epoch: settings.epoch,
        codec: settings.codec.clone(),
        cache_bytes: settings.cache_bytes / u64::try_from(settings.workers.max(1)).unwrap_or(1),
        max_batch_records: settings.max_batch_records,
        max_unacked_transactions: settings.max_unacked_transactions,
        max_unacked_ms: u64::try_from(settings.max_unacked.as_millis()).unwrap_or(u64::MAX),
        orders_lag_ms: settings.orders_lag_ms,
    };
    let clock = MachineClock::default();
    let mut worker = Worker::new(log, store, reconciler, clock, worker_settings);
    loop {
        if stop.is_stopped() {
            worker.stop();
        }
        match worker.step() {
            Step::On => {}
            Step::Wait(wait) if stop.is_stopped() => {
                // The flag no longer wakes anybody; a stopping worker waits in short pieces.
                thread::sleep(wait.min(limits::HOLD_WAIT));
            }
            Step::Wait(wait) => stop.wait(wait),
            Step::Stopped(None) => return Ok(()),
            Step::Stopped(Some(refusal)) => return Err(refusal.into()),
        }
        health.settled.store(worker.is_settled(), Ordering::Relaxed);
        health
            .store_away
            .store(worker.is_store_away(), Ordering::Relaxed);
        health.live.store(worker.live(), Ordering::Relaxed);
    }
}

/// Waits for a broker that is away; ends at once on what waiting does not mend.
fn connect(kafka: &KafkaSettings, stop: &StopFlag) -> Result<Option<KafkaLog>, ProcessFault> {
    let mut wait = limits::BACKOFF_FIRST;
    while !stop.is_stopped() {
        match KafkaLog::connect(kafka.clone()) {
            Ok(log) => return Ok(Some(log)),
            Err(fault) if fault.class != FaultClass::Retriable => return Err(fault.into()),
            Err(fault) => {
                tracing::warn!(%fault, "waiting for kafka");
                stop.wait(wait);
                wait = wait.saturating_mul(2).min(limits::BACKOFF_LONGEST);
            }
        }
    }
    Ok(None)
}
