//! A request refused whole with one error, for injected faults.

use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, ApiVersionsResponse, EndTxnResponse,
    FetchResponse, FindCoordinatorResponse, HeartbeatResponse, InitProducerIdResponse,
    LeaveGroupResponse, ListOffsetsResponse, OffsetCommitResponse, OffsetFetchResponse,
    ProduceResponse, ProducerId, RequestKind, ResponseKind, SyncGroupResponse,
    TxnOffsetCommitResponse, find_coordinator_response::Coordinator,
};

use super::group_membership::joined;
use crate::code::Code;
use crate::groups::JoinRefused;
use crate::names::MemberId;

/// The response that tells `code` for all that `request` asks; none for the APIs of
/// administration, whose connection is closed instead.
pub(crate) fn refusal(request: &RequestKind, version: i16, code: Code) -> Option<ResponseKind> {
    let number = code.number();
    Some(match request {
        RequestKind::Produce(request) => {
            let topics = request.topic_data.iter().map(|topic| {
                let partitions = topic.partition_data.iter().map(|partition| {
                    PartitionProduceResponse::default()
                        .with_index(partition.index)
                        .with_base_offset(-1)
                        .with_error_code(number)
                });
                TopicProduceResponse::default()
                    .with_name(topic.name.clone())
                    .with_partition_responses(partitions.collect())
            });
            ResponseKind::Produce(ProduceResponse::default().with_responses(topics.collect()))
        }
        RequestKind::Fetch(request) => {
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    PartitionData::default()
                        .with_partition_index(partition.partition)
                        .with_high_watermark(-1)
                        .with_records(Some(bytes::Bytes::new()))
                        .with_error_code(number)
                });
                FetchableTopicResponse::default()
                    .with_topic(topic.topic.clone())
                    .with_topic_id(topic.topic_id)
                    .with_partitions(partitions.collect())
            });
            ResponseKind::Fetch(FetchResponse::default().with_responses(topics.collect()))
        }
        RequestKind::ListOffsets(request) => {
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    ListOffsetsPartitionResponse::default()
                        .with_partition_index(partition.partition_index)
                        .with_error_code(number)
                });
                ListOffsetsTopicResponse::default()
                    .with_name(topic.name.clone())
                    .with_partitions(partitions.collect())
            });
            let response = ListOffsetsResponse::default().with_topics(topics.collect());
            ResponseKind::ListOffsets(response)
        }
        RequestKind::OffsetCommit(request) => {
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    OffsetCommitResponsePartition::default()
                        .with_partition_index(partition.partition_index)
                        .with_error_code(number)
                });
                OffsetCommitResponseTopic::default()
                    .with_name(topic.name.clone())
                    .with_partitions(partitions.collect())
            });
            let response = OffsetCommitResponse::default().with_topics(topics.collect());
            ResponseKind::OffsetCommit(response)
        }
        RequestKind::TxnOffsetCommit(request) => {
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    TxnOffsetCommitResponsePartition::default()
                        .with_partition_index(partition.partition_index)
                        .with_error_code(number)
                });
                TxnOffsetCommitResponseTopic::default()
                    .with_name(topic.name.clone())
                    .with_partitions(partitions.collect())
            });
            let response = TxnOffsetCommitResponse::default().with_topics(topics.collect());
            ResponseKind::TxnOffsetCommit(response)
        }
        RequestKind::AddPartitionsToTxn(request) => {
            let topics = request.v3_and_below_topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    AddPartitionsToTxnPartitionResult::default()
                        .with_partition_index(*partition)
                        .with_partition_error_code(number)
                });
                AddPartitionsToTxnTopicResult::default()
                    .with_name(topic.name.clone())
                    .with_results_by_partition(partitions.collect())
            });
            ResponseKind::AddPartitionsToTxn(
                AddPartitionsToTxnResponse::default()
                    .with_results_by_topic_v3_and_below(topics.collect()),
            )
        }
        RequestKind::OffsetFetch(request) => {
            let groups = request.groups.iter().map(|group| {
                OffsetFetchResponseGroup::default()
                    .with_group_id(group.group_id.clone())
                    .with_error_code(number)
            });
            let response = OffsetFetchResponse::default().with_groups(groups.collect());
            ResponseKind::OffsetFetch(response.with_error_code(if version >= 8 {
                0
            } else {
                number
            }))
        }
        RequestKind::FindCoordinator(request) => {
            let keys = request.coordinator_keys.iter().map(|key| {
                Coordinator::default()
                    .with_key(key.clone())
                    .with_error_code(number)
            });
            let response = FindCoordinatorResponse::default().with_coordinators(keys.collect());
            ResponseKind::FindCoordinator(response.with_error_code(if version >= 4 {
                0
            } else {
                number
            }))
        }
        RequestKind::JoinGroup(_) => joined(
            version,
            Err(JoinRefused {
                code,
                member: MemberId::none(),
            }),
        ),
        RequestKind::SyncGroup(_) => {
            ResponseKind::SyncGroup(SyncGroupResponse::default().with_error_code(number))
        }
        RequestKind::Heartbeat(_) => {
            ResponseKind::Heartbeat(HeartbeatResponse::default().with_error_code(number))
        }
        RequestKind::LeaveGroup(_) => {
            ResponseKind::LeaveGroup(LeaveGroupResponse::default().with_error_code(number))
        }
        RequestKind::InitProducerId(_) => ResponseKind::InitProducerId(
            InitProducerIdResponse::default()
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1)
                .with_error_code(number),
        ),
        RequestKind::AddOffsetsToTxn(_) => ResponseKind::AddOffsetsToTxn(
            AddOffsetsToTxnResponse::default().with_error_code(number),
        ),
        RequestKind::EndTxn(_) => {
            ResponseKind::EndTxn(EndTxnResponse::default().with_error_code(number))
        }
        RequestKind::ApiVersions(_) => {
            ResponseKind::ApiVersions(ApiVersionsResponse::default().with_error_code(number))
        }
        _ => return None,
    })
}
