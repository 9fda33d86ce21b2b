//! One history: workers step in an order chosen by the seed, while records arrive, writes land,
//! markers lag, processes die and the group moves on; and at the end all is quiet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use trueup_domain::gap::Grace;
use trueup_engine::ports::clock::Clock;
use trueup_engine::worker::{Settings, Step, Worker};
use trueup_reconciler::Reconciler;
use trueup_reconciler::topology::OrdersFeed;
use trueup_schemas::codec::Codec;

use super::cluster::{self, Client, Cluster};
use super::judge;
use super::random::Random;
use super::shop;
use super::store::{self, Connection, Rows};

const PARTITIONS: i32 = 2;
const ORDERS: usize = 5;
const GRACE: Grace = Grace { default_ms: 60_000 };
/// Steps without end are a fault of their own.
const MAX_QUIET_STEPS: usize = 200_000;

type SimWorker = Worker<Client, Connection, Reconciler, SimClock>;

#[derive(Debug, Clone)]
struct SimClock(Arc<Mutex<i64>>);

impl Clock for SimClock {
    fn wall_ms(&self) -> i64 {
        *self.0.lock().unwrap()
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(*self.0.lock().unwrap()).unwrap()
    }
}

struct History {
    random: Random,
    cluster: cluster::Shared,
    rows: store::Shared,
    clock: SimClock,
    workers: Vec<(String, u64, SimWorker)>,
}

impl History {
    fn new(seed: u64, workers: usize) -> Self {
        let cluster = Cluster::new(PARTITIONS, Random::new(seed ^ 1));
        let clock = SimClock(Arc::new(Mutex::new(cluster.now_ms)));
        let mut history = Self {
            random: Random::new(seed),
            cluster: Arc::new(Mutex::new(cluster)),
            rows: Arc::new(Mutex::new(Rows::new(Random::new(seed ^ 2)))),
            clock,
            workers: Vec::new(),
        };
        for number in 0..workers {
            let (name, incarnation, worker) = history.start(&format!("worker-{number}"));
            history.workers.push((name, incarnation, worker));
        }
        history.reassign();
        history
    }

    fn start(&self, name: &str) -> (String, u64, SimWorker) {
        self.cluster.lock().unwrap().rejoin(name);
        let store = Connection::new(&self.rows);
        let incarnation = store.incarnation;
        let reconciler = Reconciler {
            codec: Codec::SingleObject,
            keys: shop::keys(),
            events_topic: shop::EVENTS_TOPIC.into(),
            orders_topic: shop::ORDERS_TOPIC.into(),
            partitions: PARTITIONS,
            grace: GRACE,
            orders_feed: OrdersFeed::On,
        };
        let settings = Settings {
            slot: name.into(),
            events_topic: shop::EVENTS_TOPIC.into(),
            epoch: 0,
            codec: Codec::SingleObject,
            cache_bytes: 4_000,
            max_batch_records: 50,
            max_unacked_transactions: 20,
            max_unacked_ms: 600_000,
            orders_lag_ms: 7 * 24 * 3_600_000,
        };
        let log = Client::new(&self.cluster, name);
        let worker = Worker::new(log, store, reconciler, self.clock.clone(), settings);
        (name.into(), incarnation, worker)
    }

    fn pass(&self, ms: i64) {
        *self.clock.0.lock().unwrap() += ms;
        self.cluster.lock().unwrap().now_ms += ms;
    }

    fn reassign(&mut self) {
        let mut owners = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let chosen = self.random.below(self.workers.len());
            owners.insert(partition, self.workers[chosen].0.clone());
        }
        self.cluster.lock().unwrap().reassign(&owners);
    }

    fn kill(&mut self) {
        let chosen = self.random.below(self.workers.len());
        let (name, incarnation, _) = &self.workers[chosen];
        let (name, incarnation) = (name.clone(), *incarnation);
        self.rows.lock().unwrap().lose_writes_of(incarnation);
        self.workers[chosen] = self.start(&name);
    }

    fn step(&mut self, chosen: usize) -> Result<(), String> {
        match self.workers[chosen].2.step() {
            Step::On => Ok(()),
            Step::Wait(_) => {
                self.pass(5);
                Ok(())
            }
            Step::Stopped(refusal) => Err(format!("a worker stopped: {refusal:?}")),
        }
    }

    /// One thing happens.
    fn happen(&mut self, stream: &mut Vec<shop::Saying>) -> Result<(), String> {
        match self.random.below(100) {
            0..=69 => {
                let chosen = self.random.below(self.workers.len());
                self.step(chosen)?;
            }
            70..=76 => {
                if let Some(saying) = stream.pop() {
                    let mut cluster = self.cluster.lock().unwrap();
                    let now_ms = cluster.now_ms;
                    let (input, record) = shop::record(&saying, PARTITIONS, now_ms);
                    cluster.append(input, record.partition, record);
                }
            }
            77..=84 => self.rows.lock().unwrap().land_write(),
            85..=91 => self.cluster.lock().unwrap().land_marker(),
            92 => self.cluster.lock().unwrap().land_late_end(),
            93 if self.random.one_in(3) => self.reassign(),
            94 if self.random.one_in(3) => self.kill(),
            95 if self.random.one_in(3) => {
                let chosen = self.random.below(self.workers.len());
                let name = self.workers[chosen].0.clone();
                self.cluster.lock().unwrap().expire(&name);
            }
            96 => {
                let away = self.random.one_in(4);
                self.rows.lock().unwrap().away = away;
            }
            _ => {
                let ms = i64::try_from(self.random.below(8_000)).unwrap();
                self.pass(ms);
            }
        }
        self.judge()
    }

    fn judge(&self) -> Result<(), String> {
        let cluster = self.cluster.lock().unwrap();
        judge::store_follows(&cluster, &self.rows.lock().unwrap())?;
        judge::log_is_in_order(&cluster)
    }

    /// Faults end, everything lands, the last owners work until nothing is left to do.
    fn quiet_down(&mut self) -> Result<(), String> {
        {
            let mut cluster = self.cluster.lock().unwrap();
            cluster.fault_every = 0;
            cluster.lose_late_ends();
            self.rows.lock().unwrap().away = false;
        }
        self.reassign();
        let mut calm = 0;
        for _ in 0..MAX_QUIET_STEPS {
            for chosen in 0..self.workers.len() {
                self.step(chosen)?;
            }
            self.pass(20);
            self.cluster.lock().unwrap().land_all_markers_of(None);
            self.rows.lock().unwrap().land_write();
            self.judge()?;
            let clean = self.workers.iter().all(|(_, _, worker)| worker.is_clean());
            let landed = self.rows.lock().unwrap().in_flight() == 0;
            calm = if clean && landed && self.cluster.lock().unwrap().is_over() {
                calm + 1
            } else {
                0
            };
            // Long enough for every grace to run out.
            if calm > 3_500 {
                return Ok(());
            }
        }
        Err("the workers did not come to rest".into())
    }
}

/// Runs one history and judges it.
pub fn run(seed: u64) -> Result<(), String> {
    let mut history = History::new(seed, 3);
    let mut stream = shop::stream(ORDERS, &mut history.random);
    history.cluster.lock().unwrap().fault_every = 25;
    let steps = 1_500 + history.random.below(1_500);
    for _ in 0..steps {
        history.happen(&mut stream)?;
    }
    while let Some(saying) = stream.pop() {
        let mut cluster = history.cluster.lock().unwrap();
        let now_ms = cluster.now_ms;
        let (input, record) = shop::record(&saying, PARTITIONS, now_ms);
        cluster.append(input, record.partition, record);
    }
    history.quiet_down()?;
    let cluster = history.cluster.lock().unwrap();
    judge::last_word_is_right(&cluster, &history.rows.lock().unwrap())?;
    judge::gaps_are_right(&cluster, history.clock.wall_ms(), GRACE)
}
