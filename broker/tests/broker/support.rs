//! A broker on a disk that can crash, and clients of it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use trueup_broker::Broker;
use trueup_broker::clock::SystemClock;
use trueup_broker::config::BrokerConfig;
use trueup_broker::disk::SimulatedDisk;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Running {
    pub(crate) disk: SimulatedDisk,
    broker: Option<Broker>,
    address: SocketAddr,
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::start_on(SimulatedDisk::new(), "127.0.0.1:0")
    }

    fn start_on(disk: SimulatedDisk, address: &str) -> Self {
        // What the broker says is seen with RUST_LOG; the second test finds it set up.
        let _ = tracing_subscriber::fmt()
            .with_test_writer()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .try_init();
        let listener = TcpListener::bind(address).unwrap();
        let broker = Broker::start(
            BrokerConfig::default(),
            listener,
            Arc::new(disk.clone()),
            Arc::new(SystemClock),
        )
        .unwrap();
        Self {
            disk,
            address: broker.address(),
            broker: Some(broker),
        }
    }

    pub(crate) fn broker(&self) -> &Broker {
        self.broker.as_ref().unwrap()
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Stops and starts again on the same address.
    pub(crate) fn restart(&mut self) {
        self.broker.take().unwrap().stop();
        *self = Self::start_on(self.disk.clone(), &self.address());
    }

    /// Crashes, loses what was not synced, and starts again on the same address.
    pub(crate) fn crash(&mut self, survival: trueup_broker::disk::Survival) {
        self.broker.take().unwrap().crash();
        self.disk.crash(survival);
        *self = Self::start_on(self.disk.clone(), &self.address());
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.address())
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "200");
        config
    }

    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        for (key, value) in configs {
            topic = topic.set(key, value);
        }
        let created = wait(self.admin().create_topics([&topic], &AdminOptions::new()));
        assert_eq!(created.unwrap(), vec![Ok(name.to_owned())]);
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
        let producer = self.producer(&[
            ("transactional.id", id),
            ("transaction.timeout.ms", "10000"),
        ]);
        producer.init_transactions(PATIENCE).unwrap();
        producer
    }

    pub(crate) fn consumer(&self, group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
        let mut config = self.client();
        config
            .set("group.id", group)
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

    /// The values of a partition from its start to its end, as read with this isolation.
    pub(crate) fn values(&self, topic: &str, partition: i32, isolation: &str) -> Vec<String> {
        let consumer = self.consumer("reader", &[("isolation.level", isolation)]);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Beginning)
            .unwrap();
        consumer.assign(&list).unwrap();
        let mut values = Vec::new();
        loop {
            match consumer.poll(PATIENCE).expect("the end of the partition") {
                Ok(message) => values.push(text(message.payload())),
                Err(rdkafka::error::KafkaError::PartitionEOF(_)) => return values,
                // Met while a broker starts again.
                Err(fault) if fault.rdkafka_error_code().is_some() => {}
                Err(fault) => panic!("{fault}"),
            }
        }
    }

    pub(crate) fn committed(&self, group: &str, topic: &str, partition: i32) -> Offset {
        let consumer = self.consumer(group, &[]);
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let list = consumer.committed_offsets(list, PATIENCE).unwrap();
        list.find_partition(topic, partition).unwrap().offset()
    }
}

pub(crate) fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap()
}

/// Sends values to a partition and waits until each is acknowledged.
pub(crate) fn send(producer: &BaseProducer, topic: &str, partition: i32, values: &[&str]) {
    for value in values {
        queue(producer, topic, partition, value);
    }
    producer.flush(PATIENCE).unwrap();
}

pub(crate) fn queue(producer: &BaseProducer, topic: &str, partition: i32, value: &str) {
    let record = BaseRecord::<(), str>::to(topic)
        .payload(value)
        .partition(partition);
    producer.send(record).map_err(|(fault, _)| fault).unwrap();
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
    let end = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < end {
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
