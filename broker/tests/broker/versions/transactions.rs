//! The APIs of transactions.

use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, ApiKey, DescribeProducersRequest,
    DescribeTransactionsRequest, EndTxnRequest, InitProducerIdRequest, ListTransactionsRequest,
    ProducerId, RequestKind, TransactionalId, TxnOffsetCommitRequest,
};

use crate::site::PATIENCE;

use super::{Announced, Connection, text};

struct Producer {
    name: TransactionalId,
    id: ProducerId,
    epoch: i16,
}

pub(super) fn ask(connection: &mut Connection<'_>, announced: &Announced) {
    initialize(connection, announced);
    let producer = begin(connection, "open");
    take_part(connection, announced, &producer);
    view(connection, announced, &producer);
    end(connection, announced);
}

fn initialization(name: &TransactionalId) -> RequestKind {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(name.clone()))
        .with_transaction_timeout_ms(60_000);
    RequestKind::InitProducerId(request)
}

/// Whether a broker that has just begun to keep transactions asks to come again.
const fn comes_again(code: i16) -> bool {
    const COORDINATOR_LOAD_IN_PROGRESS: i16 = 14;
    const NOT_COORDINATOR: i16 = 16;
    matches!(code, COORDINATOR_LOAD_IN_PROGRESS..=NOT_COORDINATOR)
}

/// The first initialization of a name.
fn initialized(connection: &mut Connection<'_>, name: &TransactionalId) -> Producer {
    let request = initialization(name);
    let told = trueup_testkit::wait_until(PATIENCE, || {
        let told = told!(
            InitProducerId,
            connection.ask(ApiKey::InitProducerId, 2, &request)
        );
        (!comes_again(told.error_code)).then_some(told)
    });
    let told = told.unwrap();
    assert_eq!(told.error_code, 0);
    Producer {
        name: name.clone(),
        id: told.producer_id,
        epoch: told.producer_epoch,
    }
}

fn initialize(connection: &mut Connection<'_>, announced: &Announced) {
    let name = connection.transactional("again");
    let first = initialized(connection, &name).epoch;
    connection.each(
        announced,
        ApiKey::InitProducerId,
        |_| initialization(&name),
        |version, response| {
            let told = told!(InitProducerId, response);
            assert_eq!(told.error_code, 0, "{version}");
            // Each fences the one before.
            assert_eq!(told.producer_epoch, first + 1 + version);
        },
    );
}

/// A producer with a transaction on a partition.
fn begin(connection: &mut Connection<'_>, name: &str) -> Producer {
    let name = connection.transactional(name);
    let producer = initialized(connection, &name);
    let request = partitions(connection, &producer);
    let response = connection.ask(ApiKey::AddPartitionsToTxn, 2, &request);
    let told = told!(AddPartitionsToTxn, response);
    let added = &told.results_by_topic_v3_and_below[0].results_by_partition[0];
    assert_eq!(added.partition_error_code, 0);
    producer
}

fn partitions(connection: &Connection<'_>, producer: &Producer) -> RequestKind {
    let topic = AddPartitionsToTxnTopic::default()
        .with_name(connection.topic("t"))
        .with_partitions(vec![0]);
    let request = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(producer.name.clone())
        .with_v3_and_below_producer_id(producer.id)
        .with_v3_and_below_producer_epoch(producer.epoch)
        .with_v3_and_below_topics(vec![topic]);
    RequestKind::AddPartitionsToTxn(request)
}

fn take_part(connection: &mut Connection<'_>, announced: &Announced, producer: &Producer) {
    let request = partitions(connection, producer);
    connection.each(
        announced,
        ApiKey::AddPartitionsToTxn,
        |_| request.clone(),
        |version, response| {
            let told = told!(AddPartitionsToTxn, response);
            let added = &told.results_by_topic_v3_and_below[0].results_by_partition[0];
            assert_eq!(added.partition_error_code, 0, "{version}");
        },
    );
    let group = connection.group("of-transaction");
    connection.each(
        announced,
        ApiKey::AddOffsetsToTxn,
        |_| {
            let request = AddOffsetsToTxnRequest::default()
                .with_transactional_id(producer.name.clone())
                .with_producer_id(producer.id)
                .with_producer_epoch(producer.epoch)
                .with_group_id(group.clone());
            RequestKind::AddOffsetsToTxn(request)
        },
        |version, response| {
            let told = told!(AddOffsetsToTxn, response);
            assert_eq!(told.error_code, 0, "{version}");
        },
    );
    let topic = connection.topic("t");
    connection.each(
        announced,
        ApiKey::TxnOffsetCommit,
        |version| {
            let partition = TxnOffsetCommitRequestPartition::default()
                .with_partition_index(0)
                .with_committed_offset(i64::from(version))
                .with_committed_metadata(Some(text("")));
            let asked = TxnOffsetCommitRequestTopic::default()
                .with_name(topic.clone())
                .with_partitions(vec![partition]);
            let request = TxnOffsetCommitRequest::default()
                .with_transactional_id(producer.name.clone())
                .with_group_id(group.clone())
                .with_producer_id(producer.id)
                .with_producer_epoch(producer.epoch)
                .with_topics(vec![asked]);
            RequestKind::TxnOffsetCommit(request)
        },
        |version, response| {
            let told = told!(TxnOffsetCommit, response);
            assert_eq!(told.topics[0].partitions[0].error_code, 0, "{version}");
        },
    );
}

fn view(connection: &mut Connection<'_>, announced: &Announced, producer: &Producer) {
    connection.each(
        announced,
        ApiKey::ListTransactions,
        |version| {
            let request = ListTransactionsRequest::default()
                .with_state_filters(vec![text("Ongoing")])
                .with_producer_id_filters(vec![producer.id]);
            let shortest = if version < 1 { -1 } else { 0 };
            RequestKind::ListTransactions(request.with_duration_filter(shortest))
        },
        |version, response| {
            let told = told!(ListTransactions, response);
            assert_eq!(told.error_code, 0, "{version}");
            assert_eq!(told.transaction_states.len(), 1, "{version}");
            assert_eq!(told.transaction_states[0].transactional_id, producer.name);
        },
    );
    connection.each(
        announced,
        ApiKey::DescribeTransactions,
        |_| {
            let names = vec![producer.name.clone()];
            let request = DescribeTransactionsRequest::default().with_transactional_ids(names);
            RequestKind::DescribeTransactions(request)
        },
        |version, response| {
            let told = told!(DescribeTransactions, response);
            let state = &told.transaction_states[0];
            assert_eq!(state.error_code, 0, "{version}");
            assert_eq!(state.transaction_state, text("Ongoing"));
            assert_eq!(state.producer_id, producer.id);
        },
    );
    let topic = connection.topic("t");
    connection.each(
        announced,
        ApiKey::DescribeProducers,
        |_| {
            let asked = TopicRequest::default()
                .with_name(topic.clone())
                .with_partition_indexes(vec![0]);
            RequestKind::DescribeProducers(
                DescribeProducersRequest::default().with_topics(vec![asked]),
            )
        },
        |version, response| {
            let told = told!(DescribeProducers, response);
            assert_eq!(told.topics[0].partitions[0].error_code, 0, "{version}");
        },
    );
}

fn end(connection: &mut Connection<'_>, announced: &Announced) {
    let name = |version: i16| format!("ended-{version}");
    let producers: Vec<Producer> = (0..=4)
        .map(|version| begin(connection, &name(version)))
        .collect();
    connection.each(
        announced,
        ApiKey::EndTxn,
        |version| {
            let producer = &producers[usize::try_from(version).unwrap()];
            let request = EndTxnRequest::default()
                .with_transactional_id(producer.name.clone())
                .with_producer_id(producer.id)
                .with_producer_epoch(producer.epoch)
                .with_committed(version % 2 == 0);
            RequestKind::EndTxn(request)
        },
        |version, response| {
            let told = told!(EndTxn, response);
            assert_eq!(told.error_code, 0, "{version}");
        },
    );
}
