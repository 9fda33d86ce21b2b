//! The client of one worker, which can be told that a call failed although it did not, and the
//! other way round.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use trueup_engine::ports::log::{
    Change, Committed, FaultClass, Input, Log, LogFault, Offsets, Output, Position, Record, Source,
    Until,
};
use trueup_engine::state::BARRIER_NONCE;
use trueup_plants::{Plant, planted};

use super::cluster::{Cluster, Entry, Fate, Shared, Topic, Transaction};

/// One worker's client; a restarted worker has a new one.
pub struct Client {
    cluster: Shared,
    name: String,
    epoch: Option<u64>,
    generation: u64,
    /// Its own idea of who it is in the group.
    member: u64,
    shut_out: bool,
    /// Crashes of the brokers that were known when the producer was made.
    crashes: u64,
    witness: Cell<Option<(i32, i64)>>,
    reading: BTreeMap<i32, Position>,
    paused: BTreeSet<i32>,
    open: bool,
    /// Handed over, and not yet received by the brokers.
    in_flight: VecDeque<Output>,
}

impl Client {
    pub fn new(cluster: &Shared, name: &str) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            name: name.into(),
            epoch: None,
            generation: 0,
            member: cluster
                .lock()
                .unwrap()
                .members
                .get(name)
                .map_or(0, |member| member.id),
            shut_out: false,
            crashes: 0,
            witness: Cell::new(None),
            reading: BTreeMap::new(),
            paused: BTreeSet::new(),
            open: false,
            in_flight: VecDeque::new(),
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
            return Err(Self::fault("use a transaction", FaultClass::ProducerFenced));
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
            began_ms: cluster.now_ms,
            offsets: Vec::new(),
            offsets_marked: false,
            forgotten: false,
            unmarked: BTreeSet::new(),
            partly_marked: false,
        });
        Ok(cluster.transactions.len() - 1)
    }

    fn land(&self, cluster: &mut Cluster, output: Output) -> Result<(), LogFault> {
        let index = self.transaction(cluster)?;
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
        if topic == Topic::Read(Source::Windows) {
            self.witness.set(Some((partition, record.offset)));
        }
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

    fn end(&mut self, commit: bool) -> Result<(), LogFault> {
        let shared = Arc::clone(&self.cluster);
        let cluster = &mut *shared.lock().unwrap();
        self.open = false;
        self.in_flight.clear();
        if cluster.epochs.get(&self.name) != self.epoch.as_ref() {
            return Err(Self::fault("end a transaction", FaultClass::ProducerFenced));
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

    fn committed(&mut self, partitions: &[i32]) -> Result<Offsets, LogFault> {
        let cluster = self.cluster.lock().unwrap();
        let mut transactions = cluster.transactions.iter();
        let unstable = transactions.any(|transaction| transaction.covers(partitions));
        let committed: Vec<Committed> = partitions
            .iter()
            .map(|partition| {
                let told = cluster.committed.get(partition);
                (
                    *partition,
                    [told.map(|told| told.events), told.map(|told| told.orders)],
                )
            })
            .collect();
        if unstable && !planted(Plant::UnstableOffsets) {
            return Ok(Offsets::Unstable(committed));
        }
        Ok(Offsets::Stable(committed))
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

    fn was_away(&mut self) -> bool {
        self.crashes != self.cluster.lock().unwrap().crashes
    }

    fn begin(&mut self) -> Result<(), LogFault> {
        let mut cluster = self.cluster.lock().unwrap();
        Self::maybe_fault(&mut cluster, "begin")?;
        if self.crashes != cluster.crashes {
            return Err(Self::fault("begin", FaultClass::Fatal));
        }
        self.witness.set(None);
        assert!(!self.open, "begin within a transaction");
        self.open = true;
        Ok(())
    }

    fn produce(&mut self, output: Output) -> Result<(), LogFault> {
        assert!(self.open, "produce outside a transaction");
        let shared = Arc::clone(&self.cluster);
        let cluster = &mut *shared.lock().unwrap();
        self.in_flight.push_back(output);
        // What a producer sends goes when it goes; only a drain waits for it.
        while cluster.random.one_in(2)
            && let Some(output) = self.in_flight.pop_front()
        {
            self.land(cluster, output)?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), LogFault> {
        let shared = Arc::clone(&self.cluster);
        let cluster = &mut *shared.lock().unwrap();
        Self::maybe_fault(cluster, "drain")?;
        while let Some(output) = self.in_flight.pop_front() {
            self.land(cluster, output)?;
        }
        Ok(())
    }

    fn send_offsets(&mut self, positions: &[(i32, Position)]) -> Result<(), LogFault> {
        if positions.is_empty() {
            // As librdkafka does: nothing is sent, and so nothing fences.
            return Ok(());
        }
        let mut cluster = self.cluster.lock().unwrap();
        Self::maybe_fault(&mut cluster, "send offsets")?;
        let index = self.transaction(&mut cluster)?;
        let known = cluster.members.get(&self.name).map(|member| member.id);
        if known.is_some_and(|id| id != self.member) {
            self.shut_out = true;
            return Err(Self::fault("send offsets", FaultClass::MemberFenced));
        }
        if self.generation != cluster.generation {
            return Err(Self::fault("send offsets", FaultClass::Generation));
        }
        cluster.transactions[index].offsets = positions.to_vec();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LogFault> {
        if self.was_away() {
            return Err(Self::fault("commit", FaultClass::Fatal));
        }
        self.end(true)?;
        if self.was_away() {
            return Err(Self::fault("commit", FaultClass::Unknown));
        }
        Ok(())
    }

    fn witness(&self) -> Option<(i32, i64)> {
        self.witness.get()
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
        self.crashes = cluster.crashes;
        if !planted(Plant::HangingLeftOpen) {
            cluster.end_forgotten(&self.name);
        }
        let epoch = cluster.epochs.entry(self.name.clone()).or_default();
        *epoch += 1;
        self.epoch = Some(*epoch);
        self.open = false;
        self.in_flight.clear();
        if !std::mem::take(&mut self.shut_out) {
            return Ok(Vec::new());
        }
        let lost = std::mem::take(&mut self.reading).into_keys().collect();
        cluster.rejoin(&self.name);
        self.member = cluster.members[&self.name].id;
        Ok(vec![Change::Revoked(lost)])
    }

    fn cluster_id(&mut self) -> Result<String, LogFault> {
        Ok("simulated".into())
    }

    fn partitions(&self) -> i32 {
        self.cluster.lock().unwrap().partitions
    }
}
