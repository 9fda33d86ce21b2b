//! The brokers: logs with transactions, one group, one transaction coordinator, which can lose a
//! marker for good.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use trueup_engine::ports::log::{Change, Destination, Input, Position, Record, Source};

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
pub(super) enum Fate {
    Open,
    Committed,
    Aborted,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) record: Record,
    pub(super) fate: Fate,
    pub(super) transaction: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) producer: String,
    pub(super) epoch: u64,
    pub(super) began_ms: i64,
    pub(super) decided: Option<bool>,
    pub(super) offsets: Vec<(i32, Position)>,
    pub(super) offsets_marked: bool,
    /// The coordinator takes its markers as written, and those that are missing never will be.
    pub(super) forgotten: bool,
    /// Logs whose marker has not landed.
    pub(super) unmarked: BTreeSet<(Topic, i32)>,
    /// The marker of one log has landed.
    pub(super) partly_marked: bool,
}

impl Transaction {
    /// By what its coordinator knows.
    fn is_over(&self) -> bool {
        let marked = self.unmarked.is_empty() && self.offsets_marked;
        self.decided.is_some() && (marked || self.forgotten)
    }

    /// Whether committed offsets of these partitions may still change by it.
    pub(super) fn covers(&self, partitions: &[i32]) -> bool {
        let covered = |(of, _): &(i32, Position)| partitions.contains(of);
        !self.offsets_marked && self.offsets.iter().any(covered)
    }
}

#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) changes: Vec<Change>,
    pub(super) generation: u64,
    /// Given anew with each joining; the latest shuts those before it out.
    pub(super) id: u64,
}

#[derive(Debug)]
pub struct Cluster {
    pub partitions: i32,
    logs: BTreeMap<(Topic, i32), Vec<Entry>>,
    pub(super) committed: BTreeMap<i32, Position>,
    pub(super) transactions: Vec<Transaction>,
    pub(super) epochs: BTreeMap<String, u64>,
    /// Ends that were sent and not yet received: producer, its epoch, commit or abort.
    pub(super) late: Vec<(String, u64)>,
    pub(super) generation: u64,
    joins: u64,
    /// How often all brokers died.
    pub(super) crashes: u64,
    pub(super) members: BTreeMap<String, Member>,
    owners: BTreeMap<i32, String>,
    pub random: Random,
    /// One call in so many goes wrong; 0 is never.
    pub fault_every: usize,
    pub lose_next_end: bool,
    pub now_ms: i64,
    /// Raised by whatever may change what a reader of committed records or offsets sees.
    pub revision: u64,
}

/// The longest that a transaction stays open: its timeout, and the time between two looks for
/// overdue ones.
const OVERDUE_MS: i64 = 20_000;

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
            joins: 0,
            crashes: 0,
            members: BTreeMap::new(),
            owners: BTreeMap::new(),
            random,
            fault_every: 0,
            lose_next_end: false,
            now_ms: 1_700_000_000_000,
            revision: 0,
        }
    }

    pub(super) fn log(&mut self, topic: Topic, partition: i32) -> &mut Vec<Entry> {
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
    pub(super) fn visible_from(
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

    pub(super) fn stable_end(&self, topic: Topic, partition: i32) -> i64 {
        let log = self.logs.get(&(topic, partition));
        let end = log.map_or(0, |log| {
            log.iter()
                .position(|entry| entry.fate == Fate::Open)
                .unwrap_or(log.len())
        });
        i64::try_from(end).unwrap()
    }

    /// The furthest position of all committed transactions, whether their markers landed or not.
    pub fn decided(&self, partition: i32) -> Position {
        let committed = self.transactions.iter();
        let committed = committed.filter(|transaction| transaction.decided == Some(true));
        let mut furthest = Position::default();
        for (of, offsets) in committed.flat_map(|transaction| &transaction.offsets) {
            if *of == partition {
                furthest.events = furthest.events.max(offsets.events);
                furthest.orders = furthest.orders.max(offsets.orders);
            }
        }
        furthest
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
        self.join(name, changes);
    }

    /// A member joins under a name, and is given an id.
    pub(super) fn join(&mut self, name: &str, changes: Vec<Change>) {
        self.joins += 1;
        let id = self.joins;
        self.members.insert(
            name.into(),
            Member {
                changes,
                generation: 0,
                id,
            },
        );
    }

    /// After an outage the group knows a member by another id than the member itself does.
    pub fn rename(&mut self, name: &str) {
        self.joins += 1;
        if let Some(member) = self.members.get_mut(name) {
            member.id = self.joins;
        }
    }

    pub(super) fn open_transaction(&self, producer: &str) -> Option<usize> {
        self.transactions.iter().position(|transaction| {
            transaction.producer == producer && transaction.decided.is_none()
        })
    }

    pub(super) fn decide(&mut self, index: usize, commit: bool) {
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
            if !mine || transaction.decided.is_none() || transaction.forgotten {
                continue;
            }
            for log in transaction.unmarked.clone() {
                self.mark_log(index, log);
            }
            self.mark_offsets(index);
        }
    }

    /// A marker in a log ends all that its producer has open there, also what an earlier marker
    /// should have ended, and the other way.
    fn mark_log(&mut self, index: usize, log: (Topic, i32)) {
        self.revision += 1;
        let producer = self.transactions[index].producer.clone();
        let committed = self.transactions[index].decided == Some(true);
        self.end_in_log(&producer, index, log, committed);
        self.transactions[index].unmarked.remove(&log);
        self.transactions[index].partly_marked = true;
    }

    /// Ends what this producer has open in a log, of its transactions up to `last`.
    fn end_in_log(&mut self, producer: &str, last: usize, log: (Topic, i32), committed: bool) {
        let fate = if committed {
            Fate::Committed
        } else {
            Fate::Aborted
        };
        let entries = self.logs.entry(log).or_default();
        for entry in entries.iter_mut().filter(|entry| entry.fate == Fate::Open) {
            let of = entry.transaction.filter(|of| *of <= last);
            if of.is_some_and(|of| self.transactions[of].producer == producer) {
                entry.fate = fate;
            }
        }
    }

    /// The same in the group's offsets.
    fn mark_offsets(&mut self, index: usize) {
        let transaction = &self.transactions[index];
        if transaction.offsets_marked || transaction.forgotten {
            return;
        }
        let producer = transaction.producer.clone();
        let committed = transaction.decided == Some(true);
        self.end_in_offsets(&producer, index, committed);
    }

    fn end_in_offsets(&mut self, producer: &str, last: usize, committed: bool) {
        self.revision += 1;
        for transaction in &mut self.transactions[..=last] {
            if transaction.producer != producer || transaction.offsets_marked {
                continue;
            }
            transaction.offsets_marked = true;
            if committed {
                self.committed.extend(transaction.offsets.iter().copied());
            }
        }
    }

    /// All brokers die and come back, and forget the markers that they still had to write. Those of
    /// one transaction are written in one go, but for the offsets'. What was open for long is
    /// aborted. Every client notices.
    pub fn crash(&mut self) {
        self.crashes += 1;
        self.revision += 1;
        for index in 0..self.transactions.len() {
            let transaction = &self.transactions[index];
            if transaction.is_over() {
                continue;
            }
            if transaction.decided.is_none() {
                if self.random.one_in(2) {
                    continue;
                }
                let producer = transaction.producer.clone();
                self.transactions[index].decided = Some(false);
                *self.epochs.entry(producer).or_default() += 1;
            }
            if self.transactions[index].partly_marked {
                for log in self.transactions[index].unmarked.clone() {
                    self.mark_log(index, log);
                }
            }
            self.transactions[index].forgotten = true;
        }
    }

    /// What a new producer does about what was forgotten: ends it all as aborted.
    pub(super) fn end_forgotten(&mut self, producer: &str) {
        let Some(last) = self.transactions.len().checked_sub(1) else {
            return;
        };
        for index in 0..=last {
            let transaction = &mut self.transactions[index];
            if transaction.producer != producer || !transaction.forgotten {
                continue;
            }
            if !transaction.unmarked.is_empty() {
                transaction.decided = Some(false);
            }
            for log in std::mem::take(&mut transaction.unmarked) {
                self.end_in_log(producer, index, log, false);
            }
        }
        self.end_in_offsets(producer, last, false);
    }

    /// The coordinator takes a marker of the offsets as written, and it never is.
    pub fn lose_marker(&mut self) {
        let waiting: Vec<usize> = (0..self.transactions.len())
            .filter(|index| {
                let transaction = &self.transactions[*index];
                transaction.decided.is_some() && !transaction.is_over()
            })
            .filter(|index| !self.transactions[*index].offsets_marked)
            .collect();
        if !waiting.is_empty() {
            let index = waiting[self.random.below(waiting.len())];
            for log in self.transactions[index].unmarked.clone() {
                self.mark_log(index, log);
            }
            self.transactions[index].forgotten = true;
            self.revision += 1;
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

    pub fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        let overdue = |transaction: &&Transaction| {
            let open_ms = self.now_ms - transaction.began_ms;
            transaction.decided.is_none() && open_ms >= OVERDUE_MS
        };
        let overdue = self.transactions.iter().filter(overdue);
        let producers: Vec<String> = overdue.map(|overdue| overdue.producer.clone()).collect();
        for producer in producers {
            self.expire(&producer);
        }
    }

    /// The coordinator ends a transaction that has been open too long, and shuts its producer out.
    pub fn expire(&mut self, producer: &str) {
        if let Some(index) = self.open_transaction(producer) {
            self.decide(index, false);
            *self.epochs.entry(producer.into()).or_default() += 1;
        }
    }
}
