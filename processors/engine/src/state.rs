//! What a worker writes beside its outputs: state records that carry a partition's progress, and
//! barriers that prove it is ours.

use trueup_schemas::codec::Codec;
use trueup_schemas::records::{InputPosition, PartitionState};

use crate::partition::{Last, Progress};
use crate::ports::log::{Destination, Output, Position, Record};

/// Header of a barrier: the text by which its writer finds it again.
pub const BARRIER_NONCE: &str = "trueup-barrier";

/// Layout of the state record. Another number was written by another release: stop.
const STATE_SCHEMA: i32 = 1;

fn state_key(partition: i32) -> Vec<u8> {
    format!("trueup:state:{partition}").into_bytes()
}

fn barrier_key(partition: i32) -> Vec<u8> {
    format!("trueup:barrier:{partition}").into_bytes()
}

/// Which log the positions speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) cluster_id: String,
    pub(crate) partitions: i32,
}

pub(crate) fn barrier(partition: i32, nonce: &str) -> [Output; 2] {
    [Destination::Gaps, Destination::Windows].map(|to| Output {
        to,
        partition: Some(partition),
        key: barrier_key(partition),
        value: None,
        headers: vec![(BARRIER_NONCE, nonce.as_bytes().to_vec())],
    })
}

pub(crate) fn is_barrier(record: &Record, nonce: &str) -> bool {
    record.header(BARRIER_NONCE) == Some(nonce.as_bytes())
}

pub(crate) fn record(
    codec: &Codec,
    place: &Place,
    partition: i32,
    progress: &Progress,
    written_at: i64,
) -> Output {
    let input = |next: i64, last: Option<Last>| InputPosition {
        next,
        last_offset: last.map(|last| last.offset),
        last_timestamp: last.and_then(|last| last.timestamp),
    };
    let state = PartitionState {
        schema: STATE_SCHEMA,
        partition,
        cluster_id: place.cluster_id.clone(),
        partitions: place.partitions,
        events: input(progress.position.events, progress.last_events),
        orders: input(progress.position.orders, progress.last_orders),
        clock: progress.clock_ms,
        transaction: progress.transaction,
        written_at,
        known_orders: progress.known_orders,
    };
    Output {
        to: Destination::Windows,
        partition: Some(partition),
        key: state_key(partition),
        value: Some(codec.encode(&state)),
        headers: Vec::new(),
    }
}

/// The progress that a record of the windows topic tells, with the place it speaks of; `None` for
/// any other record.
pub(crate) fn read(
    codec: &Codec,
    partition: i32,
    record: &Record,
) -> Result<Option<(Place, Progress)>, String> {
    if record.key.as_deref() != Some(&state_key(partition)) {
        return Ok(None);
    }
    let Some(value) = record.value.as_deref() else {
        return Ok(None);
    };
    let state: PartitionState = codec.decode(value).map_err(|fault| {
        format!(
            "state record at offset {} cannot be read: {fault}",
            record.offset
        )
    })?;
    if state.schema != STATE_SCHEMA {
        return Err(format!(
            "state record has layout {}, this release reads {STATE_SCHEMA}; run the release that wrote it",
            state.schema
        ));
    }
    let last = |input: &InputPosition| {
        input.last_offset.map(|offset| Last {
            offset,
            timestamp: input.last_timestamp,
        })
    };
    let progress = Progress {
        position: Position {
            events: state.events.next,
            orders: state.orders.next,
        },
        last_events: last(&state.events),
        last_orders: last(&state.orders),
        clock_ms: state.clock,
        transaction: state.transaction,
        known_orders: state.known_orders,
    };
    Ok(Some((
        Place {
            cluster_id: state.cluster_id,
            partitions: state.partitions,
        },
        progress,
    )))
}
