//! Reads every gap from its topic, once, to the end: what is there now, by order.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use trueup_schemas::codec::Codec;
use trueup_schemas::keys::INTERNAL_PREFIX;
use trueup_schemas::records::GapSetRecord;

use super::Suspect;
use crate::limits::{GAPS_DEADLINE, MAX_ORDERS_IN_GAP, METADATA_TIMEOUT};
use crate::sweep::SweepFault;

const POLL: Duration = Duration::from_millis(100);

/// Where the gaps are.
#[derive(Debug, Clone)]
pub(crate) struct GapTopic {
    pub(crate) kafka: Vec<(String, String)>,
    pub(crate) topic: String,
    pub(crate) codec: Codec,
}

/// Ends the reading when nobody waits for it any longer.
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl GapTopic {
    /// Every gap that the topic holds.
    pub(crate) async fn read(&self) -> Result<Vec<Suspect>, SweepFault> {
        let flag = Arc::new(AtomicBool::new(false));
        let _abandoned = Abandoned(Arc::clone(&flag));
        let topic = self.clone();
        let read = tokio::task::spawn_blocking(move || topic.read_now(&flag));
        let read = read.await.unwrap_or_else(|fault| Err(fault.to_string()));
        read.map_err(|reason| SweepFault::Gaps { reason })
    }

    fn read_now(&self, abandoned: &AtomicBool) -> Result<Vec<Suspect>, String> {
        let began = Instant::now();
        let (consumer, count) = self.open().map_err(|fault| fault.to_string())?;
        if count == 0 {
            let topic = &self.topic;
            return Err(format!(
                "topic `{topic}` does not exist: run `trueup topics apply`"
            ));
        }
        let mut held: HashMap<Vec<u8>, Vec<Suspect>> = HashMap::new();
        let mut ended = BTreeSet::new();
        while ended.len() < count {
            if abandoned.load(Ordering::Relaxed) || began.elapsed() > GAPS_DEADLINE {
                return Err(format!("not read within {} s", GAPS_DEADLINE.as_secs()));
            }
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    let key = message.key().unwrap_or_default();
                    self.take(&mut held, key, message.payload());
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    ended.insert(partition);
                }
                // The client repeats what may pass by itself, and the deadline ends the rest.
                Some(Err(fault)) => tracing::debug!(topic = self.topic, %fault, "reading gaps"),
                None => {}
            }
        }
        Ok(held.into_values().flatten().collect())
    }

    fn open(&self) -> KafkaResult<(BaseConsumer, usize)> {
        let mut config = ClientConfig::new();
        for (key, value) in &self.kafka {
            config.set(key, value);
        }
        let consumer: BaseConsumer = config
            // The client asks for a group's name even where nothing is ever committed to it.
            .set("group.id", "trueup-probe")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .create()?;
        let metadata = consumer.fetch_metadata(Some(&self.topic), METADATA_TIMEOUT)?;
        let told = metadata.topics().iter();
        let partitions = told
            .filter(|told| told.name() == self.topic)
            .flat_map(|told| told.partitions());
        let mut all = TopicPartitionList::new();
        for partition in partitions {
            all.add_partition_offset(&self.topic, partition.id(), Offset::Beginning)?;
        }
        consumer.assign(&all)?;
        Ok((consumer, all.count()))
    }

    /// A record that cannot be read tells nothing, and is left to those whose state it is.
    fn take(&self, held: &mut HashMap<Vec<u8>, Vec<Suspect>>, key: &[u8], value: Option<&[u8]>) {
        if key.starts_with(INTERNAL_PREFIX.as_bytes()) {
            return;
        }
        let told: Option<GapSetRecord> = value.and_then(|value| self.codec.decode(value).ok());
        let suspects = told.map_or_else(Vec::new, suspects);
        if suspects.is_empty() {
            held.remove(key);
        } else if held.len() < MAX_ORDERS_IN_GAP || held.contains_key(key) {
            held.insert(key.to_vec(), suspects);
        }
    }
}

fn suspects(told: GapSetRecord) -> Vec<Suspect> {
    let order = told.order_id.as_str().to_owned();
    let gaps = told.gaps.gaps.into_iter();
    gaps.map(|gap| Suspect {
        order: order.clone(),
        kind: gap.kind,
        payment: gap.payment,
        since: gap.since,
    })
    .collect()
}
