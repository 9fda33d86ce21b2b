//! Reads the topic of dead letters without a group: what is live now, and the bytes of those wanted.
//!
//! Only what is committed is seen; a partition ends where the broker says so at that moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::DeadLetter;

use super::entry::{Entry, Place, Selection};
use super::{LetterFault, limits};
use crate::config::KafkaTarget;

pub struct Reader {
    pub consumer: BaseConsumer,
    topic: String,
    codec: Codec,
}

/// Partitions that `topic` has.
pub fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<i32, LetterFault> {
    let metadata = consumer
        .fetch_metadata(Some(topic), limits::QUERY_TIMEOUT)
        .map_err(|fault| LetterFault::read(topic, fault))?;
    let held = metadata.topics().iter().find(|held| held.name() == topic);
    let count = held.map_or(0, |held| held.partitions().len());
    let count = i32::try_from(count).ok().filter(|count| *count > 0);
    count.ok_or_else(|| {
        LetterFault::read(topic, "there is no such topic; run `trueup topics apply`")
    })
}

impl Reader {
    pub fn open(kafka: &KafkaTarget, topic: String, codec: Codec) -> Result<Self, LetterFault> {
        let consumer = kafka
            .client()
            // The client asks for a group's name even where nothing is ever committed to it.
            .set("group.id", "trueup-dlq")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("queued.max.messages.kbytes", limits::QUEUED_KIB)
            // The broker says that a partition ends only once it has waited for more.
            .set("fetch.wait.max.ms", limits::FETCH_WAIT_MS)
            .create()
            .map_err(|fault| LetterFault::read(&topic, fault))?;
        Ok(Self {
            consumer,
            topic,
            codec,
        })
    }

    /// The live letters that `selection` takes, by id.
    pub fn select(&self, selection: &Selection) -> Result<BTreeMap<String, Entry>, LetterFault> {
        let count = partitions(&self.consumer, &self.topic)?;
        let starts = (0..count).map(|partition| (partition, Offset::Beginning));
        let mut live: HashMap<Vec<u8>, Entry> = HashMap::new();
        let mut full = false;
        self.read(starts.collect(), |message| {
            let key = message.key().unwrap_or_default();
            let letter: Option<DeadLetter> = message
                .payload()
                .and_then(|value| self.codec.decode(value).ok());
            let place = Place {
                partition: message.partition(),
                offset: message.offset(),
            };
            let entry = letter.map(|letter| Entry::of(&letter, message.payload_len(), place));
            // A letter under another's key is nobody's; the key is what a tombstone names.
            let entry = entry.filter(|entry| entry.id.as_bytes() == key);
            match entry.filter(|entry| selection.takes(entry)) {
                None => {
                    live.remove(key);
                }
                Some(entry) => {
                    live.insert(key.to_vec(), entry);
                    full |= live.len() > limits::MAX_LETTERS;
                }
            }
            !full
        })?;
        if full {
            let limit = limits::MAX_LETTERS;
            let reason = format!("more than {limit} letters are selected; name a class or a time");
            return Err(LetterFault::read(&self.topic, reason));
        }
        Ok(live
            .into_values()
            .map(|entry| (entry.id.clone(), entry))
            .collect())
    }

    /// The letters of `entries` with their bytes, those that still lie where they lay.
    pub fn fetch(&self, entries: &[Entry]) -> Result<HashMap<Place, DeadLetter>, LetterFault> {
        let mut wanted: BTreeMap<i32, BTreeSet<i64>> = BTreeMap::new();
        for entry in entries {
            let offsets = wanted.entry(entry.place.partition).or_default();
            offsets.insert(entry.place.offset);
        }
        let first = |offsets: &BTreeSet<i64>| offsets.first().copied().unwrap_or(0);
        let starts = wanted
            .iter()
            .map(|(partition, offsets)| (*partition, Offset::Offset(first(offsets))));
        let starts: Vec<_> = starts.collect();
        let mut found = HashMap::new();
        self.read(starts, |message| {
            let place = Place {
                partition: message.partition(),
                offset: message.offset(),
            };
            let Some(offsets) = wanted.get_mut(&place.partition) else {
                return true;
            };
            if offsets.contains(&place.offset)
                && let Some(Ok(letter)) = message.payload().map(|value| self.codec.decode(value))
            {
                found.insert(place, letter);
            }
            // What lies before this one is read, or compacted away.
            offsets.retain(|offset| *offset > place.offset);
            wanted.values().any(|offsets| !offsets.is_empty())
        })?;
        Ok(found)
    }

    /// Shows `see` every record until it has seen enough, or every partition has ended.
    fn read(
        &self,
        starts: Vec<(i32, Offset)>,
        mut see: impl FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<(), LetterFault> {
        let fault = |fault: KafkaError| LetterFault::read(&self.topic, fault);
        let mut open: BTreeSet<i32> = starts.iter().map(|(partition, _)| *partition).collect();
        self.assign(starts).map_err(fault)?;
        let mut last = Instant::now();
        let mut said = None;
        while !open.is_empty() {
            match self.consumer.poll(limits::POLL) {
                Some(Ok(message)) => {
                    last = Instant::now();
                    if !see(&message) {
                        break;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                }
                // The client repeats what may pass by itself; the limit ends what does not.
                Some(Err(fault)) => said = Some(fault.to_string()),
                None => {}
            }
            if last.elapsed() > limits::READ_STALL {
                let limit = limits::READ_STALL.as_secs();
                let reason = said.unwrap_or_else(|| "nothing came".to_owned());
                let reason = format!("not read within {limit} s: {reason}");
                return Err(LetterFault::read(&self.topic, reason));
            }
        }
        self.consumer.unassign().map_err(fault)
    }

    fn assign(&self, starts: Vec<(i32, Offset)>) -> KafkaResult<()> {
        let mut all = TopicPartitionList::new();
        for (partition, offset) in starts {
            all.add_partition_offset(&self.topic, partition, offset)?;
        }
        self.consumer.assign(&all)
    }
}
