//! Offsets that never become stable: what to do when the brokers have lost the end of a transaction.
//!
//! A broker that is killed can drop, as it starts, the marker that ends a transaction it has
//! already decided (seen with Kafka 4.3: the coordinator's log says that it is complete, the
//! partition of the group's offsets has no marker). The group's offsets then stay unstable until
//! the same producer ends another transaction there, which it cannot while it waits for them.
//!
//! Waiting for stable offsets keeps a transaction of the last owner from committing behind our
//! barrier. The brokers end every transaction that is older than its timeout and shut its producer
//! out; after that and the time in which they look for such ones, none of those that we wait for can
//! commit any more. Then the last offsets that were committed will do: where they are not those of
//! the partition's last state record, the state record wins.

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;

use super::{CALL_TIMEOUT, KafkaSettings};

/// Longer than a transaction may be open (10 s) and brokers look for overdue ones (every 10 s).
const PATIENCE: Duration = Duration::from_secs(40);

pub(super) struct Hanging {
    settings: KafkaSettings,
    /// Since when the offsets are known to be unstable while the brokers answer.
    since: Option<Instant>,
}

impl Hanging {
    pub(super) fn new(settings: &KafkaSettings) -> Self {
        Self {
            settings: settings.clone(),
            since: None,
        }
    }

    pub(super) fn settled(&mut self) {
        self.since = None;
    }

    /// The last committed offsets, once stable ones were waited for long enough. Brokers that do
    /// not answer are another matter: with them the waiting begins anew.
    pub(super) fn offsets(&mut self, asked: TopicPartitionList) -> Option<TopicPartitionList> {
        let told = match self.ask(asked) {
            Ok(told) => told,
            Err(error) => {
                tracing::debug!(%error, "committed offsets not read");
                self.since = None;
                return None;
            }
        };
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() < PATIENCE {
            return None;
        }
        tracing::error!(
            group = self.settings.group,
            "a transaction hangs in the group's offsets, overdue and not ended by the brokers: the \
             last committed offsets are taken; if this goes on, look for it with \
             `kafka-transactions.sh find-hanging` and abort it"
        );
        Some(told)
    }

    /// A consumer that joins no group, and does not insist on stable offsets.
    fn ask(&self, asked: TopicPartitionList) -> Result<TopicPartitionList, KafkaError> {
        let mut config = self.settings.client_config();
        config
            .set("group.id", &self.settings.group)
            .set("isolation.level", "read_uncommitted")
            .set("enable.auto.commit", "false");
        let consumer: BaseConsumer<DefaultConsumerContext> = config.create()?;
        consumer.committed_offsets(asked, CALL_TIMEOUT)
    }
}
