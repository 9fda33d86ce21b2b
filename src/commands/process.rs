//! `process`: the reconciler's workers on their own threads, the ops listener beside them.

use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use trueup_reconciler::StopFlag;

use super::gateway;
use super::log_facts;
use super::serving::{self, Serving};
use super::store::Stores;
use super::workers::{self, Shown};
use crate::config::ProcessConfig;
use crate::failure::Failure;
use crate::ops::HealthBoard;
use crate::ready::{Ready, ReadyFile};
use crate::shutdown::Stop;

/// Threads for the ops listener and the store's connections.
const SERVE_THREADS: usize = 2;

pub fn run(config: ProcessConfig) -> Result<(), Failure> {
    let serving = Serving::begin(&config.serve, SERVE_THREADS)?;
    // Probes and scrapers are answered while brokers or store are still away.
    let shown = Shown::begin(config.only);
    let (known, topics_known) = watch::channel(false);
    let board = gateway::topics_component(HealthBoard::default(), topics_known);
    let (open, ops) = serving.open_ops(
        shown.components(board),
        "process",
        Some(config.workers.instance_id.as_str()),
        Some(Arc::clone(&shown.lookup)),
        Some(Arc::clone(&shown.summary)),
    )?;
    let ready_file = Arc::new(open.ready_file);
    open.runtime.spawn(announce(
        shown.clone(),
        Arc::clone(&ready_file),
        ops.ready,
        open.stop.clone(),
    ));
    let ended = work(&config, (&open.runtime, &open.stop), &known, &shown);
    drop(ready_file);
    open.stopper.stop();
    serving::close(&open.runtime, ops.task, open.spans);
    ended
}

/// Waits for brokers and store, then runs the workers until told to stop.
fn work(
    config: &ProcessConfig,
    (runtime, stop): (&Runtime, &Stop),
    known: &watch::Sender<bool>,
    shown: &Shown,
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
    let flag = StopFlag::default();
    runtime.spawn({
        let (stop, flag) = (stop.clone(), flag.clone());
        async move {
            stop.wait().await;
            flag.stop();
        }
    });
    let configs = (&config.serve, &config.workers);
    workers::run(configs, &stores, codec, facts, shown, &flag)
}

/// Writes the ready file once every worker processes what the group gave it.
async fn announce(shown: Shown, file: Arc<ReadyFile>, ready: Ready, stop: Stop) {
    if !shown.ready(&stop).await {
        return;
    }
    match file.write(&ready) {
        Ok(()) => {
            let partitions = shown.health.live_partitions();
            tracing::info!(partitions, "processing");
        }
        Err(fault) => tracing::error!(%fault, "the ready file could not be written"),
    }
}
