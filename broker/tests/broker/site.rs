//! A broker at an address, whoever wrote it, and clients of it. The broker may be shared: every
//! topic, group and transactional id of one site has a prefix of its own.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Site {
    address: String,
    prefix: String,
}

impl Site {
    /// Of a broker of one's own: names stay as they are.
    pub(crate) fn alone(address: String) -> Self {
        Self {
            address,
            prefix: String::new(),
        }
    }

    /// Of a broker that others use too.
    pub(crate) fn shared(address: String) -> Self {
        Self {
            address,
            prefix: trueup_testkit::topic_prefix("broker"),
        }
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// The name as the broker knows it.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.address)
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "200");
        config
    }

    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let name = self.name(name);
        let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        for (key, value) in configs {
            topic = topic.set(key, value);
        }
        let created = wait(self.admin().create_topics([&topic], &AdminOptions::new()));
        assert_eq!(created.unwrap(), vec![Ok(name)]);
    }

    pub(crate) fn producer(&self, settings: &[(&str, &str)]) -> BaseProducer {
        let mut config = self.client();
        config.set("linger.ms", "0");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        config.create().unwrap()
    }

    /// A producer with a transactional id, made ready.
    pub(crate) fn transactional(&self, id: &str) -> BaseProducer {
        self.transactional_for(id, Duration::from_secs(10))
    }

    pub(crate) fn transactional_for(&self, id: &str, timeout: Duration) -> BaseProducer {
        let producer = self.producer(&[
            ("transactional.id", self.name(id).as_str()),
            ("transaction.timeout.ms", &timeout.as_millis().to_string()),
        ]);
        producer.init_transactions(PATIENCE).unwrap();
        producer
    }

    pub(crate) fn consumer(&self, group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
        let mut config = self.client();
        config
            .set("group.id", self.name(group))
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "100")
            .set("enable.partition.eof", "true");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        config.create().unwrap()
    }

    /// Sends values to a partition and waits until each is acknowledged.
    pub(crate) fn send(
        &self,
        producer: &BaseProducer,
        topic: &str,
        partition: i32,
        values: &[&str],
    ) {
        for value in values {
            self.queue(producer, topic, partition, value);
        }
        producer.flush(PATIENCE).unwrap();
    }

    pub(crate) fn queue(&self, producer: &BaseProducer, topic: &str, partition: i32, value: &str) {
        let topic = self.name(topic);
        let record = BaseRecord::<(), str>::to(&topic)
            .payload(value)
            .partition(partition);
        producer.send(record).map_err(|(fault, _)| fault).unwrap();
    }

    /// The values of a partition from its start to its end, as read with this isolation.
    pub(crate) fn values(&self, topic: &str, partition: i32, isolation: &str) -> Vec<String> {
        self.records(topic, partition, isolation, |message| {
            text(message.payload())
        })
    }

    /// What `of` makes of each record of a partition, from its start to its end.
    pub(crate) fn records<T>(
        &self,
        topic: &str,
        partition: i32,
        isolation: &str,
        of: impl Fn(&rdkafka::message::BorrowedMessage<'_>) -> T,
    ) -> Vec<T> {
        let consumer = self.consumer("reader", &[("isolation.level", isolation)]);
        // The client waits half a second before it asks where the beginning is; where nothing is
        // left of the first offset it asks too.
        let from = self.at(topic, partition, Offset::Offset(0));
        consumer.assign(&from).unwrap();
        let mut records = Vec::new();
        loop {
            match consumer.poll(PATIENCE).expect("the end of the partition") {
                Ok(message) => records.push(of(&message)),
                Err(KafkaError::PartitionEOF(_)) => return records,
                // Met while a broker starts again.
                Err(fault) if fault.rdkafka_error_code().is_some() => {}
                Err(fault) => panic!("{fault}"),
            }
        }
    }

    /// One partition at an offset.
    pub(crate) fn at(&self, topic: &str, partition: i32, offset: Offset) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.name(topic), partition, offset)
            .unwrap();
        list
    }

    pub(crate) fn committed(&self, group: &str, topic: &str, partition: i32) -> Offset {
        let consumer = self.consumer(group, &[]);
        let list = self.at(topic, partition, Offset::Invalid);
        let list = consumer.committed_offsets(list, PATIENCE).unwrap();
        let found = list.find_partition(&self.name(topic), partition);
        found.unwrap().offset()
    }

    /// The first offset and the one after the last.
    pub(crate) fn bounds(&self, topic: &str, partition: i32) -> (i64, i64) {
        let consumer = self.consumer("bounds", &[("isolation.level", "read_uncommitted")]);
        consumer
            .fetch_watermarks(&self.name(topic), partition, PATIENCE)
            .unwrap()
    }
}

pub(crate) fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap()
}

/// Runs a future of the admin client, which polls itself on a thread of its own.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Polls until `found` says so, or patience is at its end.
pub(crate) fn poll_until(consumer: &BaseConsumer, mut found: impl FnMut(Option<String>) -> bool) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let value = match consumer.poll(Duration::from_millis(20)) {
            Some(Ok(message)) => Some(text(message.payload())),
            Some(Err(_)) | None => None,
        };
        if found(value) {
            return;
        }
    }
    panic!("what was waited for did not come");
}

/// Asks until what a broker tells is this; it may take a moment to reach all of it.
pub(crate) fn becomes<T: PartialEq + std::fmt::Debug>(expected: &T, ask: impl Fn() -> T) {
    let seen = trueup_testkit::wait_until(PATIENCE, || (ask() == *expected).then_some(()));
    if seen.is_none() {
        assert_eq!(ask(), *expected);
    }
}
