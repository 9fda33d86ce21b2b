//! The group's last committed offsets, whether a transaction that covers them has ended or not.
//!
//! Asked by a consumer that joins no group and does not insist on stable offsets: its answer shows
//! that the brokers are there, and that it is a transaction which the other question waits for.

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;

use super::{CALL_TIMEOUT, KafkaSettings};

pub(super) struct Unstable {
    settings: KafkaSettings,
}

impl Unstable {
    pub(super) fn new(settings: &KafkaSettings) -> Self {
        Self {
            settings: settings.clone(),
        }
    }

    pub(super) fn offsets(
        &self,
        asked: TopicPartitionList,
    ) -> Result<TopicPartitionList, KafkaError> {
        let mut config = self.settings.client_config();
        config
            .set("group.id", &self.settings.group)
            .set("isolation.level", "read_uncommitted")
            .set("enable.auto.commit", "false");
        let consumer: BaseConsumer<DefaultConsumerContext> = config.create()?;
        consumer.committed_offsets(asked, CALL_TIMEOUT)
    }
}
