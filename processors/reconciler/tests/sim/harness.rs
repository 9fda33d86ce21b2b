//! One history: workers step in an order chosen by the seed, while records arrive, writes land,
//! markers lag, processes die and the group moves on; and at the end all is quiet.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use trueup_domain::gap::Grace;
use trueup_domain::ids::OrderId;
use trueup_engine::machine::Phase;
use trueup_engine::ports::clock::Clock;
use trueup_engine::ports::log::Source;
use trueup_engine::worker::{Settings, Step, Worker};
use trueup_reconciler::Reconciler;
use trueup_reconciler::topology::OrdersFeed;
use trueup_schemas::codec::Codec;

use super::client::Client;
use super::cluster::{self, Cluster, Topic};
use super::judge;
use super::random::Random;
use super::shop::{self, PARTITIONS};
use super::store::{self, Connection, Rows};
use super::windows;

const ORDERS: usize = 5;
pub const GRACE_MS: i64 = 15_000;
pub const GRACE: Grace = Grace::of_all(GRACE_MS);
/// Steps without end are a fault of their own.
const MAX_QUIET_STEPS: usize = 200_000;
const MAX_DIRECTED_STEPS: usize = 5_000;

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

pub struct History {
    random: Random,
    cluster: cluster::Shared,
    rows: store::Shared,
    clock: SimClock,
    workers: Vec<(String, u64, SimWorker)>,
    /// A worker that does not step for so many happenings, and knows nothing of it.
    frozen: Option<(usize, usize)>,
    /// Revisions of cluster and rows that were judged; what did not change is still right.
    judged: (u64, u64),
}

impl History {
    pub fn new(seed: u64, workers: usize) -> Self {
        let cluster = Cluster::new(PARTITIONS, Random::new(seed ^ 1));
        let clock = SimClock(Arc::new(Mutex::new(cluster.now_ms)));
        let mut history = Self {
            random: Random::new(seed),
            cluster: Arc::new(Mutex::new(cluster)),
            rows: Arc::new(Mutex::new(Rows::new(Random::new(seed ^ 2)))),
            clock,
            workers: Vec::new(),
            frozen: None,
            judged: (0, 0),
        };
        for number in 0..workers {
            let (name, incarnation, worker) = history.start(&format!("worker-{number}"));
            history.workers.push((name, incarnation, worker));
        }
        history.reassign();
        history
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.wall_ms()
    }

    /// A record arrives.
    pub fn say(&self, saying: &shop::Saying) {
        let mut cluster = self.cluster.lock().unwrap();
        let now_ms = cluster.now_ms;
        let (input, record) = shop::record(saying, now_ms);
        cluster.append(input, record.partition, record);
    }

    pub fn phase(&self, worker: usize) -> Phase {
        self.workers[worker].2.phase()
    }

    pub fn live(&self, worker: usize) -> usize {
        self.workers[worker].2.live()
    }

    /// The group gives one partition to this worker, the others to nobody.
    pub fn give(&mut self, partition: i32, worker: usize) {
        let owners = BTreeMap::from([(partition, self.workers[worker].0.clone())]);
        self.cluster.lock().unwrap().reassign(&owners);
    }

    /// Steps one worker, with nothing in its way, until `reached`.
    pub fn step_until(
        &mut self,
        worker: usize,
        reached: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        for _ in 0..MAX_DIRECTED_STEPS {
            if reached(self) {
                return Ok(());
            }
            self.step(worker)?;
            self.land_everything();
            self.pass(20);
        }
        Err(format!("worker {worker} never got there"))
    }

    /// The next end of a transaction does not arrive, and nobody knows.
    pub fn lose_next_end(&mut self) {
        self.cluster.lock().unwrap().lose_next_end = true;
    }

    pub fn put_cell(&self, order: OrderId, cell: (i64, Vec<u8>)) {
        self.rows.lock().unwrap().cells.insert(order, cell);
    }

    pub fn cell(&self, order: &OrderId) -> (i64, Vec<u8>) {
        self.rows.lock().unwrap().cells[order].clone()
    }

    /// The end of a transaction is decided, and its marker in the group's offsets never lands.
    pub fn lose_marker(&mut self) {
        self.cluster.lock().unwrap().lose_marker();
    }

    /// The group gives a worker another member id, and the worker does not know.
    pub fn rename(&mut self, worker: usize) {
        let name = &self.workers[worker].0;
        self.cluster.lock().unwrap().rename(name);
    }

    pub fn land_late_end(&mut self) {
        self.cluster.lock().unwrap().land_late_end();
    }

    pub fn land_everything(&mut self) {
        self.cluster.lock().unwrap().land_all_markers_of(None);
        self.rows.lock().unwrap().land_write();
    }

    /// Status records of an order that a reader sees.
    pub fn changes_of(&self, order: &str) -> usize {
        let cluster = self.cluster.lock().unwrap();
        let records = cluster.visible(Topic::Status, shop::partition(order));
        records
            .filter(|record| record.key.as_deref() == Some(order.as_bytes()))
            .count()
    }

    /// Bytes of an order's last set of gaps that a reader sees; none for a tombstone.
    pub fn gaps_of(&self, order: &str) -> usize {
        let cluster = self.cluster.lock().unwrap();
        let records = cluster.visible(Topic::Read(Source::Gaps), shop::partition(order));
        let last = records
            .filter(|record| record.key.as_deref() == Some(order.as_bytes()))
            .last();
        last.and_then(|record| record.value.as_ref())
            .map_or(0, Vec::len)
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

    pub fn pass(&self, ms: i64) {
        *self.clock.0.lock().unwrap() += ms;
        self.cluster.lock().unwrap().pass(ms);
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
        self.restart(chosen);
    }

    /// Kills a worker, and starts another under its name.
    pub fn restart(&mut self, chosen: usize) {
        let (name, incarnation, _) = &self.workers[chosen];
        let (name, incarnation) = (name.clone(), *incarnation);
        self.rows.lock().unwrap().lose_writes_of(incarnation);
        self.workers[chosen] = self.start(&name);
    }

    /// Stops a worker in the middle of what it does, as SIGSTOP would, and lets the group give
    /// its partitions away meanwhile. One in a transaction is the likeliest to do harm.
    fn freeze(&mut self) {
        let chosen = self.random.below(self.workers.len());
        let busy = (0..self.workers.len()).find(|number| {
            let phase = self.workers[*number].2.phase();
            matches!(phase, Phase::Produce | Phase::Offsets | Phase::Commit)
        });
        self.frozen = Some((busy.unwrap_or(chosen), 20 + self.random.below(400)));
        if busy.is_some() || self.random.one_in(2) {
            self.reassign();
        }
    }

    pub fn step(&mut self, chosen: usize) -> Result<(), String> {
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
        self.frozen = match self.frozen {
            Some((frozen, left)) if left > 0 => Some((frozen, left - 1)),
            Some(_) | None => None,
        };
        match self.random.below(100) {
            0..=69 => {
                let chosen = self.random.below(self.workers.len());
                if self.frozen.is_none_or(|(frozen, _)| frozen != chosen) {
                    self.step(chosen)?;
                }
            }
            70..=72 => {
                if let Some(saying) = stream.pop() {
                    self.say(&saying);
                }
            }
            73..=82 => self.rows.lock().unwrap().land_write(),
            83..=89 => self.cluster.lock().unwrap().land_marker(),
            90..=92 => self.cluster.lock().unwrap().land_late_end(),
            93 if self.random.one_in(3) => self.reassign(),
            93 if self.random.one_in(4) => self.cluster.lock().unwrap().lose_marker(),
            93 if self.random.one_in(4) => self.cluster.lock().unwrap().crash(),
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
            97 if self.frozen.is_none() => self.freeze(),
            _ => {
                let ms = i64::try_from(self.random.below(8_000)).unwrap();
                self.pass(ms);
            }
        }
        self.judge()
    }

    fn judge(&mut self) -> Result<(), String> {
        let cluster = self.cluster.lock().unwrap();
        let rows = self.rows.lock().unwrap();
        let revisions = (cluster.revision, rows.revision);
        if revisions == self.judged {
            return Ok(());
        }
        self.judged = revisions;
        judge::store_follows(&cluster, &rows)?;
        judge::log_is_in_order(&cluster)
    }

    /// What can only be judged when nothing is under way.
    pub fn judge_at_rest(&self) -> Result<(), String> {
        let cluster = self.cluster.lock().unwrap();
        judge::last_word_is_right(&cluster, &self.rows.lock().unwrap())?;
        judge::gaps_are_right(&cluster, self.clock.wall_ms(), GRACE)?;
        windows::windows_are_right(&cluster)?;
        self.memory_is_the_topic(&cluster)
    }

    /// what a worker remembers of its windows is what another would restore.
    fn memory_is_the_topic(&self, cluster: &Cluster) -> Result<(), String> {
        for (name, _, worker) in &self.workers {
            for partition in 0..PARTITIONS {
                let Some(held) = worker.windows(partition) else {
                    continue;
                };
                let held: windows::Minutes = held
                    .minutes()
                    .map(|(minute, totals)| (minute, totals.clone()))
                    .collect();
                let (told, _) = windows::told(cluster, partition);
                if held != told {
                    return Err(format!(
                        "R-8: {name} remembers {held:?} of partition {partition}, told is {told:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Minutes of a partition that the windows topic holds.
    pub fn minutes_told(&self, partition: i32) -> usize {
        windows::told(&self.cluster.lock().unwrap(), partition)
            .0
            .len()
    }

    /// Faults end, everything lands, the last owners work until nothing is left to do.
    pub fn quiet_down(&mut self) -> Result<(), String> {
        {
            let mut cluster = self.cluster.lock().unwrap();
            cluster.fault_every = 0;
            cluster.lose_late_ends();
            self.rows.lock().unwrap().away = false;
        }
        self.frozen = None;
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
            let clean = self
                .workers
                .iter()
                .all(|(_, _, worker)| worker.is_settled() && worker.is_clean());
            let landed = self.rows.lock().unwrap().in_flight() == 0;
            calm = if clean && landed && self.cluster.lock().unwrap().is_over() {
                calm + 1
            } else {
                0
            };
            // Long enough for every grace to run out.
            if calm > 1_000 {
                return Ok(());
            }
        }
        let phases = self.workers.iter().map(|(_, _, worker)| {
            let state = (worker.phase(), worker.is_settled(), worker.is_clean());
            format!("{state:?}")
        });
        let phases: Vec<String> = phases.collect();
        Err(format!("the workers did not come to rest: {phases:?}"))
    }
}

/// Runs one history and judges it.
pub fn run(seed: u64) -> Result<(), String> {
    let mut history = History::new(seed, 3);
    let mut stream = shop::stream(ORDERS, &mut history.random);
    let fault_every = [10, 25, 100, 400][history.random.below(4)];
    history.cluster.lock().unwrap().fault_every = fault_every;
    let steps = 1_500 + history.random.below(1_500);
    for _ in 0..steps {
        history.happen(&mut stream)?;
    }
    while let Some(saying) = stream.pop() {
        history.say(&saying);
    }
    history.quiet_down()?;
    history.judge_at_rest()
}
