//! Each API in a file: a request of the protocol becomes a question to the core's machines, and
//! what they say becomes a response.

mod words;

mod versions;

mod cluster;

mod metadata;

mod create_topics;

mod change_topics;

mod configs;

mod produce;

mod fetch;

mod list_offsets;

mod delete_records;

mod transactions;

mod transaction_offsets;

mod transaction_views;

mod group_membership;

mod group_views;

mod offsets;

mod refusal;

use kafka_protocol::messages::{RequestKind, ResponseKind};

pub(crate) use fetch::Fetch;
pub(crate) use group_membership::{GroupReply, joined, synced};
pub(crate) use refusal::refusal;
pub(crate) use versions::versions;

use crate::call::{Answer, Call};
use crate::core::Core;

/// When a response may leave.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// At once: it promises nothing.
    Now(ResponseKind),
    /// When all that was journaled so far is synced: it promises that, or shows it.
    Durable(ResponseKind),
    /// Nobody waits for it.
    Silent,
    /// There is no such answer: the connection is closed.
    Closed,
}

/// Works one request out. What waits for others or for data is parked in the core.
pub(crate) fn answer(core: &mut Core, call: Call, now_ms: i64) {
    let version = call.version;
    let outcome = match call.request {
        RequestKind::Fetch(request) => {
            return fetch::fetch(core, version, request, call.reply, now_ms);
        }
        RequestKind::JoinGroup(request) => {
            let client = call.client;
            return group_membership::join(core, version, request, &client, call.reply, now_ms);
        }
        RequestKind::SyncGroup(request) => {
            return group_membership::sync(core, version, request, call.reply, now_ms);
        }
        request => at_once(core, version, request, now_ms),
    };
    match outcome {
        Outcome::Now(response) => {
            let _ = call.reply.send(Answer::of(response));
        }
        Outcome::Durable(response) => core.when_durable(call.reply, Answer::of(response)),
        Outcome::Silent => {
            let _ = call.reply.send(Answer::Nothing);
        }
        Outcome::Closed => drop(call.reply),
    }
}

fn at_once(core: &mut Core, version: i16, request: RequestKind, now_ms: i64) -> Outcome {
    match request {
        RequestKind::Produce(request) => produce::produce(core, request, now_ms),
        RequestKind::ListOffsets(request) => list_offsets::list_offsets(core, version, &request),
        RequestKind::OffsetForLeaderEpoch(request) => list_offsets::epoch_ends(core, request),
        RequestKind::Metadata(request) => metadata::metadata(core, version, request),
        RequestKind::FindCoordinator(request) => cluster::find_coordinator(core, version, &request),
        RequestKind::DescribeCluster(request) => cluster::describe(core, &request),
        RequestKind::CreateTopics(request) => create_topics::create(core, version, request),
        RequestKind::DeleteTopics(request) => change_topics::delete(core, version, request),
        RequestKind::CreatePartitions(request) => change_topics::grow(core, request),
        RequestKind::DescribeConfigs(request) => configs::describe(core, request),
        RequestKind::IncrementalAlterConfigs(request) => configs::alter(core, request),
        RequestKind::AlterConfigs(request) => configs::replace(core, request),
        RequestKind::DeleteRecords(request) => delete_records::delete(core, request),
        RequestKind::InitProducerId(request) => {
            transactions::init_producer_id(core, version, &request, now_ms)
        }
        RequestKind::AddPartitionsToTxn(request) => {
            transactions::add_partitions(core, version, request, now_ms)
        }
        RequestKind::AddOffsetsToTxn(request) => {
            transactions::add_offsets(core, version, &request, now_ms)
        }
        RequestKind::EndTxn(request) => transactions::end(core, version, &request, now_ms),
        RequestKind::TxnOffsetCommit(request) => {
            transaction_offsets::commit(core, version, request, now_ms)
        }
        RequestKind::ListTransactions(request) => transaction_views::list(core, &request, now_ms),
        RequestKind::DescribeTransactions(request) => transaction_views::describe(core, request),
        RequestKind::DescribeProducers(request) => transaction_views::producers(core, request),
        RequestKind::Heartbeat(request) => group_membership::heartbeat(core, &request, now_ms),
        RequestKind::LeaveGroup(request) => group_membership::leave(core, version, request, now_ms),
        RequestKind::OffsetCommit(request) => offsets::commit(core, request, now_ms),
        RequestKind::OffsetFetch(request) => offsets::fetch(core, version, request),
        RequestKind::OffsetDelete(request) => group_views::delete_offsets(core, request),
        RequestKind::ListGroups(request) => group_views::list(core, &request),
        RequestKind::DescribeGroups(request) => group_views::describe(core, version, request),
        RequestKind::DeleteGroups(request) => group_views::delete(core, request),
        // Answered at the connection, or not served, which the header has told already.
        _ => Outcome::Closed,
    }
}
