//! The state at a position of the journal, in one file that is replaced whole.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::state::State;
use crate::disk::{Disk, DiskFault, read_whole, replace};
use crate::journal::Position;
use crate::limits::SNAPSHOT_BYTES_MAX;
use crate::log::LogPosition;
use crate::offsets::Offsets;
use crate::partition_state::PartitionState;
use crate::stored::{DecodeFault, EncodeFault, Stored};
use crate::topics::Topics;
use crate::transactions::Transactions;

pub(super) const PATH: &str = "snapshot";
const MAGIC: &[u8; 8] = b"trueupB\x01";

/// The order of the fields is the format and must stay stable.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    after: Position,
    cluster_id: String,
    topics: Vec<u8>,
    transactions: Vec<u8>,
    offsets: Vec<u8>,
    partitions: Vec<(Uuid, LogPosition, Vec<u8>)>,
}

impl Stored for Written {}

/// A snapshot as it was read.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) after: Position,
    pub(super) cluster_id: String,
    pub(super) topics: Topics,
    pub(super) transactions: Transactions,
    pub(super) offsets: Offsets,
    /// Of each topic in the order of their numbers.
    pub(super) partitions: Vec<(Uuid, LogPosition, PartitionState)>,
}

#[derive(Debug, Error)]
pub enum SnapshotFault {
    #[error(transparent)]
    Disk(#[from] DiskFault),
    #[error("the snapshot is none of this program's files")]
    Foreign,
    #[error("the snapshot is damaged: its checksum does not fit")]
    Damaged,
    #[error("the snapshot is not readable: {0}")]
    Decode(#[from] DecodeFault),
    #[error(transparent)]
    Encode(#[from] EncodeFault),
}

/// The state after `after`, as bytes.
pub(super) fn encode(
    state: &State,
    after: Position,
    cluster_id: &str,
) -> Result<Vec<u8>, EncodeFault> {
    let mut partitions = Vec::new();
    for (topic, _, partition) in state.all() {
        let position = partition.log.position();
        partitions.push((topic, position, partition.state.encode()?));
    }
    Written {
        after,
        cluster_id: cluster_id.to_owned(),
        topics: state.topics.encode()?,
        transactions: state.transactions.encode()?,
        offsets: state.offsets.encode()?,
        partitions,
    }
    .encode()
}

pub(super) fn write(disk: &dyn Disk, body: &[u8]) -> Result<(), DiskFault> {
    let checksum = crc32c::crc32c(body).to_be_bytes();
    replace(disk, PATH, &[MAGIC, &checksum, body])
}

pub(super) fn read(disk: &dyn Disk) -> Result<Option<Snapshot>, SnapshotFault> {
    let Some(bytes) = read_whole(disk, PATH, SNAPSHOT_BYTES_MAX)? else {
        return Ok(None);
    };
    let body = bytes.strip_prefix(MAGIC).ok_or(SnapshotFault::Foreign)?;
    let (checksum, body) = body
        .split_first_chunk::<4>()
        .ok_or(SnapshotFault::Damaged)?;
    if u32::from_be_bytes(*checksum) != crc32c::crc32c(body) {
        return Err(SnapshotFault::Damaged);
    }
    let written = Written::decode(body)?;
    let mut partitions = Vec::with_capacity(written.partitions.len());
    for (topic, position, state) in written.partitions {
        partitions.push((topic, position, PartitionState::decode(&state)?));
    }
    Ok(Some(Snapshot {
        after: written.after,
        cluster_id: written.cluster_id,
        topics: Topics::decode(&written.topics)?.restored(),
        transactions: Transactions::decode(&written.transactions)?,
        offsets: Offsets::decode(&written.offsets)?,
        partitions,
    }))
}
