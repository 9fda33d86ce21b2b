//! Why the catalogue is not changed, and what that is called on the wire.

use thiserror::Error;

use crate::code::Code;
use crate::limits::{CONFIG_VALUE_BYTES_MAX, PARTITIONS_MAX, PARTITIONS_PER_TOPIC_MAX, TOPICS_MAX};
use crate::names::TopicName;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigFault {
    #[error("unknown topic config name: `{0}`")]
    Unknown(String),
    #[error("invalid value `{value}` for configuration `{key}`: {wanted}")]
    Value {
        key: String,
        value: String,
        wanted: &'static str,
    },
    #[error("the value of `{0}` has more than {CONFIG_VALUE_BYTES_MAX} bytes")]
    TooLong(String),
    #[error("`{0}` is no list, so nothing is added to it or taken from it")]
    NoList(String),
    #[error("`{0}` has no value to be set to")]
    NoValue(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TopicFault {
    #[error("topic `{0}` already exists")]
    Exists(TopicName),
    #[error("there is no topic `{0}`")]
    Unknown(TopicName),
    #[error("{0} partitions, where 1 to {PARTITIONS_PER_TOPIC_MAX} are possible")]
    Partitions(i32),
    #[error(
        "the topic has {now} partitions, and {partitions} are not more, \
         or more than {PARTITIONS_PER_TOPIC_MAX}"
    )]
    Growth { now: i32, partitions: i32 },
    #[error("there are {TOPICS_MAX} topics already")]
    TooManyTopics,
    #[error("there would be more than {PARTITIONS_MAX} partitions")]
    TooManyPartitions,
    #[error(transparent)]
    Config(#[from] ConfigFault),
}

impl TopicFault {
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Exists(_) => Code::TopicAlreadyExists,
            Self::Unknown(_) => Code::UnknownTopicOrPartition,
            Self::Partitions(_) | Self::Growth { .. } => Code::InvalidPartitions,
            Self::TooManyTopics | Self::TooManyPartitions => Code::PolicyViolation,
            Self::Config(_) => Code::InvalidConfig,
        }
    }
}
