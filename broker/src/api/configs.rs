//! `DescribeConfigs`, `IncrementalAlterConfigs` and the older `AlterConfigs`: of topics, and a few of the broker's to look
//! at.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_configs_request;
use kafka_protocol::messages::alter_configs_response;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, ResponseKind,
};

use super::Outcome;
use super::create_topics::{SOURCE_DEFAULT, SOURCE_TOPIC};
use super::words::{some, text};
use crate::code::Code;
use crate::core::{Core, Item};
use crate::names::TopicName;
use crate::topics::{Alteration, Change, KNOWN, Topic};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SOURCE_STATIC_BROKER: i8 = 4;
const KIND_TEXT: i8 = 2;

pub(super) fn describe(core: &Core, request: DescribeConfigsRequest) -> Outcome {
    let synonyms = request.include_synonyms;
    let results = request.resources.into_iter().map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match described(core, &resource, synonyms) {
            Ok(mut configs) => {
                if let Some(keys) = resource.configuration_keys {
                    configs.retain(|config| keys.contains(&config.name));
                }
                result.with_configs(configs)
            }
            Err((code, reason)) => result
                .with_error_code(code.number())
                .with_error_message(some(reason)),
        }
    });
    Outcome::Now(ResponseKind::DescribeConfigs(
        DescribeConfigsResponse::default().with_results(results.collect()),
    ))
}

fn described(
    core: &Core,
    resource: &DescribeConfigsResource,
    synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, (Code, &'static str)> {
    match resource.resource_type {
        TOPIC => {
            let name = resource.resource_name.as_str();
            let topic = core.state.topics.get(name);
            let topic = topic.ok_or((Code::UnknownTopicOrPartition, "there is no such topic"))?;
            Ok(of_topic(topic, synonyms))
        }
        BROKER => Ok(of_broker(core)),
        _ => Err((
            Code::InvalidRequest,
            "only topics and brokers have configurations here",
        )),
    }
}

fn of_topic(topic: &Topic, synonyms: bool) -> Vec<DescribeConfigsResourceResult> {
    let one = |known: &crate::topics::Known| {
        let set = topic.configs.get(known.name).map(String::as_str);
        let source = |set: bool| if set { SOURCE_TOPIC } else { SOURCE_DEFAULT };
        let synonym = |value: &str, source| {
            DescribeConfigsSynonym::default()
                .with_name(text(known.name))
                .with_value(some(value))
                .with_source(source)
        };
        let mut result = DescribeConfigsResourceResult::default()
            .with_name(text(known.name))
            .with_value(some(set.unwrap_or(known.default)))
            .with_config_source(source(set.is_some()))
            .with_config_type(known.kind.number());
        if synonyms {
            result.synonyms = set
                .map(|value| synonym(value, SOURCE_TOPIC))
                .into_iter()
                .chain([synonym(known.default, SOURCE_DEFAULT)])
                .collect();
        }
        result
    };
    KNOWN.iter().map(one).collect()
}

fn of_broker(core: &Core) -> Vec<DescribeConfigsResourceResult> {
    let settings = &core.settings;
    let shown = [
        (
            "auto.create.topics.enable",
            settings.auto_create_topics.to_string(),
        ),
        ("broker.id", "1".to_owned()),
        ("default.replication.factor", "1".to_owned()),
        (
            "group.initial.rebalance.delay.ms",
            settings.initial_rebalance_delay_ms.to_string(),
        ),
        (
            "group.max.session.timeout.ms",
            settings.session_timeout_max_ms.to_string(),
        ),
        (
            "group.min.session.timeout.ms",
            settings.session_timeout_min_ms.to_string(),
        ),
        ("num.partitions", settings.default_partitions.to_string()),
        (
            "transaction.max.timeout.ms",
            settings.transaction_timeout_max_ms.to_string(),
        ),
    ];
    let one = |(name, value): (&str, String)| {
        DescribeConfigsResourceResult::default()
            .with_name(text(name))
            .with_value(some(&value))
            .with_read_only(true)
            .with_config_source(SOURCE_STATIC_BROKER)
            .with_config_type(KIND_TEXT)
    };
    shown.into_iter().map(one).collect()
}

pub(super) fn alter(core: &mut Core, request: IncrementalAlterConfigsRequest) -> Outcome {
    let mut responses = Vec::new();
    for resource in request.resources {
        let response = AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        responses.push(match altered(core, &resource) {
            Ok(change) => {
                if !request.validate_only {
                    core.commit(vec![Item::Topics(change)]);
                }
                response
            }
            Err((code, reason)) => response
                .with_error_code(code.number())
                .with_error_message(some(&reason)),
        });
    }
    Outcome::Durable(ResponseKind::IncrementalAlterConfigs(
        IncrementalAlterConfigsResponse::default().with_responses(responses),
    ))
}

/// The topic that is to be configured.
fn configured(resource_type: i8, name: &str) -> Result<TopicName, (Code, String)> {
    if resource_type != TOPIC {
        let reason = "only topics can be configured while the broker runs".to_owned();
        return Err((Code::InvalidRequest, reason));
    }
    TopicName::try_from(name).map_err(|fault| (Code::InvalidTopic, fault.to_string()))
}

fn altered(core: &Core, resource: &AlterConfigsResource) -> Result<Change, (Code, String)> {
    let name = configured(resource.resource_type, &resource.resource_name)?;
    let mut alterations = Vec::new();
    for config in &resource.configs {
        let alteration = match config.config_operation {
            0 => Alteration::Set,
            1 => Alteration::Delete,
            2 => Alteration::Append,
            3 => Alteration::Subtract,
            other => {
                let reason = format!("there is no operation {other}");
                return Err((Code::InvalidRequest, reason));
            }
        };
        let value = config.value.as_ref().map(ToString::to_string);
        alterations.push((config.name.to_string(), alteration, value));
    }
    core.state
        .topics
        .alter(&name, &alterations)
        .map_err(|fault| (fault.code(), fault.to_string()))
}

pub(super) fn replace(core: &mut Core, request: AlterConfigsRequest) -> Outcome {
    let mut responses = Vec::new();
    for resource in request.resources {
        let response = alter_configs_response::AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        responses.push(match replaced(core, &resource) {
            Ok(change) => {
                if !request.validate_only {
                    core.commit(vec![Item::Topics(change)]);
                }
                response
            }
            Err((code, reason)) => response
                .with_error_code(code.number())
                .with_error_message(some(&reason)),
        });
    }
    Outcome::Durable(ResponseKind::AlterConfigs(
        AlterConfigsResponse::default().with_responses(responses),
    ))
}

fn replaced(
    core: &Core,
    resource: &alter_configs_request::AlterConfigsResource,
) -> Result<Change, (Code, String)> {
    let name = configured(resource.resource_type, &resource.resource_name)?;
    let configs = resource.configs.iter().filter_map(|config| {
        // One without a value has its default.
        let value = config.value.as_ref()?;
        Some((config.name.to_string(), value.to_string()))
    });
    core.state
        .topics
        .replace(&name, configs.collect::<BTreeMap<_, _>>())
        .map_err(|fault| (fault.code(), fault.to_string()))
}
