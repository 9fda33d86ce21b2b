//! `ListOffsets` and `OffsetForLeaderEpoch`: where a partition begins, ends, and was at a time.

use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse, ResponseKind,
};

use super::Outcome;
use super::words::{LEADER_EPOCH, partition};
use crate::code::Code;
use crate::core::{Core, Partition};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const READ_COMMITTED: i8 = 1;
/// The first version of the answer that tells leader epochs.
const EPOCHS_SINCE: i16 = 4;

pub(super) fn list_offsets(core: &Core, version: i16, request: &ListOffsetsRequest) -> Outcome {
    let committed = request.isolation_level == READ_COMMITTED;
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let mut response = ListOffsetsPartitionResponse::default()
                .with_partition_index(wanted.partition_index)
                .with_timestamp(-1)
                .with_offset(-1);
            let found = partition(&topic.name, wanted.partition_index)
                .and_then(|place| core.state.partition(&place))
                .ok_or(Code::UnknownTopicOrPartition)
                .and_then(|found| offset(found, version, committed, wanted));
            match found {
                Ok((offset, timestamp)) => {
                    if version >= EPOCHS_SINCE {
                        response.leader_epoch = LEADER_EPOCH;
                    }
                    response.with_offset(offset).with_timestamp(timestamp)
                }
                Err(code) => response.with_error_code(code.number()),
            }
        });
        ListOffsetsTopicResponse::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    Outcome::Now(ResponseKind::ListOffsets(
        ListOffsetsResponse::default().with_topics(topics.collect()),
    ))
}

/// The offset and its timestamp; both -1 where no record is so late.
fn offset(
    partition: &Partition,
    version: i16,
    committed: bool,
    wanted: &ListOffsetsPartition,
) -> Result<(i64, i64), Code> {
    if wanted.current_leader_epoch > LEADER_EPOCH {
        return Err(Code::UnknownLeaderEpoch);
    }
    let below = if committed {
        partition.last_stable_offset()
    } else {
        partition.high_watermark
    };
    let found = match wanted.timestamp {
        LATEST => return Ok((below, -1)),
        EARLIEST => return Ok((partition.log_start(), -1)),
        EARLIEST_LOCAL if version >= 8 => return Ok((partition.log_start(), -1)),
        MAX_TIMESTAMP if version >= 7 => match partition.log.max_timestamp() {
            Some(latest_ms) => partition.log.offset_for_time(latest_ms, below),
            None => Ok(None),
        },
        timestamp if timestamp >= 0 => partition.log.offset_for_time(timestamp, below),
        _ => return Err(Code::InvalidRequest),
    };
    match found {
        Ok(found) => Ok(found.map_or((-1, -1), |found| (found.offset, found.timestamp_ms))),
        Err(fault) => {
            tracing::error!(%fault, "an offset was not looked up");
            Err(Code::KafkaStorageError)
        }
    }
}

pub(super) fn epoch_ends(core: &Core, request: OffsetForLeaderEpochRequest) -> Outcome {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let response = EpochEndOffset::default().with_partition(wanted.partition);
            let found = partition(&topic.topic, wanted.partition)
                .and_then(|place| core.state.partition(&place));
            match found {
                None => response.with_error_code(Code::UnknownTopicOrPartition.number()),
                Some(_) if wanted.current_leader_epoch > LEADER_EPOCH => {
                    response.with_error_code(Code::UnknownLeaderEpoch.number())
                }
                Some(found) if wanted.leader_epoch == LEADER_EPOCH => response
                    .with_leader_epoch(LEADER_EPOCH)
                    .with_end_offset(found.high_watermark),
                Some(_) => response,
            }
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default()
            .with_topic(topic.topic)
            .with_partitions(partitions)
    });
    Outcome::Now(ResponseKind::OffsetForLeaderEpoch(
        OffsetForLeaderEpochResponse::default().with_topics(topics.collect()),
    ))
}
