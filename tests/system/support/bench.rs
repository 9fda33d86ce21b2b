//! One test's own topics and keyspace on the shared services, and the binary told of them.

use std::process::Output;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::{DeadLetter, GapSetRecord, OrderStatusChanged, Record};
use trueup_schemas::topics::Topics;
use trueup_testkit::{
    Launch, Ready, Scratch, TopicRecord, Trueup, committed_records, topic_prefix, unique,
    wait_until,
};

use super::{LIMIT, PARTITIONS};

/// Topics and a keyspace that no other test knows.
pub(crate) struct Bench {
    pub(crate) kafka: String,
    pub(crate) prefix: String,
    pub(crate) keyspace: String,
    pub(crate) topics: Topics,
    scratch: Scratch,
}

impl Bench {
    /// Names only: nothing is made yet.
    pub(crate) fn named(name: &str) -> Self {
        let prefix = topic_prefix(name);
        Self {
            kafka: trueup_testkit::kafka(),
            topics: Topics::new(&prefix),
            prefix,
            keyspace: unique(name),
            scratch: Scratch::new(name).unwrap(),
        }
    }

    /// With topics and keyspace made by `topics apply` and `ledger apply`.
    pub(crate) fn applied(name: &str) -> Self {
        let bench = Self::named(name);
        let partitions = PARTITIONS.to_string();
        std::thread::scope(|scope| {
            let topics = scope.spawn(|| bench.topics_apply(&["--partitions", &partitions]));
            let ledger = bench.stored().args(["ledger", "apply"]).output();
            assert_eq!(code(&ledger), 0, "{}", said(&ledger));
            let topics = topics.join().unwrap();
            assert_eq!(code(&topics), 0, "{}", said(&topics));
        });
        bench
    }

    /// The binary, with nothing but the secrets.
    pub(crate) fn plain() -> Launch {
        Launch::of(env!("CARGO_BIN_EXE_trueup")).secrets()
    }

    /// The binary, told of Kafka and the prefix.
    pub(crate) fn logged(&self) -> Launch {
        Self::plain()
            .env("TRUEUP_KAFKA", &self.kafka)
            .env("TRUEUP_TOPIC_PREFIX", &self.prefix)
    }

    /// The binary, told of the store.
    pub(crate) fn stored(&self) -> Launch {
        Self::plain()
            .env("TRUEUP_SCYLLA", trueup_testkit::cql())
            .env("TRUEUP_KEYSPACE", &self.keyspace)
    }

    /// The binary, told of both.
    pub(crate) fn both(&self) -> Launch {
        self.logged()
            .env("TRUEUP_SCYLLA", trueup_testkit::cql())
            .env("TRUEUP_KEYSPACE", &self.keyspace)
    }

    pub(crate) fn topics_apply(&self, arguments: &[&str]) -> Output {
        self.logged()
            .args(["topics", "apply"])
            .args(arguments.iter().copied())
            .output()
    }

    /// A gateway on free ports.
    pub(crate) fn ingest(&self) -> Trueup {
        let ports = ["--http", "127.0.0.1:0", "--ops", "127.0.0.1:0"];
        self.logged().args(["ingest"]).args(ports).start().unwrap()
    }

    /// How a processor of one worker is started, its ops listener on a free port.
    pub(crate) fn processor(&self) -> Launch {
        let one = ["--workers", "1", "--ops", "127.0.0.1:0", "--instance-id"];
        self.both()
            .args(["process"])
            .args(one)
            .args([&self.keyspace])
    }

    pub(crate) fn process(&self, arguments: &[&str]) -> Trueup {
        let launch = self.processor().args(arguments.iter().copied());
        launch.start().unwrap()
    }

    /// Writes the events as a JSONL file and has `trueup send` post it; answers what it printed.
    pub(crate) fn send(&self, gateway: &Ready, events: &[Value]) -> Vec<Value> {
        let path = self.scratch.path().join("events.jsonl");
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let sent = Self::plain()
            .args(["send", "--json", "--http", gateway.http.as_deref().unwrap()])
            .args([path.to_str().unwrap()])
            .output();
        assert_eq!(code(&sent), 0, "{}", said(&sent));
        let deliveries: Vec<Value> = lines_of(&sent);
        assert_eq!(deliveries.len(), events.len(), "{}", said(&sent));
        deliveries
    }

    /// A file of its own for this test.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.scratch.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn records(&self, topic: &str) -> Vec<TopicRecord> {
        committed_records(&self.kafka, topic, LIMIT)
    }

    fn decoded<R: Record>(&self, topic: &str) -> Vec<(TopicRecord, Option<R>)> {
        let records = self.records(topic).into_iter();
        let read = |record: TopicRecord| {
            let value = record.payload.as_deref();
            let value = value.map(|value| Codec::SingleObject.decode(value).unwrap());
            (record, value)
        };
        records.map(read).collect()
    }

    /// What `orders.status` tells of an order, in the order of the log.
    pub(crate) fn statuses(&self, order: &str) -> Vec<(TopicRecord, OrderStatusChanged)> {
        let all = self.decoded(&self.topics.orders_status()).into_iter();
        all.filter(|(record, _)| record.key.as_deref() == Some(order.as_bytes()))
            .map(|(record, told)| (record, told.unwrap()))
            .collect()
    }

    /// Waits until an order has `count` status records; more are returned as well.
    pub(crate) fn statuses_once(
        &self,
        order: &str,
        count: usize,
    ) -> Vec<(TopicRecord, OrderStatusChanged)> {
        let told = wait_until(LIMIT, || {
            Some(self.statuses(order)).filter(|told| told.len() >= count)
        });
        told.unwrap_or_else(|| panic!("`{order}` has no {count}: {:#?}", self.statuses(order)))
    }

    /// What `payments.gaps` tells of an order; `None` is a tombstone.
    pub(crate) fn gap_sets(&self, order: &str) -> Vec<Option<GapSetRecord>> {
        let all = self.decoded(&self.topics.payments_gaps()).into_iter();
        all.filter(|(record, _)| record.key.as_deref() == Some(order.as_bytes()))
            .map(|(_, told)| told)
            .collect()
    }

    pub(crate) fn letters(&self) -> Vec<(TopicRecord, DeadLetter)> {
        let all = self.decoded(&self.topics.dead_letters()).into_iter();
        all.map(|(record, letter)| (record, letter.unwrap()))
            .collect()
    }

    /// Records of the inputs that the reconciler's group has not committed.
    pub(crate) fn lag(&self) -> i64 {
        let group: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka)
            .set(
                "group.id",
                format!("{}.reconciler", self.topics.payments_events()),
            )
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        for topic in [self.topics.payments_events(), self.topics.orders()] {
            list.add_partition_range(&topic, 0, PARTITIONS - 1);
        }
        let committed = group.committed_offsets(list, LIMIT).unwrap();
        let behind = committed.elements().into_iter().map(|held| {
            let (low, high) = group
                .fetch_watermarks(held.topic(), held.partition(), LIMIT)
                .unwrap();
            match held.offset() {
                Offset::Offset(offset) => high - offset,
                _ => high - low,
            }
        });
        behind.sum()
    }

    /// `order ID` or `event ID` with `--json`, read from Kafka and the store.
    pub(crate) fn look_up(&self, what: &str, id: &str) -> Option<Value> {
        let found = self.both().args([what, id, "--json"]).output();
        match code(&found) {
            0 => Some(serde_json::from_slice(&found.stdout).unwrap()),
            1 if said(&found).contains("is known") => None,
            other => panic!("exit {other}: {}", said(&found)),
        }
    }
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Everything it wrote.
pub(crate) fn said(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

/// One JSON document on each line of stdout.
pub(crate) fn lines_of(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
