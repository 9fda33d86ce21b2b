//! `CreateTopics`: one node, so one replica of everything.

use std::collections::BTreeMap;

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse, ResponseKind};

use super::Outcome;
use super::words::{NODE, some, text};
use crate::code::Code;
use crate::core::{Core, Item};
use crate::names::TopicName;
use crate::topics::{Change, KNOWN, Topic};

/// How `config_source` calls what was set for a topic, and what is everybody's default.
pub(super) const SOURCE_TOPIC: i8 = 1;
pub(super) const SOURCE_DEFAULT: i8 = 5;

pub(super) fn create(core: &mut Core, version: i16, request: CreateTopicsRequest) -> Outcome {
    let mut results = Vec::new();
    for wanted in request.topics {
        let name = wanted.name.clone();
        let mut result = match check(core, wanted) {
            Ok(change) => {
                let result = created(&change, version);
                if !request.validate_only {
                    core.commit(vec![Item::Topics(change)]);
                }
                result
            }
            Err((code, reason)) => CreatableTopicResult::default()
                .with_error_code(code.number())
                .with_error_message(some(&reason))
                .with_num_partitions(-1)
                .with_replication_factor(-1),
        };
        result.name = name;
        results.push(result);
    }
    Outcome::Durable(ResponseKind::CreateTopics(
        CreateTopicsResponse::default().with_topics(results),
    ))
}

fn check(core: &mut Core, wanted: CreatableTopic) -> Result<Change, (Code, String)> {
    let name = TopicName::try_from(wanted.name.as_str())
        .map_err(|fault| (Code::InvalidTopic, fault.to_string()))?;
    let partitions = if wanted.assignments.is_empty() {
        if !matches!(wanted.replication_factor, -1 | 1) {
            let reason = "there is one broker, so each partition has one replica".to_owned();
            return Err((Code::InvalidReplicationFactor, reason));
        }
        match wanted.num_partitions {
            -1 => core.settings.default_partitions,
            count => count,
        }
    } else {
        let here = |assigned: &Vec<_>| assigned.as_slice() == [NODE];
        if !wanted.assignments.iter().all(|one| here(&one.broker_ids)) {
            let reason = "there is one broker, and its id is 1".to_owned();
            return Err((Code::InvalidReplicaAssignment, reason));
        }
        i32::try_from(wanted.assignments.len()).unwrap_or(i32::MAX)
    };
    let mut configs = BTreeMap::new();
    for config in wanted.configs {
        // A configuration without a value is one that has its default.
        if let Some(value) = config.value {
            configs.insert(config.name.to_string(), value.to_string());
        }
    }
    let id = core.fresh_uuid();
    core.state
        .topics
        .create(&name, id, partitions, configs)
        .map_err(|fault| (fault.code(), fault.to_string()))
}

fn created(change: &Change, version: i16) -> CreatableTopicResult {
    let Change::Created(topic) = change else {
        return CreatableTopicResult::default();
    };
    let mut result = CreatableTopicResult::default()
        .with_topic_id(topic.id)
        .with_num_partitions(topic.partitions)
        .with_replication_factor(1);
    if version >= 5 {
        result.configs = Some(configs(topic));
    }
    result
}

fn configs(topic: &Topic) -> Vec<CreatableTopicConfigs> {
    let one = |known: &crate::topics::Known| {
        let set = topic.configs.get(known.name);
        CreatableTopicConfigs::default()
            .with_name(text(known.name))
            .with_value(some(set.map_or(known.default, String::as_str)))
            .with_config_source(if set.is_some() {
                SOURCE_TOPIC
            } else {
                SOURCE_DEFAULT
            })
    };
    KNOWN.iter().map(one).collect()
}
