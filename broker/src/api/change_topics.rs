//! `DeleteTopics` and `CreatePartitions`.

use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
    ResponseKind,
};

use super::Outcome;
use super::words::{some, topic};
use crate::code::Code;
use crate::core::{Core, Item};
use crate::names::TopicName;

pub(super) fn delete(core: &mut Core, version: i16, request: DeleteTopicsRequest) -> Outcome {
    let wanted = if version >= 6 {
        request.topics
    } else {
        let by_name = |name| DeleteTopicState::default().with_name(Some(name));
        request.topic_names.into_iter().map(by_name).collect()
    };
    let results = wanted.into_iter().map(|wanted| delete_one(core, wanted));
    let results = results.collect();
    Outcome::Durable(ResponseKind::DeleteTopics(
        DeleteTopicsResponse::default().with_responses(results),
    ))
}

fn delete_one(core: &mut Core, wanted: DeleteTopicState) -> DeletableTopicResult {
    let found = match &wanted.name {
        Some(name) => core.state.topics.get(name.as_str()),
        None => core.state.topics.by_id(wanted.topic_id),
    };
    let result = DeletableTopicResult::default();
    let Some(found) = found else {
        let code = match wanted.name {
            Some(_) => Code::UnknownTopicOrPartition,
            None => Code::UnknownTopicId,
        };
        return result
            .with_name(wanted.name)
            .with_topic_id(wanted.topic_id)
            .with_error_code(code.number());
    };
    let (name, id) = (found.name.clone(), found.id);
    let result = result.with_name(Some(topic(&name))).with_topic_id(id);
    match core.state.topics.delete(&name) {
        Ok(change) => {
            // One entry: a topic that is made anew under this name has no old offsets.
            let mut items = vec![Item::Topics(change)];
            let forgotten = core.state.offsets.forget_topic(&name);
            items.extend(forgotten.into_iter().map(Item::Offsets));
            core.commit(items);
            result
        }
        Err(fault) => result
            .with_error_code(fault.code().number())
            .with_error_message(some(&fault.to_string())),
    }
}

pub(super) fn grow(core: &mut Core, request: CreatePartitionsRequest) -> Outcome {
    let mut results = Vec::new();
    for wanted in request.topics {
        let result = CreatePartitionsTopicResult::default().with_name(wanted.name.clone());
        let change = TopicName::try_from(wanted.name.as_str())
            .map_err(|fault| (Code::InvalidTopic, fault.to_string()))
            .and_then(|name| {
                let grown = core.state.topics.grow(&name, wanted.count);
                grown.map_err(|fault| (fault.code(), fault.to_string()))
            });
        results.push(match change {
            Ok(change) => {
                if !request.validate_only {
                    core.commit(vec![Item::Topics(change)]);
                }
                // The protocol's default message is an empty one, and clients look at the code.
                result.with_error_message(None)
            }
            Err((code, reason)) => result
                .with_error_code(code.number())
                .with_error_message(some(&reason)),
        });
    }
    Outcome::Durable(ResponseKind::CreatePartitions(
        CreatePartitionsResponse::default().with_results(results),
    ))
}
