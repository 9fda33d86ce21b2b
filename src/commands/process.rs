//! `process`: the reconciler's workers on their own threads, the ops listener beside them.

use std::sync::Arc;
use std::time::Duration;

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
    let flag = StopFlag::default();
    serving.runtime.spawn({
        let (stop, flag) = (serving.stop.clone(), flag.clone());
        async move {
            stop.wait().await;
            flag.stop();
        }
    });
    let kafka = &config.serve.kafka;
    let codec = serving::codec(kafka)?;
    let facts = serving
        .runtime
        .block_on(log_facts::await_facts(kafka, serving.stop.clone()));
    let Some(facts) = facts? else { return Ok(()) };
    let connecting = Stores::await_connected(&config.store, serving.stop.clone());
    let Some(stores) = serving.runtime.block_on(connecting)? else {
        return Ok(());
    };
    let keys = Some(config.serve.signing_keys.clone());
    let lookup = Lookup::new(
        stores.index(),
        kafka,
        codec.clone(),
        keys,
        clock::wall_clock,
    );
    let settings = settings(&config, codec, facts.orders_lag_ms);
    let health = Arc::new(Health::default());
    let instance = Some(config.instance_id.as_str());
    let (open, ops) =
        serving.open_ops(board(&health), "process", instance, Some(Arc::new(lookup)))?;
    let ready_file = Arc::new(open.ready_file);
    open.runtime.spawn(announce(
        Arc::clone(&health),
        Arc::clone(&ready_file),
        ops.ready,
        open.stop.clone(),
    ));
    let ended = trueup_reconciler::run(&settings, |slot| stores.worker(slot), &flag, &health);
    drop(ready_file);
    open.stopper.stop();
    let _ = open.runtime.block_on(ops.task);
    ended.map_err(Failure::failed)
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

fn board(health: &Arc<Health>) -> HealthBoard {
    let (workers, store) = (Arc::clone(health), Arc::clone(health));
    HealthBoard::default()
        .component("workers", move || {
            let ready = workers.is_ready();
            Condition::new(true, ready)
                .with("settled", ready)
                .with("live_partitions", workers.live_partitions())
        })
        // A worker that waits for the store still polls, so this does not take readiness away.
        .component("store", move || {
            // Before the first worker runs nobody has asked the store for anything.
            let up = store.is_store_up() || !store.is_ready();
            Condition::new(up, true)
        })
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
