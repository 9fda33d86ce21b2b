//! `sweep`: fetches what Stripe could not deliver and asks about lasting gaps, on and on or once.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;
use trueup_schemas::codec::Codec;
use trueup_schemas::topics::Topics;
use trueup_stripe::limits::ApiLimits;
use trueup_stripe::probe::ProbeReport;
use trueup_stripe::sweep::{
    self, CursorFault, Cursors, MemoryCursors, PassReport, Report, SweepHealth, SweepSettings,
};

use super::gateway;
use super::serving::{self, Serving};
use super::store::Stores;
use crate::clock;
use crate::config::{ServeConfig, SweepConfig, SweepTarget};
use crate::failure::Failure;
use crate::ops::HealthBoard;
use crate::ops::health::Condition;
use crate::output;
use crate::ready::ReadyFile;
use crate::shutdown::Stop;

/// Threads for the ops listener and the store's connections.
const SERVE_THREADS: usize = 2;

pub fn run(config: SweepConfig) -> Result<(), Failure> {
    if config.once {
        return once(&config);
    }
    let serving = Serving::begin(&config.serve, SERVE_THREADS)?;
    let health = Arc::new(SweepHealth::default());
    let (known, topics_known) = watch::channel(false);
    let board = gateway::topics_component(HealthBoard::default(), topics_known.clone());
    let board = component(board, &health);
    let (open, ops) = serving.open_ops(board, "sweep", None, None, None)?;
    let ready_file = Arc::new(open.ready_file);
    let announcing = open.runtime.spawn({
        let (file, ready, mut known) = (Arc::clone(&ready_file), ops.ready, topics_known);
        async move {
            if known.wait_for(|known| *known).await.is_ok() {
                announce(&file, &ready);
            }
        }
    });
    let codec = serving::codec(&config.serve.kafka);
    let ended = codec.and_then(|codec| {
        open.runtime.block_on(async {
            let Some(cursors) = await_cursors(&config, &open.stop).await? else {
                return Ok(());
            };
            let settings = settings(&config.serve, &config.target, codec, Some(known));
            until_stopped(settings, cursors, health, &open.stop).await
        })
    });
    announcing.abort();
    drop(ready_file);
    open.stopper.stop();
    serving::close(&open.runtime, ops.task, open.spans);
    ended
}

fn announce(file: &ReadyFile, ready: &crate::ready::Ready) {
    match file.write(ready) {
        Ok(()) => tracing::info!("sweeping"),
        Err(fault) => tracing::error!(%fault, "the ready file could not be written"),
    }
}

/// Sweeps and probes until told to stop, whichever command does it.
///
/// # Errors
/// A key that Stripe refuses, settings that the Kafka client refuses.
pub async fn until_stopped(
    settings: SweepSettings,
    cursors: Arc<dyn Cursors>,
    health: Arc<SweepHealth>,
    stop: &Stop,
) -> Result<(), Failure> {
    tokio::select! {
        () = stop.clone().wait() => Ok(()),
        ended = sweep::run(settings, cursors, clock::wall_clock, health) => match ended {
            Ok(never) => match never {},
            Err(fault) => Err(Failure::failed(fault)),
        },
    }
}

/// What health says of the sweeper. One that cannot ask Stripe goes on trying, so this does not
/// take readiness away.
pub fn component(board: HealthBoard, health: &Arc<SweepHealth>) -> HealthBoard {
    let health = Arc::clone(health);
    board.component("sweeper", move || Condition::new(health.is_working(), true))
}

pub fn settings(
    serve: &ServeConfig,
    target: &SweepTarget,
    codec: Codec,
    ready: Option<watch::Sender<bool>>,
) -> SweepSettings {
    SweepSettings {
        base: target.base.clone(),
        key: target.key.clone(),
        rate: target.rate,
        limits: ApiLimits::default(),
        topics: Topics::new(&serve.kafka.prefix),
        codec,
        keys: serve.signing_keys.clone(),
        kafka: serve.kafka.client_properties(),
        since: target.since,
        every: target.every,
        full_every: target.full_every,
        probe_after: target.probe_after,
        ready,
    }
}

/// The store, once it answers, or this process's memory; `None` when asked to stop meanwhile.
async fn await_cursors(
    config: &SweepConfig,
    stop: &Stop,
) -> Result<Option<Arc<dyn Cursors>>, Failure> {
    match &config.store {
        None => Ok(Some(in_memory())),
        Some(target) => {
            trueup_ledger::metrics::describe();
            let stores = Stores::await_connected(target, stop.clone()).await?;
            Ok(stores.map(|stores| Arc::new(stores) as Arc<dyn Cursors>))
        }
    }
}

fn in_memory() -> Arc<dyn Cursors> {
    tracing::warn!(
        "no --scylla: where the sweep has come to is forgotten with this process; the next one begins at \
         --since, or 3 days back, and what is read twice counts once"
    );
    Arc::new(MemoryCursors::default())
}

impl Cursors for Stores {
    fn load(&self, name: &str) -> Result<Option<i64>, CursorFault> {
        self.load_cursor(name).map_err(fault)
    }

    fn save(&self, name: &str, until: i64) -> Result<(), CursorFault> {
        self.save_cursor(name, until).map_err(fault)
    }
}

fn fault(fault: impl std::fmt::Display) -> CursorFault {
    CursorFault {
        reason: fault.to_string(),
    }
}

/// Published: names must stay stable.
#[derive(Serialize)]
struct Told {
    undelivered: ToldPass,
    full: ToldPass,
    probed: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct ToldPass {
    fed: u64,
    ignored: u64,
    refused: u64,
}

/// One pass of each kind and one round of the probe, without a listener.
fn once(config: &SweepConfig) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SERVE_THREADS)
        .enable_all()
        .build()?;
    let cursors: Arc<dyn Cursors> = match &config.store {
        Some(target) => Arc::new(Stores::connect(runtime.handle(), target)?),
        None => in_memory(),
    };
    let codec = serving::codec(&config.serve.kafka)?;
    let settings = settings(&config.serve, &config.target, codec, None);
    let done = runtime.block_on(sweep::run_once(settings, cursors, clock::wall_clock));
    let report = done.map_err(Failure::failed)?;
    if config.json {
        output::json(&told(&report))?;
    } else {
        for (name, pass) in [("undelivered", report.undelivered), ("all", report.full)] {
            let PassReport {
                fed,
                ignored,
                refused,
            } = pass;
            output::line(&format!(
                "{name} events: {fed} fed in, {ignored} of types not used, {refused} refused"
            ))?;
        }
        output::line(&format!("gaps probed: {}", counts(&report.probe)))?;
    }
    Ok(())
}

fn counts(report: &ProbeReport) -> String {
    if report.is_empty() {
        return "none old enough".to_owned();
    }
    let each = report
        .iter()
        .map(|(finding, count)| format!("{count} {}", finding.as_str().replace('_', " ")));
    each.collect::<Vec<_>>().join(", ")
}

fn told(report: &Report) -> Told {
    let pass = |pass: PassReport| ToldPass {
        fed: pass.fed,
        ignored: pass.ignored,
        refused: pass.refused,
    };
    let probed = report
        .probe
        .iter()
        .map(|(finding, count)| (finding.as_str().to_owned(), (*count).into()));
    Told {
        undelivered: pass(report.undelivered),
        full: pass(report.full),
        probed: probed.collect(),
    }
}
