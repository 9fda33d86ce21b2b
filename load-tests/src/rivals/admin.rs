//! Topics and groups of a comparison, made and removed, so that each turn begins from nothing.

use std::time::{Duration, Instant};

use futures::executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use super::RivalsFault;

const CALL: Duration = Duration::from_secs(20);
/// A static member stays in its group until its session is over.
const GROUP_EMPTY: Duration = Duration::from_secs(90);
const TOPIC_GONE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

pub(super) struct Admin {
    client: AdminClient<DefaultClientContext>,
    reader: BaseConsumer,
}

impl Admin {
    pub(super) fn of(bootstrap: &str) -> Result<Self, RivalsFault> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap);
        Ok(Self {
            client: config
                .create()
                .map_err(RivalsFault::kafka("no admin client"))?,
            reader: config.create().map_err(RivalsFault::kafka("no client"))?,
        })
    }

    pub(super) fn create(&self, topic: &str, partitions: u32) -> Result<(), RivalsFault> {
        let count = i32::try_from(partitions).unwrap_or(i32::MAX);
        let new = NewTopic::new(topic, count, TopicReplication::Fixed(1));
        let made = block_on(self.client.create_topics([&new], &options()))
            .map_err(RivalsFault::kafka("create_topics"))?;
        match made.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some((topic, cause)) => Err(fault(topic, "made", cause)),
        }
    }

    /// Removes topics and waits until the broker no longer knows them.
    pub(super) fn remove(&self, topics: &[&str]) -> Result<(), RivalsFault> {
        let removed = block_on(self.client.delete_topics(topics, &options()))
            .map_err(RivalsFault::kafka("delete_topics"))?;
        for (topic, cause) in removed.into_iter().filter_map(Result::err) {
            if cause != RDKafkaErrorCode::UnknownTopicOrPartition {
                return Err(fault(topic, "removed", cause));
            }
        }
        let deadline = Instant::now() + TOPIC_GONE;
        loop {
            let known = self.topics()?;
            let Some(left) = topics
                .iter()
                .find(|topic| known.iter().any(|it| it == *topic))
            else {
                return Ok(());
            };
            if Instant::now() > deadline {
                let what = RDKafkaErrorCode::TopicAlreadyExists;
                return Err(fault((*left).to_owned(), "removed", what));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    pub(super) fn topics(&self) -> Result<Vec<String>, RivalsFault> {
        let metadata = self
            .reader
            .fetch_metadata(None, CALL)
            .map_err(RivalsFault::kafka("metadata"))?;
        let names = metadata.topics().iter().map(|it| it.name().to_owned());
        Ok(names.collect())
    }

    /// Removes every group whose name begins so, with its offsets, once its members are gone.
    pub(super) fn forget_groups(&self, prefix: &str) -> Result<(), RivalsFault> {
        let deadline = Instant::now() + GROUP_EMPTY;
        loop {
            let list = self
                .reader
                .fetch_group_list(None, CALL)
                .map_err(RivalsFault::kafka("groups"))?;
            let names: Vec<String> = list
                .groups()
                .iter()
                .map(|group| group.name().to_owned())
                .filter(|name| name.starts_with(prefix))
                .collect();
            if names.is_empty() {
                return Ok(());
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let gone = block_on(self.client.delete_groups(&names, &options()))
                .map_err(RivalsFault::kafka("delete_groups"))?;
            if let Some((group, cause)) = gone.into_iter().find_map(Result::err)
                && Instant::now() > deadline
            {
                return Err(fault(group, "removed", cause));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(CALL))
}

fn fault(topic: String, what: &'static str, cause: RDKafkaErrorCode) -> RivalsFault {
    RivalsFault::Topic {
        topic,
        what,
        cause: cause.to_string(),
    }
}
