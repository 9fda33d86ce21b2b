//! `ListTransactions`, `DescribeTransactions` and `DescribeProducers`.

use kafka_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use kafka_protocol::messages::list_transactions_response::TransactionState as ListedState;
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeProducersResponse, DescribeTransactionsRequest,
    DescribeTransactionsResponse, ListTransactionsRequest, ListTransactionsResponse, ProducerId,
    ResponseKind, TransactionalId,
};

use super::Outcome;
use super::transactions::transactional;
use super::words::{partition, text, topic};
use crate::code::Code;
use crate::core::Core;
use crate::names::TopicPartition;

const STATES: &[&str] = &[
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

pub(super) fn list(core: &Core, request: &ListTransactionsRequest, now_ms: i64) -> Outcome {
    let states = &request.state_filters;
    let producers = &request.producer_id_filters;
    let listed = core.state.transactions.list().filter(|listed| {
        let lasts_ms = listed.started_ms.map(|started_ms| now_ms - started_ms);
        let state = listed.state.as_str();
        (states.is_empty() || states.iter().any(|wanted| wanted.as_str() == state))
            && (producers.is_empty() || producers.contains(&ProducerId(listed.producer_id)))
            && (request.duration_filter < 0
                || lasts_ms.is_some_and(|lasts_ms| lasts_ms > request.duration_filter))
    });
    let listed = listed.map(|listed| {
        ListedState::default()
            .with_transactional_id(TransactionalId(text(listed.id.as_str())))
            .with_producer_id(ProducerId(listed.producer_id))
            .with_transaction_state(text(listed.state.as_str()))
    });
    let known = |state: &&_| !STATES.contains(&str_of(state));
    let unknown = states.iter().filter(known).cloned().collect();
    Outcome::Durable(ResponseKind::ListTransactions(
        ListTransactionsResponse::default()
            .with_unknown_state_filters(unknown)
            .with_transaction_states(listed.collect()),
    ))
}

fn str_of(state: &kafka_protocol::protocol::StrBytes) -> &str {
    state.as_str()
}

pub(super) fn describe(core: &Core, request: DescribeTransactionsRequest) -> Outcome {
    let states = request.transactional_ids.into_iter().map(|id| {
        let found = transactional(&id)
            .ok()
            .and_then(|id| core.state.transactions.describe(&id));
        let state = TransactionState::default().with_transactional_id(id);
        let Some(found) = found else {
            return state.with_error_code(Code::TransactionalIdNotFound.number());
        };
        state
            .with_transaction_state(text(found.state.as_str()))
            .with_transaction_timeout_ms(found.timeout_ms)
            .with_transaction_start_time_ms(found.started_ms.unwrap_or(-1))
            .with_producer_id(ProducerId(found.producer.id))
            .with_producer_epoch(found.producer.epoch)
            .with_topics(topics(&found.partitions))
    });
    Outcome::Durable(ResponseKind::DescribeTransactions(
        DescribeTransactionsResponse::default().with_transaction_states(states.collect()),
    ))
}

fn topics(partitions: &[TopicPartition]) -> Vec<TopicData> {
    let mut topics: Vec<TopicData> = Vec::new();
    for place in partitions {
        let name = topic(&place.topic);
        match topics.last_mut() {
            Some(last) if last.topic == name => last.partitions.push(place.partition),
            _ => topics.push(
                TopicData::default()
                    .with_topic(name)
                    .with_partitions(vec![place.partition]),
            ),
        }
    }
    topics
}

pub(super) fn producers(core: &Core, request: DescribeProducersRequest) -> Outcome {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partition_indexes.iter().map(|index| {
            let response = PartitionResponse::default().with_partition_index(*index);
            let found =
                partition(&topic.name, *index).and_then(|place| core.state.partition(&place));
            let Some(found) = found else {
                return response.with_error_code(Code::UnknownTopicOrPartition.number());
            };
            let active = found.state.producers().map(|active| {
                ProducerState::default()
                    .with_producer_id(ProducerId(active.producer.id))
                    .with_producer_epoch(i32::from(active.producer.epoch))
                    .with_last_sequence(active.last_sequence)
                    .with_last_timestamp(active.touched_ms)
                    .with_coordinator_epoch(0)
                    .with_current_txn_start_offset(active.open_from.unwrap_or(-1))
            });
            response.with_active_producers(active.collect())
        });
        let partitions = partitions.collect();
        TopicResponse::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    Outcome::Now(ResponseKind::DescribeProducers(
        DescribeProducersResponse::default().with_topics(topics.collect()),
    ))
}
