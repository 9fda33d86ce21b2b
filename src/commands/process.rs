//! `process`: the reconciler's workers on their own threads, the ops listener beside them.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time;
use trueup_domain::gap::Grace;
use trueup_reconciler::topology::OrdersFeed as Feed;
use trueup_reconciler::{Health, ProcessSettings, StopFlag};
use trueup_schemas::codec::Codec;
use trueup_schemas::topics::Topics;

use super::log_facts;
use super::serving::{self, Serving};
use super::store::Stores;
use crate::clock;
use crate::config::{OrdersFeed, ProcessConfig};
use crate::failure::Failure;
use crate::lookup::Lookup;
use crate::ops::HealthBoard;
use crate::ops::health::Condition;
use crate::ready::{Ready, ReadyFile};
use crate::shutdown::Stop;

/// Threads for the ops listener and the store's connections.
const SERVE_THREADS: usize = 2;
/// How often readiness is looked at until everything serves.
const READY_EVERY: Duration = Duration::from_millis(20);

pub fn run(config: ProcessConfig) -> Result<(), Failure> {
    let serving = Serving::begin(&config.serve, SERVE_THREADS)?;
    trueup_reconciler::metrics::describe();
    trueup_engine::metrics::describe();
    trueup_ledger::metrics::describe();
    // Probes and scrapers are answered while brokers or store are still away.
    let health = Arc::new(Health::default());
    let (known, topics_known) = watch::channel(false);
    let lookup = Arc::new(OnceLock::new());
    let (open, ops) = serving.open_ops(
        board(&health, topics_known),
        "process",
        Some(config.instance_id.as_str()),
        Some(Arc::clone(&lookup)),
    )?;
    let ready_file = Arc::new(open.ready_file);
    open.runtime.spawn(announce(
        Arc::clone(&health),
        Arc::clone(&ready_file),
        ops.ready,
        open.stop.clone(),
    ));
    let ended = work(
        &config,
        (&open.runtime, &open.stop),
        &known,
        &lookup,
        &health,
    );
    drop(ready_file);
    open.stopper.stop();
    let _ = open.runtime.block_on(ops.task);
    ended
}

/// Waits for brokers and store, then runs the workers until told to stop.
fn work(
    config: &ProcessConfig,
    (runtime, stop): (&Runtime, &Stop),
    known: &watch::Sender<bool>,
    lookup: &OnceLock<Lookup>,
    health: &Arc<Health>,
) -> Result<(), Failure> {
    let kafka = &config.serve.kafka;
    let codec = serving::codec(kafka)?;
    let facts = runtime.block_on(log_facts::await_facts(kafka, stop.clone()));
    let Some(facts) = facts? else { return Ok(()) };
    known.send_replace(true);
    let connecting = Stores::await_connected(&config.store, stop.clone());
    let Some(stores) = runtime.block_on(connecting)? else {
        return Ok(());
    };
    lookup.get_or_init(|| {
        let keys = Some(config.serve.signing_keys.clone());
        let index = stores.index();
        Lookup::new(index, kafka, codec.clone(), keys, clock::wall_clock)
    });
    let flag = StopFlag::default();
    runtime.spawn({
        let (stop, flag) = (stop.clone(), flag.clone());
        async move {
            stop.wait().await;
            flag.stop();
        }
    });
    let settings = settings(config, codec, facts.orders_lag_ms);
    trueup_reconciler::run(&settings, |slot| stores.worker(slot), &flag, health)
        .map_err(Failure::failed)
}

fn settings(config: &ProcessConfig, codec: Codec, orders_lag_ms: i64) -> ProcessSettings {
    ProcessSettings {
        kafka: config.serve.kafka.client_properties(),
        topics: Topics::new(&config.serve.kafka.prefix),
        codec,
        keys: config.serve.signing_keys.clone(),
        instance_id: config.instance_id.clone(),
        workers: config.workers,
        grace: Grace {
            default_ms: i64::try_from(config.grace.as_millis()).unwrap_or(i64::MAX),
        },
        // An empty topic changes nothing, so it may as well be read from the start.
        orders_feed: match config.orders_feed {
            OrdersFeed::Auto | OrdersFeed::On => Feed::On,
            OrdersFeed::Off => Feed::Off,
        },
        cache_bytes: config.cache_bytes,
        max_batch_records: trueup_engine::limits::MAX_BATCH_RECORDS,
        max_unacked_transactions: config.unacked_transactions,
        max_unacked: config.unacked_age,
        orders_lag_ms,
        epoch: config.epoch,
    }
}

fn board(health: &Arc<Health>, topics_known: watch::Receiver<bool>) -> HealthBoard {
    let (workers, store) = (Arc::clone(health), Arc::clone(health));
    HealthBoard::default()
        .component("topics", move || {
            let known = *topics_known.borrow();
            Condition::new(known, known)
        })
        .component("workers", move || {
            let ready = workers.is_ready();
            Condition::new(true, ready)
                .with("settled", ready)
                .with("live_partitions", workers.live_partitions())
        })
        // A worker that waits for the store still polls, so this does not take readiness away.
        // Until it is connected there are no workers, and none says that it is up.
        .component("store", move || Condition::new(store.is_store_up(), true))
}

/// Writes the ready file once every worker processes what the group gave it.
async fn announce(health: Arc<Health>, file: Arc<ReadyFile>, ready: Ready, stop: Stop) {
    let mut every = time::interval(READY_EVERY);
    while !health.is_ready() {
        if stop.is_set() {
            return;
        }
        every.tick().await;
    }
    match file.write(&ready) {
        Ok(()) => tracing::info!(partitions = health.live_partitions(), "processing"),
        Err(fault) => tracing::error!(%fault, "the ready file could not be written"),
    }
}
