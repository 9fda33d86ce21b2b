//! The reconciler's workers as a part of a process, whichever command runs them.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::time;
use trueup_domain::gap::Grace;
use trueup_linker::LinkerHealth;
use trueup_reconciler::topology::OrdersFeed as Feed;
use trueup_reconciler::{Health, ProcessSettings, StopFlag};
use trueup_schemas::codec::Codec;
use trueup_schemas::topics::Topics;

use super::linking;
use super::log_facts::LogFacts;
use super::store::Stores;
use crate::clock;
use crate::config::serving::Only;
use crate::config::{OrdersFeed, ServeConfig, WorkersConfig};
use crate::failure::Failure;
use crate::lookup::Lookup;
use crate::ops::HealthBoard;
use crate::ops::health::Condition;
use crate::shutdown::Stop;
use crate::summary::Summary;

/// How often readiness is looked at until everything serves.
const READY_EVERY: Duration = Duration::from_millis(20);

/// What the ops listener sees of the workers, before there are any and while they run.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    pub health: Arc<Health>,
    pub lookup: Arc<OnceLock<Lookup>>,
    pub summary: Arc<OnceLock<Summary>>,
    pub linker: Arc<LinkerHealth>,
    /// Both processors run, where nobody said.
    pub only: Option<Only>,
}

impl Shown {
    /// The recorder must be there.
    pub fn begin(only: Option<Only>) -> Self {
        trueup_reconciler::metrics::describe();
        trueup_engine::metrics::describe();
        trueup_ledger::metrics::describe();
        trueup_linker::metrics::describe();
        Self {
            only,
            ..Self::default()
        }
    }

    /// What health says of the workers and of their store.
    pub fn components(&self, board: HealthBoard) -> HealthBoard {
        let (workers, store) = (Arc::clone(&self.health), Arc::clone(&self.health));
        let board = linking::component(board, self);
        if self.only == Some(Only::Linker) {
            return board;
        }
        board
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

    fn is_ready(&self) -> bool {
        let reconciling = self.only == Some(Only::Linker) || self.health.is_ready();
        let linking = self.only == Some(Only::Reconciler) || self.linker.is_ready();
        reconciling && linking
    }

    /// Waits until every worker processes what the group gave it; false when asked to stop first.
    pub async fn ready(&self, stop: &Stop) -> bool {
        let mut every = time::interval(READY_EVERY);
        while !self.is_ready() {
            if stop.is_set() {
                return false;
            }
            every.tick().await;
        }
        true
    }
}

/// Runs the workers until `flag`, or until one refuses to go on, and answers look-ups meanwhile.
///
/// # Errors
/// Why a worker refuses to go on.
pub fn run(
    (serve, config): (&ServeConfig, &WorkersConfig),
    stores: &Stores,
    codec: Codec,
    facts: LogFacts,
    shown: &Shown,
    flag: &StopFlag,
) -> Result<(), Failure> {
    shown.lookup.get_or_init(|| {
        let keys = Some(serve.signing_keys.clone());
        let index = stores.index();
        Lookup::new(index, &serve.kafka, codec.clone(), keys, clock::wall_clock)
    });
    match Summary::follow(&serve.kafka, &codec, flag, clock::wall_clock) {
        Ok(summary) => {
            shown.summary.get_or_init(|| summary);
        }
        Err(fault) => return Err(Failure::failed(format!("no summary can be kept: {fault}"))),
    }
    let linker = linking::settings(serve, config, codec.clone());
    let settings = settings(serve, config, codec, facts);
    let reconcile = || {
        trueup_reconciler::run(&settings, |_| stores.worker(), flag, &shown.health)
            .map_err(Failure::failed)
    };
    match shown.only {
        Some(Only::Reconciler) => reconcile(),
        Some(Only::Linker) => linking::run(&linker, stores, shown, flag),
        None => thread::scope(|scope| {
            let linked = scope.spawn(|| linking::run(&linker, stores, shown, flag));
            let reconciled = reconcile();
            flag.stop();
            let linked = linked
                .join()
                .unwrap_or_else(|_| Err(Failure::failed("the linker ended by a panic")));
            reconciled.and(linked)
        }),
    }
}

fn settings(
    serve: &ServeConfig,
    config: &WorkersConfig,
    codec: Codec,
    facts: LogFacts,
) -> ProcessSettings {
    ProcessSettings {
        kafka: serve.kafka.client_properties(),
        topics: Topics::new(&serve.kafka.prefix),
        codec,
        keys: serve.signing_keys.clone(),
        instance_id: config.instance_id.clone(),
        workers: config.workers,
        grace: config.grace.map_or(Grace::STANDARD, |grace| {
            Grace::of_all(i64::try_from(grace.as_millis()).unwrap_or(i64::MAX))
        }),
        orders_feed: match config.orders_feed {
            OrdersFeed::Auto => Feed::Auto(Arc::new(AtomicBool::new(facts.orders_told))),
            OrdersFeed::On => Feed::On,
            OrdersFeed::Off => Feed::Off,
        },
        cache_bytes: config.cache_bytes,
        max_batch_records: trueup_engine::limits::MAX_BATCH_RECORDS,
        max_unacked_transactions: config.unacked_transactions,
        max_unacked: config.unacked_age,
        orders_lag_ms: facts.orders_lag_ms,
        epoch: config.epoch,
    }
}
