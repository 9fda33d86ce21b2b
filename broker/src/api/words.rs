//! Between the protocol's strings and ours.

use kafka_protocol::messages;
use kafka_protocol::protocol::StrBytes;

use crate::names::{GroupId, TopicName, TopicPartition};

/// The one broker that there is.
pub(super) const NODE: messages::BrokerId = messages::BrokerId(1);
/// Nobody leads but we, so the epoch stays.
pub(crate) const LEADER_EPOCH: i32 = 0;

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(super) fn some(said: &str) -> Option<StrBytes> {
    Some(text(said))
}

pub(super) fn topic(name: &TopicName) -> messages::TopicName {
    messages::TopicName(text(name.as_str()))
}

pub(super) fn group(id: &GroupId) -> messages::GroupId {
    messages::GroupId(text(id.as_str()))
}

/// A partition as a client named it; none where no topic can have that name.
pub(super) fn partition(name: &messages::TopicName, partition: i32) -> Option<TopicPartition> {
    let topic = TopicName::try_from(name.as_str()).ok()?;
    Some(TopicPartition { topic, partition })
}
