//! Writes records back and tombstones over letters, and says of each whether every in-sync replica
//! has it.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, ProducerContext, ThreadedProducer};

use super::LetterFault;
use super::entry::Entry;
use super::limits::{MAX_CHUNK, MAX_RECORD_BYTES, MESSAGE_TIMEOUT};
use super::target::Back;
use crate::config::KafkaTarget;

type Told = (usize, Result<(), String>);

/// Each record's outcome, in their order: why it is not known to be written.
pub type Written = Vec<Result<(), String>>;

pub struct Writer {
    producer: ThreadedProducer<Deliveries>,
    told: Receiver<Told>,
    /// Of the letters.
    topic: String,
    /// The number of the next record, so that what is told late is nobody else's.
    next: Cell<usize>,
}

struct Deliveries(SyncSender<Told>);

impl ClientContext for Deliveries {
    fn log(&self, _level: rdkafka::config::RDKafkaLogLevel, fac: &str, message: &str) {
        tracing::debug!(fac, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let told = result.as_ref().map(drop);
        // Nobody listens once the writer is dropped.
        let _ = self
            .0
            .send((index, told.map_err(|(error, _)| error.to_string())));
    }
}

impl Writer {
    pub fn open(kafka: &KafkaTarget, topic: String) -> Result<Self, LetterFault> {
        // As many as are ever under way, so that no delivery waits for a listener.
        let (tell, told) = sync_channel(MAX_CHUNK);
        let patience = MESSAGE_TIMEOUT.as_millis().to_string();
        let producer = kafka
            .client()
            .set("client.id", "trueup-dlq")
            .set("linger.ms", "2")
            .set("compression.codec", "lz4")
            .set("message.max.bytes", MAX_RECORD_BYTES)
            // A letter is taken away only once its record is safe.
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", patience)
            .set("allow.auto.create.topics", "false")
            .create_with_context(Deliveries(tell))
            .map_err(|fault| LetterFault::write(&topic, fault))?;
        Ok(Self {
            producer,
            told,
            topic,
            next: Cell::new(0),
        })
    }

    /// Writes each record to its place.
    pub fn write(&self, backs: &[&Back]) -> Written {
        self.all(backs.len(), |index, number| {
            let back = backs.get(index)?;
            let headers = OwnedHeaders::new_with_capacity(back.headers.len());
            let headers = back.headers.iter().fold(headers, |headers, (key, value)| {
                let value = value.as_ref();
                headers.insert(Header { key, value })
            });
            let mut record = BaseRecord::with_opaque_to(&back.topic, number)
                .partition(back.partition)
                .headers(headers);
            record.key = back.key.as_deref();
            record.payload = back.value.as_deref();
            record.timestamp = back.timestamp;
            Some(record)
        })
    }

    /// Takes each letter out of its topic.
    pub fn bury(&self, entries: &[&Entry]) -> Written {
        self.all(entries.len(), |index, number| {
            let entry = entries.get(index)?;
            // Where the letter lies, wherever that is: elsewhere it would bury nothing.
            let mut record = BaseRecord::with_opaque_to(&self.topic, number);
            record.partition = Some(entry.place.partition);
            record.key = Some(entry.id.as_bytes());
            Some(record)
        })
    }

    /// At most [`MAX_CHUNK`] records; each is told of, at the latest after the message timeout.
    fn all<'a>(
        &self,
        count: usize,
        make: impl Fn(usize, usize) -> Option<BaseRecord<'a, [u8], [u8], usize>>,
    ) -> Written {
        let mut written = vec![Err("it was not told of".to_owned()); count];
        let mut under_way = 0_usize;
        let first = self.next.get();
        self.next.set(first.wrapping_add(count));
        for (index, outcome) in written.iter_mut().enumerate() {
            let Some(record) = make(index, first.wrapping_add(index)) else {
                continue;
            };
            match self.producer.send(record) {
                Ok(()) => under_way = under_way.saturating_add(1),
                Err((fault, _)) => *outcome = Err(fault.to_string()),
            }
        }
        while under_way > 0 {
            let Ok((number, told)) = self.told.recv_timeout(OVERDUE) else {
                break;
            };
            if let Some(outcome) = written.get_mut(number.wrapping_sub(first)) {
                *outcome = told;
                under_way = under_way.saturating_sub(1);
            }
        }
        written
    }
}

/// The client tells of every record within its timeout; this is for a client that does not.
const OVERDUE: Duration = MESSAGE_TIMEOUT.saturating_mul(2);
