//! `TxnOffsetCommit`: offsets that become visible with their transaction, from the group's own
//! member only.

use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{ResponseKind, TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use super::Outcome;
use super::offsets::{Asked, Wanted, claimed};
use super::transactions::transactional;
use crate::code::Code;
use crate::core::{Core, Item};
use crate::names::{GroupId, Producer, TopicPartition};
use crate::offsets::Committed;

/// The group's generation was added to the request with this version.
const KNOWS_MEMBER: i16 = 3;

pub(super) fn commit(
    core: &mut Core,
    version: i16,
    request: TxnOffsetCommitRequest,
    now_ms: i64,
) -> Outcome {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| Wanted {
            partition: partition.partition_index,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.clone(),
        });
        (topic.name.clone(), partitions.collect())
    });
    let mut asked = Asked::new(core, topics.collect(), now_ms);
    let offsets = asked.take_known();
    match pending(core, version, &request, offsets, now_ms) {
        Ok(codes) => asked.answer_known(&codes),
        Err(code) => asked.answer_all(code),
    }
    let topics = asked.into_codes().into_iter().map(|(name, codes)| {
        let partitions = codes.into_iter().map(|(index, code)| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code.number())
        });
        TxnOffsetCommitResponseTopic::default()
            .with_name(name)
            .with_partitions(partitions.collect())
    });
    // No need to wait for the sync: the transaction's end comes after it in the journal.
    Outcome::Now(ResponseKind::TxnOffsetCommit(
        TxnOffsetCommitResponse::default().with_topics(topics.collect()),
    ))
}

fn pending(
    core: &mut Core,
    version: i16,
    request: &TxnOffsetCommitRequest,
    offsets: Vec<(TopicPartition, Committed)>,
    now_ms: i64,
) -> Result<Vec<Code>, Code> {
    let id = transactional(&request.transactional_id)?;
    let group = GroupId::try_from(request.group_id.as_str()).map_err(|_| Code::InvalidGroupId)?;
    let producer = Producer {
        id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    core.state
        .transactions
        .verify_group(&id, producer, &group)?;
    let generation = match version {
        ..KNOWS_MEMBER => -1,
        _ => request.generation_id,
    };
    let instance = request.group_instance_id.as_ref();
    let claim = claimed(&request.member_id, instance, generation)?;
    core.groups
        .check_commit(&group, claim.claim(), true, now_ms)?;
    let outcome = core
        .state
        .offsets
        .commit_pending(&group, producer.id, offsets);
    if let Some(change) = outcome.change {
        core.commit(vec![Item::Offsets(change)]);
    }
    Ok(outcome.codes.into_iter().map(|(_, code)| code).collect())
}
