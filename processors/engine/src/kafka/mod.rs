//! The log as librdkafka speaks it: one group consumer, one transactional producer, one reader of
//! history.

pub mod closing;

mod convert;

mod faults;

mod forgotten;

mod group;

pub mod headers;

mod history;

mod producer;

mod unstable;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer;

use crate::ports::log::{
    Change, Destination, FaultClass, Log, LogFault, Offsets, Output, Position, Record, Source,
    Until,
};
use group::Group;
use history::History;
use producer::TransactionalProducer;
use trueup_plants::{Plant, planted};

/// `socket.timeout.ms` and `transaction.timeout.ms`: a call that took this long may have been
/// answered for by nobody, and a transaction this old is ended by the broker.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a heartbeat for this long a worker's partitions go to others.
pub const SESSION_TIMEOUT_MS: u32 = 10_000;
/// Without a poll for this long, likewise.
pub const MAX_POLL_INTERVAL_MS: u32 = 300_000;
/// Bytes that the group consumer fetches ahead.
const PREFETCH_KIB: u32 = 32 * 1024;
/// Records that it fetches ahead of each partition at least, within the bytes: half of a batch. The
/// client's own 100,000 hold a whole backlog in memory, each record with half a kilobyte around it.
const PREFETCH_RECORDS: u32 = 10_000;
/// Bytes that the producer holds unacknowledged.
const PRODUCER_QUEUE_KIB: u32 = 64 * 1024;
/// Records that the producer holds unacknowledged.
const PRODUCER_QUEUE_RECORDS: u32 = 200_000;
/// `message.max.bytes`: dead letters carry a record of 2 MiB and what was said of it.
const MAX_RECORD_BYTES: u32 = 3 * 1024 * 1024;

/// Topic names, prefix included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNames {
    pub events: String,
    pub orders: String,
    pub status: String,
    pub gaps: String,
    pub windows: String,
    pub dead_letters: String,
}

impl TopicNames {
    fn input(&self, input: crate::ports::log::Input) -> &str {
        match input {
            crate::ports::log::Input::Events => &self.events,
            crate::ports::log::Input::Orders => &self.orders,
        }
    }

    fn source(&self, source: Source) -> &str {
        match source {
            Source::Input(input) => self.input(input),
            Source::Gaps => &self.gaps,
            Source::Windows => &self.windows,
        }
    }

    fn destination(&self, destination: Destination) -> &str {
        match destination {
            Destination::Status => &self.status,
            Destination::Gaps => &self.gaps,
            Destination::Windows => &self.windows,
            Destination::DeadLetters => &self.dead_letters,
        }
    }

    /// Those which must have equal partition counts.
    fn partitioned_alike(&self) -> [&str; 5] {
        [
            &self.events,
            &self.orders,
            &self.status,
            &self.gaps,
            &self.windows,
        ]
    }
}

/// What one worker slot needs to connect.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// `bootstrap.servers` and what the user passes through.
    pub client: Vec<(String, String)>,
    pub group: String,
    /// `group.instance.id`; stable over restarts.
    pub instance: String,
    /// `transactional.id`; stable over restarts.
    pub transactional_id: String,
    pub topics: TopicNames,
}

impl KafkaSettings {
    fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("socket.timeout.ms", CALL_TIMEOUT.as_millis().to_string());
        config.set("reconnect.backoff.ms", "50");
        config.set("reconnect.backoff.max.ms", "1000");
        for (key, value) in &self.client {
            config.set(key, value);
        }
        config
    }
}

/// [`Log`] over librdkafka.
pub struct KafkaLog {
    settings: KafkaSettings,
    group: Group,
    history: History,
    producer: Option<TransactionalProducer>,
    /// No broker could be reached at some moment since the last recycle.
    away: Arc<AtomicBool>,
    partitions: i32,
    cluster_id: Option<String>,
}

impl std::fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KafkaLog({})", self.settings.instance)
    }
}

impl KafkaLog {
    /// Connects, and checks that the topics exist and are partitioned alike. The producer is made
    /// by the first [`Log::recycle`].
    ///
    /// # Errors
    /// [`LogFault`] that names the topic and the way out.
    pub fn connect(settings: KafkaSettings) -> Result<Self, LogFault> {
        let away = Arc::new(AtomicBool::new(false));
        let group = Group::join(&settings, &away)?;
        let history = History::open(&settings)?;
        let partitions = equal_partitions(&history, &settings.topics)?;
        Ok(Self {
            settings,
            group,
            history,
            producer: None,
            away,
            partitions,
            cluster_id: None,
        })
    }

    fn producer(&self) -> Result<&TransactionalProducer, LogFault> {
        self.producer.as_ref().ok_or_else(|| LogFault {
            operation: "use a producer",
            class: FaultClass::Fatal,
            reason: "none was made yet".into(),
        })
    }
}

impl KafkaLog {
    /// Fails when the brokers were away since the last recycle.
    fn expect_never_away(
        &mut self,
        operation: &'static str,
        class: FaultClass,
    ) -> Result<(), LogFault> {
        if !self.was_away() {
            return Ok(());
        }
        Err(LogFault {
            operation,
            class,
            reason: "no broker could be reached for a while, and they may have forgotten how the \
                     last transaction ended"
                .into(),
        })
    }
}

fn equal_partitions(history: &History, topics: &TopicNames) -> Result<i32, LogFault> {
    let mut counts: HashMap<i32, Vec<&str>> = HashMap::new();
    for topic in topics.partitioned_alike() {
        let metadata = history
            .consumer()
            .fetch_metadata(Some(topic), CALL_TIMEOUT)
            .map_err(|error| faults::of_client("read the topics", &error))?;
        let count = metadata
            .topics()
            .iter()
            .find(|found| found.name() == topic && found.error().is_none())
            .map_or(0, |found| found.partitions().len());
        counts
            .entry(i32::try_from(count).unwrap_or(0))
            .or_default()
            .push(topic);
    }
    let refused = |reason: String| LogFault {
        operation: "read the topics",
        class: FaultClass::Fatal,
        reason,
    };
    if let Some(missing) = counts.get(&0) {
        return Err(refused(format!(
            "topics do not exist: {}; run `trueup topics apply`",
            missing.join(", ")
        )));
    }
    match counts.keys().collect::<Vec<_>>().as_slice() {
        [count] => Ok(**count),
        _ => Err(refused(format!(
            "topics differ in partitions, which must be equal: {counts:?}; make them anew with \
             `trueup topics apply`"
        ))),
    }
}

impl Log for KafkaLog {
    fn poll(
        &mut self,
        wait: Duration,
        most: usize,
        into: &mut Vec<Record>,
    ) -> Result<Vec<Change>, LogFault> {
        self.group.poll(wait, most, into)
    }

    fn adopt_generation(&mut self) {
        self.group.adopt_generation();
    }

    fn assign(&mut self, live: &[(i32, Position)]) -> Result<(), LogFault> {
        self.group.assign(live)
    }

    fn release(&mut self, partitions: &[i32]) -> Result<(), LogFault> {
        self.group.release(partitions)
    }

    fn pause(&mut self, partitions: &[i32], paused: bool) -> Result<(), LogFault> {
        self.group.pause(partitions, paused)
    }

    fn committed(&mut self, partitions: &[i32]) -> Result<Offsets, LogFault> {
        self.group.committed(partitions)
    }

    fn bounds(&mut self, source: Source, partition: i32) -> Result<(i64, i64), LogFault> {
        self.history
            .bounds(self.settings.topics.source(source), partition)
    }

    fn read(
        &mut self,
        source: Source,
        partition: i32,
        from: i64,
        until: &Until,
        most: usize,
        take: &mut dyn FnMut(Record),
    ) -> Result<bool, LogFault> {
        let topic = self.settings.topics.source(source).to_owned();
        self.history
            .read(&topic, source, partition, from, until, most, take)
    }

    fn was_away(&mut self) -> bool {
        if let Some(producer) = &self.producer {
            producer.serve();
        }
        self.away.load(Ordering::Relaxed)
    }

    fn begin(&mut self) -> Result<(), LogFault> {
        self.expect_never_away("begin a transaction", FaultClass::Fatal)?;
        self.producer()?.begin()
    }

    fn produce(&mut self, output: Output) -> Result<(), LogFault> {
        let topic = self.settings.topics.destination(output.to);
        self.producer()?.produce(topic, &output)
    }

    fn drain(&mut self) -> Result<(), LogFault> {
        self.producer()?.drain()
    }

    fn send_offsets(&mut self, positions: &[(i32, Position)]) -> Result<(), LogFault> {
        let offsets = convert::offsets(&self.settings.topics, positions)?;
        let generation = self.group.generation()?;
        let sent = self.producer()?.send_offsets(&offsets, generation);
        if let Err(fault) = &sent
            && fault.class == FaultClass::MemberFenced
        {
            // A static member that rejoins after an outage is given another member id, which
            // shuts out the one that was taken with the last rebalance, though both are ours. A
            // new consumer joins anew and learns its own; if the name is another's, that shows
            // when this one is shut out too.
            self.group.give_up();
        }
        sent
    }

    fn commit(&mut self) -> Result<(), LogFault> {
        // A transaction that was begun before the brokers were away may be the first that they
        // take in since: its end would end what they forgot of the one before.
        let operation = "commit a transaction";
        self.expect_never_away(operation, FaultClass::Fatal)?;
        self.producer()?.commit()?;
        self.expect_never_away(operation, FaultClass::Unknown)
    }

    fn witness(&self) -> Option<(i32, i64)> {
        self.producer.as_ref()?.witness()
    }

    fn abort(&mut self) -> Result<(), LogFault> {
        self.producer()?.abort()
    }

    fn recycle(&mut self) -> Result<Vec<Change>, LogFault> {
        // The old producer goes first: two of one id in one process would fence each other.
        self.producer = None;
        self.away.store(false, Ordering::Relaxed);
        let producer = TransactionalProducer::start(&self.settings, &self.away)?;
        if !planted(Plant::HangingLeftOpen) {
            let topics = &self.settings.topics;
            let start: Vec<(i32, Position)> = (0..self.partitions)
                .map(|partition| (partition, Position::default()))
                .collect();
            forgotten::end_as_aborted(
                &producer,
                &self.history,
                topics,
                &convert::offsets(topics, &start)?,
                self.group.generation().ok(),
            )?;
        }
        // Last, since what it says is said once.
        let changes = self.group.renew_if_broken(&self.settings, &self.away)?;
        self.producer = Some(producer);
        Ok(changes)
    }

    fn cluster_id(&mut self) -> Result<String, LogFault> {
        if let Some(known) = &self.cluster_id {
            return Ok(known.clone());
        }
        let found = self
            .history
            .consumer()
            .client()
            .fetch_cluster_id(CALL_TIMEOUT);
        let id = found.ok_or_else(|| LogFault {
            operation: "read the cluster id",
            class: FaultClass::Retriable,
            reason: "no broker answered".into(),
        })?;
        self.cluster_id = Some(id.clone());
        Ok(id)
    }

    fn partitions(&self) -> i32 {
        self.partitions
    }
}
