//! `InitProducerId`, `AddPartitionsToTxn`, `AddOffsetsToTxn` and `EndTxn`.

use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{
    self, AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, InitProducerIdRequest,
    InitProducerIdResponse, ProducerId, ResponseKind,
};

use super::Outcome;
use super::words::partition;
use crate::code::Code;
use crate::core::Core;
use crate::names::{GroupId, Producer, TopicPartition, TransactionalId};
use crate::transactions::Ending;

/// The versions that first know `ProducerFenced`.
const INIT_KNOWS_FENCED: i16 = 4;
const OTHERS_KNOW_FENCED: i16 = 2;

pub(super) fn init_producer_id(
    core: &mut Core,
    version: i16,
    request: &InitProducerIdRequest,
    now_ms: i64,
) -> Outcome {
    let answer = init(core, request, now_ms);
    let mut response = InitProducerIdResponse::default();
    match answer {
        Ok(producer) => {
            response.producer_id = ProducerId(producer.id);
            response.producer_epoch = producer.epoch;
        }
        Err(code) => {
            response.producer_id = ProducerId(Producer::NONE.id);
            response.producer_epoch = Producer::NONE.epoch;
            response.error_code = code.known_to(version, INIT_KNOWS_FENCED).number();
        }
    }
    Outcome::Durable(ResponseKind::InitProducerId(response))
}

fn init(core: &mut Core, request: &InitProducerIdRequest, now_ms: i64) -> Result<Producer, Code> {
    let id = match &request.transactional_id {
        None => None,
        Some(id) => Some(transactional(id)?),
    };
    let expected = Producer {
        id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let expected = (expected != Producer::NONE).then_some(expected);
    let timeout_ms = request.transaction_timeout_ms;
    if id.is_some() && timeout_ms > core.settings.transaction_timeout_max_ms {
        return Err(Code::InvalidTransactionTimeout);
    }
    let outcome =
        core.state
            .transactions
            .init_producer_id(id.as_ref(), timeout_ms, expected, now_ms);
    core.commit_outcome(outcome, now_ms)
}

pub(super) fn add_partitions(
    core: &mut Core,
    version: i16,
    request: AddPartitionsToTxnRequest,
    now_ms: i64,
) -> Outcome {
    let producer = Producer {
        id: request.v3_and_below_producer_id.0,
        epoch: request.v3_and_below_producer_epoch,
    };
    let topics = request.v3_and_below_topics;
    let mut places = Vec::new();
    let mut unknown = false;
    let mut codes = Vec::new();
    for topic in &topics {
        for index in &topic.partitions {
            let place = partition(&topic.name, *index);
            let place = place.filter(|place| core.state.partition(place).is_some());
            codes.push(match place {
                // None is added when one cannot be, and the others are told so.
                Some(place) => {
                    places.push(place);
                    Code::OperationNotAttempted
                }
                None => {
                    unknown = true;
                    Code::UnknownTopicOrPartition
                }
            });
        }
    }
    if !unknown {
        let added = add(
            core,
            &request.v3_and_below_transactional_id,
            producer,
            &places,
            now_ms,
        );
        let code = added.err().unwrap_or(Code::None);
        codes.fill(code.known_to(version, OTHERS_KNOW_FENCED));
    }
    let mut codes = codes.into_iter();
    let results = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().zip(codes.by_ref());
        let partitions = partitions.map(|(index, code)| {
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*index)
                .with_partition_error_code(code.number())
        });
        let partitions = partitions.collect();
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name)
            .with_results_by_partition(partitions)
    });
    // No need to wait for the sync: what the transaction writes comes after it in the journal.
    Outcome::Now(ResponseKind::AddPartitionsToTxn(
        AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results.collect()),
    ))
}

fn add(
    core: &mut Core,
    id: &messages::TransactionalId,
    producer: Producer,
    places: &[TopicPartition],
    now_ms: i64,
) -> Result<(), Code> {
    let id = transactional(id)?;
    let outcome = core
        .state
        .transactions
        .add_partitions(&id, producer, places, now_ms);
    core.commit_outcome(outcome, now_ms)
}

pub(super) fn add_offsets(
    core: &mut Core,
    version: i16,
    request: &AddOffsetsToTxnRequest,
    now_ms: i64,
) -> Outcome {
    let producer = Producer {
        id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let added = transactional(&request.transactional_id).and_then(|id| {
        let group = GroupId::try_from(request.group_id.as_str());
        let group = group.map_err(|_| Code::InvalidGroupId)?;
        let transactions = &core.state.transactions;
        let outcome = transactions.add_group(&id, producer, &group, now_ms);
        core.commit_outcome(outcome, now_ms)
    });
    let code = added.err().unwrap_or(Code::None);
    let code = code.known_to(version, OTHERS_KNOW_FENCED);
    Outcome::Now(ResponseKind::AddOffsetsToTxn(
        AddOffsetsToTxnResponse::default().with_error_code(code.number()),
    ))
}

pub(super) fn end(core: &mut Core, version: i16, request: &EndTxnRequest, now_ms: i64) -> Outcome {
    let producer = Producer {
        id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let ending = if request.committed {
        Ending::Commit
    } else {
        Ending::Abort
    };
    let ended = transactional(&request.transactional_id).and_then(|id| {
        let outcome = core.state.transactions.end(&id, producer, ending, now_ms);
        core.commit_outcome(outcome, now_ms)
    });
    let code = ended.err().unwrap_or(Code::None);
    let code = code.known_to(version, OTHERS_KNOW_FENCED);
    Outcome::Durable(ResponseKind::EndTxn(
        EndTxnResponse::default().with_error_code(code.number()),
    ))
}

pub(super) fn transactional(id: &messages::TransactionalId) -> Result<TransactionalId, Code> {
    TransactionalId::try_from(id.as_str()).map_err(|_| Code::InvalidRequest)
}
