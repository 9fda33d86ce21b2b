//! `dev`: every part of the system in one process on loopback.
//!
//! The parts speak to each other as in production: the gateway and the workers reach the broker by
//! its socket, whether it is embedded or not. Only the ledger is called directly.

pub(super) mod data;

pub(super) mod embedded;

mod greeting;

use std::sync::Arc;
use std::thread;

use tokio::runtime::Runtime;
use trueup_reconciler::StopFlag;
use trueup_schemas::seal::SigningKeys;
use trueup_stripe::sweep::SweepHealth;

use self::data::DataDir;
use self::greeting::Greeting;
use super::gateway::{self, Gateway};
use super::log_facts;
use super::serving::{self, Open, OpsTask, Serving};
use super::store::Stores;
use super::sweep;
use super::workers::{self, Shown};
use super::{ledger, topics};
use crate::config::{DEMO_GRACE, DevConfig, ServeConfig, SweepTarget, TopicsConfig, WorkersConfig};
use crate::demo::{self, Demo};
use crate::failure::Failure;
use crate::ops::HealthBoard;
use crate::output;
use crate::ready::Ready;

pub fn run(mut config: DevConfig) -> Result<(), Failure> {
    let data = DataDir::open(&config.data_dir)?;
    let listener = if config.kafka.hosts.is_empty() {
        let listener = embedded::bind(config.kafka_listen)?;
        config.kafka.hosts = vec![listener.local_addr()?.to_string()];
        Some(listener)
    } else {
        None
    };
    let mut greeting = Greeting::new(&config, &data, listener.is_some());
    let demo = demo_of(&mut config, &data)?;
    let serve = ServeConfig {
        ops: config.ops.clone(),
        ready_file: config.ready_file.clone(),
        signing_keys: match &config.signing_keys {
            Some(keys) => keys.clone(),
            None => SigningKeys::parse(&data.signing_keys()?).map_err(Failure::failed)?,
        },
        kafka: config.kafka.clone(),
        otlp: config.otlp.clone(),
    };
    let serving = Serving::begin(&serve, serving::cores())?;
    // From here on the broker is what stops last, however this ends.
    let faults = std::mem::take(&mut config.broker_faults);
    let broker = listener
        .map(|listener| embedded::broker(listener, &data, faults))
        .transpose()?;
    let stores = prepare(&serving.runtime, &config, &data)?;
    let codec = serving::codec(&serve.kafka)?;
    let gateway = Gateway::bind(&serving.runtime, &serve, config.gateway, codec.clone())?;

    let shown = Shown::begin(None);
    let board = gateway::topics_component(HealthBoard::default(), gateway.topics_known.clone());
    let board = shown.components(gateway::component(board, serving.stop.clone()));
    let board = match &broker {
        Some(broker) => embedded::component(board, broker.writable()),
        None => board,
    };
    let sweeping = Arc::new(SweepHealth::default());
    let board = match &config.sweep {
        Some(_) => sweep::component(board, &sweeping),
        None => board,
    };
    let instance = Some(config.workers.instance_id.as_str());
    let lookup = Some(std::sync::Arc::clone(&shown.lookup));
    let summary = Some(std::sync::Arc::clone(&shown.summary));
    let (open, ops) = serving.open_ops(board, "dev", instance, lookup, summary)?;
    greeting.http = Some(gateway.address);
    greeting.ops = ops.ready.ops;
    let parts = Parts {
        serve: &serve,
        workers: &config.workers,
        stores,
        codec,
        shown,
        greeting,
        demo,
        sweep: config.sweep.as_ref().map(|target| (target, sweeping)),
    };
    let ended = parts.serve(gateway, open, ops);
    if let Some(broker) = broker {
        broker.stop();
    }
    ended
}

/// Gives the gateway its own secret where it has none, and the demo what it needs.
fn demo_of(config: &mut DevConfig, data: &DataDir) -> Result<Option<Demo>, Failure> {
    let Some(unnamed) = config.gateway.endpoints.first_mut() else {
        return Err(Failure::failed("the gateway has no endpoint"));
    };
    if unnamed.secrets.is_empty() {
        unnamed.secrets.push(data.webhook_secret()?);
    }
    let secret = unnamed.secrets.first().cloned().unwrap_or_default();
    Ok(config.demo.then(|| Demo {
        kafka: config.kafka.clone(),
        secret,
        livemode: unnamed.livemode.unwrap_or(false),
        account: unnamed.account.clone(),
        grace: config.workers.grace.unwrap_or(DEMO_GRACE),
    }))
}

/// Makes the topics and the tables, and opens the store.
fn prepare(runtime: &Runtime, config: &DevConfig, data: &DataDir) -> Result<Stores, Failure> {
    let applied = TopicsConfig {
        kafka: config.kafka.clone(),
        partitions: config.partitions,
        replication: config.replication,
        json: false,
    };
    topics::prepare(runtime, &applied)?;
    match &config.store {
        Some(store) => {
            ledger::apply(runtime, store)?;
            Stores::connect(runtime.handle(), &store.store)
        }
        None => embedded::ledger(data).map(Stores::embedded),
    }
}

/// Everything that serves, but the gateway and the ops listener.
struct Parts<'a> {
    serve: &'a ServeConfig,
    workers: &'a WorkersConfig,
    stores: Stores,
    codec: trueup_schemas::codec::Codec,
    shown: Shown,
    greeting: Greeting,
    demo: Option<Demo>,
    sweep: Option<(&'a SweepTarget, Arc<SweepHealth>)>,
}

impl Parts<'_> {
    /// Serves until told to stop; then the gateway drains, the workers finish, and the ops
    /// listener closes, in this order.
    fn serve(self, gateway: Gateway, open: Open, ops: OpsTask) -> Result<(), Failure> {
        let ready = Ready {
            http: Some(gateway.address),
            ..ops.ready
        };
        let flag = StopFlag::default();
        let (parts, open_ref) = (&self, &open);
        let ended = thread::scope(|scope| {
            let worker_flag = flag.clone();
            let workers = scope.spawn(move || {
                let worked = parts.work(open_ref, &worker_flag);
                // A gateway whose events nobody folds would only seem to work.
                open_ref.stopper.stop();
                worked
            });
            let topics_known = gateway.topics_known.clone();
            scope.spawn(move || parts.announce(open_ref, topics_known, &ready));
            let sweeping = scope.spawn(move || parts.sweep(open_ref));
            let served = open_ref
                .runtime
                .block_on(gateway.serve(open_ref.stop.clone().wait()));
            open_ref.stopper.stop();
            flag.stop();
            let worked = workers
                .join()
                .unwrap_or_else(|_| Err(Failure::failed("the workers ended by a panic")));
            let swept = sweeping
                .join()
                .unwrap_or_else(|_| Err(Failure::failed("the sweeper ended by a panic")));
            served.and(worked).and(swept)
        });
        drop(open.ready_file);
        serving::close(&open.runtime, ops.task, open.spans);
        ended
    }

    fn work(&self, open: &Open, flag: &StopFlag) -> Result<(), Failure> {
        let kafka = &self.serve.kafka;
        let facts = log_facts::await_facts(kafka, open.stop.clone());
        let Some(facts) = open.runtime.block_on(facts)? else {
            return Ok(());
        };
        workers::run(
            (self.serve, self.workers),
            &self.stores,
            self.codec.clone(),
            facts,
            &self.shown,
            flag,
        )
    }

    /// Sweeps with the workers' own store, which has one owner.
    fn sweep(&self, open: &Open) -> Result<(), Failure> {
        let Some((target, health)) = &self.sweep else {
            return Ok(());
        };
        let settings = sweep::settings(self.serve, target, self.codec.clone(), None);
        let cursors = Arc::new(self.stores.clone());
        let sweeping = sweep::until_stopped(settings, cursors, Arc::clone(health), &open.stop);
        let swept = open.runtime.block_on(sweeping);
        // A key that Stripe refuses heals nothing, and nobody would look for it.
        open.stopper.stop();
        swept
    }

    /// Says that everything serves, once it does, and plays the demo.
    fn announce(
        &self,
        open: &Open,
        mut topics_known: tokio::sync::watch::Receiver<bool>,
        ready: &Ready,
    ) {
        let all = async {
            tokio::select! {
                () = open.stop.clone().wait() => return false,
                known = topics_known.wait_for(|known| *known) => if known.is_err() { return false },
            }
            self.shown.ready(&open.stop).await
        };
        if !open.runtime.block_on(all) {
            return;
        }
        if let Err(fault) = open.ready_file.write(ready) {
            tracing::error!(%fault, "the ready file could not be written");
        }
        output::say(&self.greeting.text());
        if let (Some(demo), Some(http)) = (&self.demo, ready.http)
            && let Err(fault) = demo::play(demo, http, &self.codec, &open.stop)
        {
            output::say(&format!("the demo ended early: {fault}"));
        }
    }
}
