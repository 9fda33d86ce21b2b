//! Writes single records, to the place a test wants them.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::runtime::Runtime;

/// A producer with Java's partitioner.
pub(crate) struct Writer {
    producer: FutureProducer,
    runtime: Runtime,
}

/// One record to write; its partition is that of its key unless it is named.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) partition: Option<i32>,
}

impl Writer {
    pub(crate) fn new(bootstrap: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("partitioner", "murmur2_random")
            .set("message.max.bytes", "3000000")
            .create()
            .unwrap();
        Self { producer, runtime }
    }

    /// Writes and waits for the acknowledgement; where it lies: partition and offset.
    pub(crate) fn put(&self, topic: &str, sent: &Sent) -> (i32, i64) {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &sent.headers {
            let value = Some(value);
            headers = headers.insert(Header { key, value });
        }
        let mut record = FutureRecord::to(topic).headers(headers);
        record.key = sent.key.as_ref();
        record.payload = sent.value.as_ref();
        record.partition = sent.partition;
        let sending = self.producer.send(record, Duration::from_secs(30));
        let delivery = self.runtime.block_on(sending).unwrap();
        (delivery.partition, delivery.offset)
    }

    /// A keyed value.
    pub(crate) fn put_value(&self, topic: &str, key: &str, value: &[u8]) -> (i32, i64) {
        let sent = Sent {
            key: Some(key.as_bytes().to_vec()),
            value: Some(value.to_vec()),
            ..Sent::default()
        };
        self.put(topic, &sent)
    }
}
