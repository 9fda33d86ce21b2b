//! The core: one thread that owns all state and needs no lock.
//!
//! It takes the requests that wait, works them out against the machines, journals what changes,
//! and asks for one sync for the lot. What promises or shows something durable is answered after
//! that sync; meanwhile the next lot is worked out.

mod item;

mod partition;

mod state;

mod snapshot;

mod recovery;

mod ends;

mod parking;

mod workers;

mod checkpoint;

mod upkeep;

mod turn;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use uuid::Uuid;

pub(crate) use item::Item;
pub(crate) use partition::{Partition, producer_batch};
pub use recovery::StartFault;
pub(crate) use recovery::{Ground, open};
pub(crate) use state::State;
pub(crate) use turn::{Ended, Told, run};
pub(crate) use workers::Done;

use crate::api::GroupReply;
use crate::call::{Answer, Reply};
use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::disk::{Disk, DiskLock};
use crate::groups::Groups;
use crate::journal::{Journal, Position};
use parking::ParkedFetch;
use workers::Workers;

/// How clients reach this broker and know it again.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) cluster_id: String,
}

/// The end of a partition.
type End = (Uuid, i32, i64);

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) settings: BrokerConfig,
    pub(crate) node: Node,
    /// All that outlives the process, a function of the journal.
    pub(crate) state: State,
    /// The members of groups, who join anew after a restart.
    pub(crate) groups: Groups,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    _lock: Arc<DiskLock>,
    journal: Journal,
    workers: Workers,
    /// Answers in the order of the positions that have to be synced before they leave.
    waiting: VecDeque<(Position, Reply, Answer)>,
    /// Partitions that grew since the last lot was written.
    grown: HashSet<(Uuid, i32)>,
    /// The ends of partitions, by the position at which they are synced.
    ends: VecDeque<(Position, Vec<End>)>,
    /// Directories of deleted topics, by the position at which that is synced.
    doomed: VecDeque<(Position, String)>,
    fetches: BTreeMap<u64, ParkedFetch>,
    fetch_deadlines: BTreeSet<(i64, u64)>,
    group_replies: HashMap<u64, GroupReply>,
    tickets: u64,
    syncing: bool,
    /// The ends of partitions in the checkpoint that a worker has in hand.
    checkpointing: Option<Vec<End>>,
    compacting: bool,
    upkeep_due_ms: i64,
    /// Nothing can be written, for want of room as a rule; what was taken waits.
    stuck: bool,
    /// Whether what is taken can be written, for whoever asks from outside.
    writable: Arc<AtomicBool>,
    /// Memory is ahead of a disk that failed: the only way on is to recover from the disk.
    broken: Option<String>,
}

impl Core {
    /// Journals what happens, as one entry, and lets it happen. It is durable, and shown, later.
    pub(crate) fn commit(&mut self, items: Vec<Item>) {
        if items.is_empty() || self.broken.is_some() {
            return;
        }
        let parts = match item::encode(&items) {
            Ok(parts) => parts,
            Err(fault) => return self.breaks(&fault),
        };
        let position = match self.journal.append(parts) {
            Ok(position) => position,
            Err(fault) => return self.breaks(&fault),
        };
        let now_ms = self.clock.now_ms();
        for item in items {
            match self.state.apply(item, now_ms) {
                Ok(state::Effect::None) => {}
                Ok(state::Effect::Grown(topic, partition)) => {
                    self.grown.insert((topic, partition));
                }
                Ok(state::Effect::Doomed(directory)) => {
                    self.doomed.push_back((position, directory));
                }
                Err(fault) => return self.breaks(&fault),
            }
        }
    }

    /// Sends the answer when all that was journaled so far is synced.
    pub(crate) fn when_durable(&mut self, reply: Reply, answer: Answer) {
        if self.journal.end() <= self.journal.durable() {
            let _ = reply.send(answer);
        } else {
            self.waiting.push_back((self.journal.end(), reply, answer));
        }
    }

    pub(crate) fn fresh_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    pub(crate) fn fresh_uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => uuid::Builder::from_random_bytes(bytes).into_uuid(),
            Err(fault) => {
                self.breaks(&fault);
                Uuid::nil()
            }
        }
    }

    fn breaks(&mut self, fault: &dyn std::fmt::Display) {
        tracing::error!(%fault, "the broker starts again from its disk");
        self.broken.get_or_insert_with(|| fault.to_string());
    }
}
