//! The brokers: logs with transactions, one group, one transaction coordinator; and the client of
//! one worker, which can be told that a call failed although it did not, and the other way round.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trueup_engine::ports::log::{
    Change, Committed, Destination, FaultClass, Input, Log, LogFault, Output, Position, Record,
    Source, Until,
};
use trueup_engine::state::BARRIER_NONCE;
use trueup_plants::{Plant, planted};

use super::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    Read(Source),
    Status,
    DeadLetters,
}

impl From<Destination> for Topic {
    fn from(destination: Destination) -> Self {
        match destination {
            Destination::Status => Self::Status,
            Destination::Gaps => Self::Read(Source::Gaps),
            Destination::Windows => Self::Read(Source::Windows),
            Destination::DeadLetters => Self::DeadLetters,
        }
    }
}

/// What became of a transaction in one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Committed,
    Aborted,
}

#[derive(Debug, Clone)]
struct Entry {
    record: Record,
    fate: Fate,
    transaction: Option<usize>,
}

#[derive(Debug)]
struct Transaction {
    producer: String,
    epoch: u64,
    decided: Option<bool>,
    offsets: Vec<(i32, Position)>,
    offsets_marked: bool,
    /// Logs whose marker has not landed.
    unmarked: BTreeSet<(Topic, i32)>,
}

impl Transaction {
    fn is_over(&self) -> bool {
        self.decided.is_some() && self.unmarked.is_empty() && self.offsets_marked
    }
}

#[derive(Debug, Default)]
struct Member {
    changes: Vec<Change>,
    generation: u64,
}

#[derive(Debug)]
pub struct Cluster {
    pub partitions: i32,
    logs: BTreeMap<(Topic, i32), Vec<Entry>>,
    committed: BTreeMap<i32, Position>,
    transactions: Vec<Transaction>,
    epochs: BTreeMap<String, u64>,
    /// Ends that were sent and not yet received: producer, its epoch, commit or abort.
    late: Vec<(String, u64)>,
    generation: u64,
    members: BTreeMap<String, Member>,
    owners: BTreeMap<i32, String>,
    pub random: Random,
    /// One call in so many goes wrong; 0 is never.
    pub fault_every: usize,
    pub lose_next_end: bool,
    pub now_ms: i64,
    /// Raised by whatever may change what a reader of committed records or offsets sees.
    pub revision: u64,
}

pub type Shared = Arc<Mutex<Cluster>>;

impl Cluster {
    pub fn new(partitions: i32, random: Random) -> Self {
        Self {
            partitions,
            logs: BTreeMap::new(),
            committed: BTreeMap::new(),
            transactions: Vec::new(),
            epochs: BTreeMap::new(),
            late: Vec::new(),
            generation: 0,
            members: BTreeMap::new(),
            owners: BTreeMap::new(),
            random,
            fault_every: 0,
            lose_next_end: false,
            now_ms: 1_700_000_000_000,
            revision: 0,
        }
    }

    fn log(&mut self, topic: Topic, partition: i32) -> &mut Vec<Entry> {
        self.logs.entry((topic, partition)).or_default()
    }

    pub fn append(&mut self, input: Input, partition: i32, mut record: Record) {
        self.revision += 1;
        record.timestamp = Some(self.now_ms);
        let log = self.log(Topic::Read(Source::Input(input)), partition);
        record.offset = i64::try_from(log.len()).unwrap();
        log.push(Entry {
            record,
            fate: Fate::Committed,
            transaction: None,
        });
    }

    /// What a reader of committed records sees, first to last.
    pub fn visible(&self, topic: Topic, partition: i32) -> impl Iterator<Item = &Record> {
        self.visible_from(topic, partition, 0)
    }

    /// As [`Cluster::visible`], from an offset on.
    fn visible_from(
        &self,
        topic: Topic,
        partition: i32,
        from: i64,
    ) -> impl Iterator<Item = &Record> {
        let log = self.logs.get(&(topic, partition));
        let log = log.map_or(&[][..], Vec::as_slice);
        // What is open hides all that is behind it, also from who starts reading there.
        let stable = usize::try_from(self.stable_end(topic, partition)).unwrap();
        let from = usize::try_from(from).unwrap().min(stable);
        log[from..stable]
            .iter()
            .filter(|entry| entry.fate == Fate::Committed)
            .map(|entry| &entry.record)
    }

    fn stable_end(&self, topic: Topic, partition: i32) -> i64 {
        let log = self.logs.get(&(topic, partition));
        let end = log.map_or(0, |log| {
            log.iter()
                .position(|entry| entry.fate == Fate::Open)
                .unwrap_or(log.len())
        });
        i64::try_from(end).unwrap()
    }

    /// Position by all decided transactions, whether their markers landed or not.
    pub fn decided(&self, partition: i32) -> Position {
        let mut position = self.committed.get(&partition).copied().unwrap_or_default();
        for transaction in &self.transactions {
            if transaction.decided == Some(true) && !transaction.offsets_marked {
                for (of, offsets) in &transaction.offsets {
                    if *of == partition {
                        position = *offsets;
                    }
                }
            }
        }
        position
    }

    pub fn is_over(&self) -> bool {
        self.transactions
            .iter()
            .all(|transaction| transaction.is_over())
    }

    /// Moves the group on. A member that lost partitions learns it when it polls; until then it
    /// believes that they are its own.
    pub fn reassign(&mut self, owners: &BTreeMap<i32, String>) {
        self.generation += 1;
        let before = std::mem::replace(&mut self.owners, owners.clone());
        for (name, member) in &mut self.members {
            let of = |owners: &BTreeMap<i32, String>| -> BTreeSet<i32> {
                owners
                    .iter()
                    .filter(|(_, owner)| *owner == name)
                    .map(|(p, _)| *p)
                    .collect()
            };
            let (had, has) = (of(&before), of(owners));
            let lost: Vec<i32> = had.difference(&has).copied().collect();
            let gained: Vec<i32> = has.difference(&had).copied().collect();
            if !lost.is_empty() {
                member.changes.push(Change::Revoked(lost));
            }
            member.changes.push(Change::Assigned(gained));
        }
    }

    /// A process died and came back under its name: the group gives it what it had.
    pub fn rejoin(&mut self, name: &str) {
        let owned = self
            .owners
            .iter()
            .filter(|(_, owner)| *owner == name)
            .map(|(p, _)| *p);
        let changes = vec![Change::Assigned(owned.collect())];
        self.members.insert(
            name.into(),
            Member {
                changes,
                generation: 0,
            },
        );
    }

    fn open_transaction(&self, producer: &str) -> Option<usize> {
        self.transactions.iter().position(|transaction| {
            transaction.producer == producer && transaction.decided.is_none()
        })
    }

    fn decide(&mut self, index: usize, commit: bool) {
        self.revision += 1;
        self.transactions[index].decided = Some(commit);
    }

    /// One marker of one decided transaction lands.
    pub fn land_marker(&mut self) {
        let waiting: Vec<usize> = (0..self.transactions.len())
            .filter(|index| {
                let transaction = &self.transactions[*index];
                transaction.decided.is_some() && !transaction.is_over()
            })
            .collect();
        if waiting.is_empty() {
            return;
        }
        let index = waiting[self.random.below(waiting.len())];
        let unmarked: Vec<_> = self.transactions[index].unmarked.iter().copied().collect();
        let choice = self.random.below(unmarked.len() + 1);
        match unmarked.get(choice) {
            Some(log) => self.mark_log(index, *log),
            None => self.mark_offsets(index),
        }
    }

    pub fn land_all_markers_of(&mut self, producer: Option<&str>) {
        for index in 0..self.transactions.len() {
            let transaction = &self.transactions[index];
            let mine = producer.is_none_or(|name| transaction.producer == name);
            if !mine || transaction.decided.is_none() {
                continue;
            }
            for log in transaction.unmarked.clone() {
                self.mark_log(index, log);
            }
            self.mark_offsets(index);
        }
    }

    fn mark_log(&mut self, index: usize, log: (Topic, i32)) {
        self.revision += 1;
        let committed = self.transactions[index].decided == Some(true);
        let fate = if committed {
            Fate::Committed
        } else {
            Fate::Aborted
        };
        for entry in self.log(log.0, log.1) {
            if entry.transaction == Some(index) {
                entry.fate = fate;
            }
        }
        self.transactions[index].unmarked.remove(&log);
    }

    fn mark_offsets(&mut self, index: usize) {
        let transaction = &mut self.transactions[index];
        if transaction.offsets_marked {
            return;
        }
        transaction.offsets_marked = true;
        self.revision += 1;
        if transaction.decided == Some(true) {
            for (partition, position) in transaction.offsets.clone() {
                self.committed.insert(partition, position);
            }
        }
    }

    /// An end that was thought lost arrives: it ends whatever its producer has open now.
    pub fn land_late_end(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let choice = self.random.below(self.late.len());
        let (producer, epoch) = self.late.swap_remove(choice);
        if self.epochs.get(&producer) == Some(&epoch)
            && let Some(index) = self.open_transaction(&producer)
        {
            self.decide(index, true);
        }
    }

    pub fn lose_late_ends(&mut self) {
        self.late.clear();
    }

    /// The coordinator ends a transaction that has been open too long, and shuts its producer out.
    pub fn expire(&mut self, producer: &str) {
        if let Some(index) = self.open_transaction(producer) {
            self.decide(index, false);
            *self.epochs.entry(producer.into()).or_default() += 1;
        }
    }
}

/// One worker's client; a restarted worker has a new one.
pub struct Client {
    cluster: Shared,
    name: String,
    epoch: Option<u64>,
    generation: u64,
    reading: BTreeMap<i32, Position>,
    paused: BTreeSet<i32>,
    open: bool,
}

impl Client {
    pub fn new(cluster: &Shared, name: &str) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            name: name.into(),
            epoch: None,
            generation: 0,
            reading: BTreeMap::new(),
            paused: BTreeSet::new(),
            open: false,
        }
    }

    fn fault(operation: &'static str, class: FaultClass) -> LogFault {
        LogFault {
            operation,
            class,
            reason: "simulated".into(),
        }
    }

    fn maybe_fault(cluster: &mut Cluster, operation: &'static str) -> Result<(), LogFault> {
        if cluster.fault_every > 0 && cluster.random.one_in(cluster.fault_every) {
            let classes = [
                FaultClass::Abortable,
                FaultClass::Fatal,
                FaultClass::Unknown,
                FaultClass::Retriable,
            ];
            let class = classes[cluster.random.below(classes.len())];
            return Err(Self::fault(operation, class));
        }
        Ok(())
    }

    /// The transaction of this producer that is open, if its epoch is still the latest.
    fn transaction(&self, cluster: &mut Cluster) -> Result<usize, LogFault> {
        if cluster.epochs.get(&self.name) != self.epoch.as_ref() {
            return Err(Self::fault("use a transaction", FaultClass::Fenced));
        }
        if let Some(index) = cluster.open_transaction(&self.name) {
            return Ok(index);
        }
        // One transaction per producer: the one before must be marked everywhere first.
        cluster.land_all_markers_of(Some(&self.name));
        cluster.transactions.push(Transaction {
            producer: self.name.clone(),
            epoch: self.epoch.unwrap_or_default(),
            decided: None,
            offsets: Vec::new(),
            offsets_marked: false,
            unmarked: BTreeSet::new(),
        });
        Ok(cluster.transactions.len() - 1)
    }

    fn end(&mut self, commit: bool) -> Result<(), LogFault> {
        let shared = Arc::clone(&self.cluster);
        let cluster = &mut *shared.lock().unwrap();
        self.open = false;
        if cluster.epochs.get(&self.name) != self.epoch.as_ref() {
            return Err(Self::fault("end a transaction", FaultClass::Fenced));
        }
        let Some(index) = cluster.open_transaction(&self.name) else {
            return Ok(());
        };
        debug_assert_eq!(Some(cluster.transactions[index].epoch), self.epoch);
        if std::mem::take(&mut cluster.lose_next_end) {
            let end = (self.name.clone(), self.epoch.unwrap_or_default());
            cluster.late.push(end);
            return Err(Self::fault("end a transaction", FaultClass::Unknown));
        }
        if cluster.fault_every > 0 && cluster.random.one_in(cluster.fault_every) {
            match cluster.random.below(4) {
                // It happened, and nobody heard.
                0 => cluster.decide(index, commit),
                // It is under way, and will arrive when it arrives.
                1 | 2 if commit => {
                    let end = (self.name.clone(), self.epoch.unwrap_or_default());
                    cluster.late.push(end);
                }
                // It never happened.
                _ => {}
            }
            return Err(Self::fault("end a transaction", FaultClass::Unknown));
        }
        cluster.decide(index, commit);
        Ok(())
    }
}

impl Log for Client {
    fn poll(
        &mut self,
        _wait: Duration,
        most: usize,
        into: &mut Vec<Record>,
    ) -> Result<Vec<Change>, LogFault> {
        let mut cluster = self.cluster.lock().unwrap();
        let generation = cluster.generation;
        if let Some(member) = cluster.members.get_mut(&self.name) {
            let changes = std::mem::take(&mut member.changes);
            if !changes.is_empty() {
                member.generation = generation;
                for change in &changes {
                    if let Change::Revoked(lost) = change {
                        self.reading
                            .retain(|partition, _| !lost.contains(partition));
                    }
                }
                return Ok(changes);
            }
        }
        let most = most.min(1 + cluster.random.below(6));
        for (partition, position) in &mut self.reading {
            if self.paused.contains(partition) {
                continue;
            }
            for input in Input::ALL {
                let next = position.of(input);
                let topic = Topic::Read(Source::Input(input));
                for record in cluster.visible_from(topic, *partition, next) {
                    if into.len() >= most {
                        return Ok(Vec::new());
                    }
                    position.set(input, record.offset + 1);
                    into.push(record.clone());
                }
            }
        }
        Ok(Vec::new())
    }

    fn adopt_generation(&mut self) {
        let cluster = self.cluster.lock().unwrap();
        self.generation = cluster
            .members
            .get(&self.name)
            .map_or(0, |member| member.generation);
    }

    fn assign(&mut self, live: &[(i32, Position)]) -> Result<(), LogFault> {
        self.reading.extend(live.iter().copied());
        Ok(())
    }

    fn release(&mut self, partitions: &[i32]) -> Result<(), LogFault> {
        self.reading
            .retain(|partition, _| !partitions.contains(partition));
        Ok(())
    }

    fn pause(&mut self, partitions: &[i32], paused: bool) -> Result<(), LogFault> {
        for partition in partitions {
            if paused {
                self.paused.insert(*partition);
            } else {
                self.paused.remove(partition);
            }
        }
        Ok(())
    }

    fn committed(&mut self, partitions: &[i32]) -> Result<Vec<Committed>, LogFault> {
        let cluster = self.cluster.lock().unwrap();
        let unstable = cluster.transactions.iter().any(|transaction| {
            !transaction.is_over()
                && !transaction.offsets_marked
                && transaction
                    .offsets
                    .iter()
                    .any(|(of, _)| partitions.contains(of))
        });
        if unstable && !planted(Plant::UnstableOffsets) {
            return Err(Self::fault("read committed offsets", FaultClass::Retriable));
        }
        Ok(partitions
            .iter()
            .map(|partition| {
                let told = cluster.committed.get(partition);
                (
                    *partition,
                    [told.map(|told| told.events), told.map(|told| told.orders)],
                )
            })
            .collect())
    }

    fn bounds(&mut self, source: Source, partition: i32) -> Result<(i64, i64), LogFault> {
        let cluster = self.cluster.lock().unwrap();
        Ok((0, cluster.stable_end(Topic::Read(source), partition)))
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
        let cluster = self.cluster.lock().unwrap();
        let records = cluster.visible_from(Topic::Read(source), partition, from);
        for (taken, record) in records.enumerate() {
            match until {
                Until::Offset(end) if record.offset >= *end => return Ok(true),
                Until::Barrier(nonce) if record.header(BARRIER_NONCE) == Some(nonce.as_bytes()) => {
                    return Ok(true);
                }
                Until::Offset(_) | Until::Barrier(_) | Until::StableEnd => {}
            }
            if taken >= most {
                return Ok(false);
            }
            take(record.clone());
        }
        match until {
            // The barrier is committed; its marker is on the way.
            Until::Barrier(_) => Err(Self::fault("read to a barrier", FaultClass::Retriable)),
            Until::Offset(_) | Until::StableEnd => Ok(true),
        }
    }

    fn begin(&mut self) -> Result<(), LogFault> {
        let mut cluster = self.cluster.lock().unwrap();
        Self::maybe_fault(&mut cluster, "begin")?;
        assert!(!self.open, "begin within a transaction");
        self.open = true;
        Ok(())
    }

    fn produce(&mut self, output: Output) -> Result<(), LogFault> {
        assert!(self.open, "produce outside a transaction");
        let mut cluster = self.cluster.lock().unwrap();
        let index = self.transaction(&mut cluster)?;
        let topic = Topic::from(output.to);
        let partition = output.partition.unwrap_or(0);
        let source = match topic {
            Topic::Read(source) => source,
            Topic::Status | Topic::DeadLetters => Source::Windows,
        };
        let timestamp = Some(cluster.now_ms);
        let log = cluster.log(topic, partition);
        let record = Record {
            source,
            partition,
            offset: i64::try_from(log.len()).unwrap(),
            timestamp,
            key: Some(output.key),
            value: output.value,
            headers: output
                .headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), Some(value)))
                .collect(),
        };
        log.push(Entry {
            record,
            fate: Fate::Open,
            transaction: Some(index),
        });
        cluster.transactions[index]
            .unmarked
            .insert((topic, partition));
        Ok(())
    }

    fn drain(&mut self) -> Result<(), LogFault> {
        let mut cluster = self.cluster.lock().unwrap();
        Self::maybe_fault(&mut cluster, "drain")
    }

    fn send_offsets(&mut self, positions: &[(i32, Position)]) -> Result<(), LogFault> {
        if positions.is_empty() {
            // As librdkafka does: nothing is sent, and so nothing fences.
            return Ok(());
        }
        let mut cluster = self.cluster.lock().unwrap();
        Self::maybe_fault(&mut cluster, "send offsets")?;
        let index = self.transaction(&mut cluster)?;
        if self.generation != cluster.generation {
            return Err(Self::fault("send offsets", FaultClass::Generation));
        }
        cluster.transactions[index].offsets = positions.to_vec();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LogFault> {
        self.end(true)
    }

    fn abort(&mut self) -> Result<(), LogFault> {
        self.end(false)
    }

    fn recycle(&mut self) -> Result<Vec<Change>, LogFault> {
        let mut cluster = self.cluster.lock().unwrap();
        if let Some(index) = cluster.open_transaction(&self.name) {
            cluster.decide(index, false);
        }
        cluster.land_all_markers_of(Some(&self.name));
        let epoch = cluster.epochs.entry(self.name.clone()).or_default();
        *epoch += 1;
        self.epoch = Some(*epoch);
        self.open = false;
        Ok(Vec::new())
    }

    fn cluster_id(&mut self) -> Result<String, LogFault> {
        Ok("simulated".into())
    }

    fn partitions(&self) -> i32 {
        self.cluster.lock().unwrap().partitions
    }
}
