//! From what the disk holds to a core that serves: the snapshot, each partition cut back to it,
//! and the journal after it.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use tokio::sync::mpsc;

use super::item::{self, EntryUnreadable};
use super::snapshot::{self, SnapshotFault};
use super::state::{ApplyFault, State, TOPICS};
use super::workers::{Done, Workers};
use super::{Core, Node};
use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::disk::{Disk, DiskFault, DiskLock};
use crate::groups::{self, Groups};
use crate::journal::{Journal, Position, RecoveryFault};
use crate::log::LogFault;
use crate::offsets::Offsets;
use crate::stored::EncodeFault;
use crate::topics::Topics;
use crate::transactions::Transactions;

/// Why a broker does not start.
#[derive(Debug, Error)]
pub enum StartFault {
    #[error("the data: {0}")]
    Disk(#[from] DiskFault),
    #[error(transparent)]
    Snapshot(#[from] SnapshotFault),
    #[error("the journal: {0}")]
    Journal(#[from] RecoveryFault),
    #[error("a partition: {0}")]
    Log(#[from] LogFault),
    #[error("the first snapshot: {0}")]
    Encode(#[from] EncodeFault),
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
    #[error("the listener or a thread: {0}")]
    Io(#[from] std::io::Error),
}

/// Why an entry of the journal was not replayed.
#[derive(Debug, Error)]
enum ReplayFault {
    #[error(transparent)]
    Entry(#[from] EntryUnreadable),
    #[error(transparent)]
    Apply(#[from] ApplyFault),
}

/// What a core is made with, again and again if its disk fails.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) settings: BrokerConfig,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) lock: Arc<DiskLock>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) writable: Arc<AtomicBool>,
}

const JOURNAL: &str = "journal";

pub(crate) fn open(ground: &Ground) -> Result<(Core, mpsc::Receiver<Done>), StartFault> {
    let disk = &ground.disk;
    let now_ms = ground.clock.now_ms();
    disk.create_directory(TOPICS)?;
    let (mut state, after, cluster_id) = restored(ground)?;
    let salt = getrandom::u64()?;
    let mut replayed = 0_u64;
    let journal = Journal::open(
        Arc::clone(disk),
        JOURNAL,
        after,
        salt,
        |_, parts| -> Result<(), ReplayFault> {
            for item in item::decode(parts)? {
                state.apply(item, now_ms)?;
            }
            replayed += 1;
            Ok(())
        },
    )?;
    for (_, _, partition) in state.all_mut() {
        partition.high_watermark = partition.end();
        partition.state.synced(partition.high_watermark);
    }
    sweep(disk.as_ref(), &state);
    tracing::info!(
        replayed,
        topics = state.topics.all().count(),
        "the broker's data is recovered"
    );
    let (workers, done) = Workers::start()?;
    let groups = groups::Settings {
        initial_rebalance_delay_ms: ground.settings.initial_rebalance_delay_ms,
    };
    let core = Core {
        settings: ground.settings.clone(),
        node: Node {
            host: ground.host.clone(),
            port: ground.port,
            cluster_id,
        },
        state,
        groups: Groups::new(groups, now_ms),
        clock: Arc::clone(&ground.clock),
        disk: Arc::clone(disk),
        _lock: Arc::clone(&ground.lock),
        journal,
        workers,
        waiting: Default::default(),
        grown: HashSet::new(),
        ends: Default::default(),
        doomed: Default::default(),
        fetches: Default::default(),
        fetch_deadlines: Default::default(),
        group_replies: Default::default(),
        tickets: 0,
        syncing: false,
        checkpointing: None,
        compacting: false,
        upkeep_due_ms: now_ms.saturating_add(ground.settings.upkeep_interval_ms),
        stuck: false,
        writable: Arc::clone(&ground.writable),
        broken: None,
    };
    core.writable.store(true, Ordering::Relaxed);
    Ok((core, done))
}

/// The state of the snapshot; a disk without one gets its first.
fn restored(ground: &Ground) -> Result<(State, Position, String), StartFault> {
    let disk = &ground.disk;
    if let Some(read) = snapshot::read(disk.as_ref())? {
        let mut state = State::new(
            Arc::clone(disk),
            read.topics,
            read.transactions,
            read.offsets,
        );
        for (topic, position, known) in read.partitions {
            state.open_partition(topic, position, known)?;
        }
        return Ok((state, read.after, read.cluster_id));
    }
    let cluster_id = fresh_cluster_id()?;
    let state = State::new(
        Arc::clone(disk),
        Topics::default(),
        Transactions::default(),
        Offsets::default(),
    );
    let body = snapshot::encode(&state, Position::START, &cluster_id)?;
    snapshot::write(disk.as_ref(), &body)?;
    Ok((state, Position::START, cluster_id))
}

/// As Kafka writes ids: 22 characters of base64, of which tools would take a leading `-` for an
/// option.
fn fresh_cluster_id() -> Result<String, StartFault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let [first, ..] = &mut bytes;
    *first &= 0x7f;
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    Ok(URL_SAFE_NO_PAD.encode(id.as_bytes()))
}

/// Removes what deleted topics left behind.
fn sweep(disk: &dyn Disk, state: &State) {
    let known: HashSet<String> = state
        .topics
        .all()
        .map(|topic| topic.id.to_string())
        .collect();
    let told = |fault: &dyn Display| tracing::warn!(%fault, "a deleted topic's data stays");
    match disk.list(TOPICS) {
        Ok(names) => {
            for name in names.iter().filter(|name| !known.contains(*name)) {
                if let Err(fault) = disk.remove_directory(&format!("{TOPICS}/{name}")) {
                    told(&fault);
                }
            }
        }
        Err(fault) => told(&fault),
    }
}
