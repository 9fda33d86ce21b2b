//! `Metadata`: the broker, and topics by name, by id, or all of them.

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, ResponseKind};

use super::Outcome;
use super::words::{LEADER_EPOCH, NODE, text, topic};
use crate::code::Code;
use crate::core::{Core, Item};
use crate::names::TopicName;
use crate::topics::Topic;

pub(super) fn metadata(core: &mut Core, version: i16, request: MetadataRequest) -> Outcome {
    let asked = request
        .topics
        .filter(|topics| version > 0 || !topics.is_empty());
    let topics = match asked {
        None => core.state.topics.all().map(described).collect(),
        Some(topics) => {
            let create = core.settings.auto_create_topics
                && (version < 4 || request.allow_auto_topic_creation);
            let one = |asked| one(core, asked, create);
            topics.into_iter().map(one).collect()
        }
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(NODE)
        .with_host(text(&core.node.host))
        .with_port(i32::from(core.node.port));
    Outcome::Now(ResponseKind::Metadata(
        MetadataResponse::default()
            .with_brokers(vec![broker])
            .with_cluster_id(Some(text(&core.node.cluster_id)))
            .with_controller_id(NODE)
            .with_topics(topics),
    ))
}

fn one(core: &mut Core, asked: MetadataRequestTopic, create: bool) -> MetadataResponseTopic {
    // Java's client sends an empty name beside an id.
    let by_id = !asked.topic_id.is_nil();
    let Some(name) = asked.name.filter(|_| !by_id) else {
        return match core.state.topics.by_id(asked.topic_id) {
            Some(topic) => described(topic),
            None => MetadataResponseTopic::default()
                .with_topic_id(asked.topic_id)
                .with_name(None)
                .with_error_code(Code::UnknownTopicId.number()),
        };
    };
    let code = match TopicName::try_from(name.as_str()) {
        Err(_) => Code::InvalidTopic,
        Ok(known) => {
            if create && core.state.topics.get(known.as_str()).is_none() {
                auto_create(core, &known);
            }
            match core.state.topics.get(known.as_str()) {
                Some(topic) => return described(topic),
                None => Code::UnknownTopicOrPartition,
            }
        }
    };
    MetadataResponseTopic::default()
        .with_name(Some(name))
        .with_error_code(code.number())
        .with_topic_authorized_operations(i32::MIN)
}

fn auto_create(core: &mut Core, name: &TopicName) {
    let id = core.fresh_uuid();
    let partitions = core.settings.default_partitions;
    let created = core
        .state
        .topics
        .create(name, id, partitions, Default::default());
    match created {
        Ok(change) => core.commit(vec![Item::Topics(change)]),
        Err(fault) => tracing::debug!(%name, %fault, "a topic was not created"),
    }
}

fn described(known: &Topic) -> MetadataResponseTopic {
    let partitions = (0..known.partitions).map(|index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE)
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
    });
    MetadataResponseTopic::default()
        .with_name(Some(topic(&known.name)))
        .with_topic_id(known.id)
        .with_partitions(partitions.collect())
        .with_topic_authorized_operations(i32::MIN)
}
