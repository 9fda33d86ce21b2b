//! `Fetch`: what is synced, up to the asked bounds; it waits in the core where there is too little.
//!
//! Fetch sessions are declined, which the protocol allows: each request names all it wants.

use bytes::{Buf, Bytes};
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::{
    BrokerId, FetchRequest, FetchResponse, ProducerId, ResponseKind, TopicName,
};
use uuid::Uuid;

use super::words::LEADER_EPOCH;
use crate::batch;
use crate::call::{Answer, Reply};
use crate::code::Code;
use crate::core::{Core, Partition, State};
use crate::limits::{FETCH_BYTES_MAX, FETCH_WAIT_MS_MAX};

const READ_COMMITTED: i8 = 1;
/// `base_offset` and `batch_length`, which say where the next batch begins.
const BATCH_PREFIX_BYTES: usize = 12;
const LAST_OFFSET_DELTA_AT: usize = 23;

/// A fetch, checked once and worked out as often as new data comes.
#[derive(Debug)]
pub(crate) struct Fetch {
    by_id: bool,
    committed: bool,
    min_bytes: usize,
    max_bytes: usize,
    pub(crate) until_ms: i64,
    topics: Vec<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    name: TopicName,
    id: Uuid,
    partitions: Vec<FetchPartition>,
}

/// What a fetch found, and whether that is worth an answer already.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) response: ResponseKind,
    pub(crate) enough: bool,
}

pub(super) fn fetch(
    core: &mut Core,
    version: i16,
    request: FetchRequest,
    reply: Reply,
    now_ms: i64,
) {
    if request.session_epoch > 0 {
        let response = FetchResponse::default().with_error_code(if request.session_id == 0 {
            Code::InvalidFetchSessionEpoch.number()
        } else {
            Code::FetchSessionIdNotFound.number()
        });
        let _ = reply.send(Answer::of(ResponseKind::Fetch(response)));
        return;
    }
    let wait_ms = i64::from(request.max_wait_ms).clamp(0, FETCH_WAIT_MS_MAX);
    let topics = request.topics.into_iter().map(|topic| Wanted {
        name: topic.topic,
        id: topic.topic_id,
        partitions: topic.partitions,
    });
    let fetch = Fetch {
        by_id: version >= 13,
        committed: request.isolation_level == READ_COMMITTED,
        min_bytes: usize::try_from(request.min_bytes).unwrap_or(0),
        max_bytes: usize::try_from(request.max_bytes).map_or(0, |max| max.min(FETCH_BYTES_MAX)),
        until_ms: now_ms.saturating_add(wait_ms),
        topics: topics.collect(),
    };
    core.fetch_or_park(fetch, reply, now_ms);
}

impl Fetch {
    /// The topics and partitions it waits for.
    pub(crate) fn wants<'a>(&'a self, state: &'a State) -> impl Iterator<Item = (Uuid, i32)> + 'a {
        self.topics.iter().flat_map(move |topic| {
            let id = match self.by_id {
                true => Some(topic.id),
                false => state.topics.get(topic.name.as_str()).map(|known| known.id),
            };
            let partitions = topic.partitions.iter();
            partitions.filter_map(move |partition| id.map(|id| (id, partition.partition)))
        })
    }

    pub(crate) fn find(&self, state: &State) -> Found {
        let mut search = Search {
            state,
            committed: self.committed,
            left: self.max_bytes,
            bytes: 0,
            failed: false,
        };
        let mut responses = Vec::with_capacity(self.topics.len());
        for topic in &self.topics {
            let known = match self.by_id {
                true => state.topics.by_id(topic.id),
                false => state.topics.get(topic.name.as_str()),
            };
            let id = known.map(|known| known.id);
            let missing = match self.by_id {
                true => Code::UnknownTopicId,
                false => Code::UnknownTopicOrPartition,
            };
            let partitions = topic.partitions.iter();
            let partitions = partitions.map(|wanted| search.partition(id, wanted, missing));
            responses.push(
                FetchableTopicResponse::default()
                    .with_topic(topic.name.clone())
                    .with_topic_id(topic.id)
                    .with_partitions(partitions.collect()),
            );
        }
        Found {
            enough: search.failed || search.bytes >= self.min_bytes || self.topics.is_empty(),
            response: ResponseKind::Fetch(FetchResponse::default().with_responses(responses)),
        }
    }
}

struct Search<'a> {
    state: &'a State,
    committed: bool,
    left: usize,
    bytes: usize,
    failed: bool,
}

impl Search<'_> {
    fn partition(
        &mut self,
        topic: Option<Uuid>,
        wanted: &FetchPartition,
        missing: Code,
    ) -> PartitionData {
        let data = PartitionData::default()
            .with_partition_index(wanted.partition)
            .with_high_watermark(-1)
            .with_last_stable_offset(-1)
            .with_log_start_offset(-1)
            .with_preferred_read_replica(BrokerId(-1))
            .with_records(Some(Bytes::new()));
        let Some(topic) = topic else {
            return self.refused(data, missing);
        };
        let Some(partition) = self.state.by_id(topic, wanted.partition) else {
            return self.refused(data, Code::UnknownTopicOrPartition);
        };
        if wanted.current_leader_epoch > LEADER_EPOCH {
            return self.refused(data, Code::UnknownLeaderEpoch);
        }
        let stable = partition.last_stable_offset();
        let mut data = data
            .with_high_watermark(partition.high_watermark)
            .with_last_stable_offset(stable)
            .with_log_start_offset(partition.log_start());
        let from = wanted.fetch_offset;
        if from < partition.log_start() || from > partition.end() {
            return self.refused(data, Code::OffsetOutOfRange);
        }
        let below = if self.committed {
            stable
        } else {
            partition.high_watermark
        };
        let limit = usize::try_from(wanted.partition_max_bytes).unwrap_or(0);
        let limit = limit.min(self.left);
        // One batch is given even where it is larger than the bounds, or its reader would stand
        // still; but only the first, so that the bounds hold for all others.
        if from >= below || (limit == 0 && self.bytes > 0) {
            return data.with_aborted_transactions(self.committed.then(Vec::new));
        }
        match partition.log.read(from, limit, below) {
            Ok(records) => {
                self.bytes = self.bytes.saturating_add(records.len());
                self.left = self.left.saturating_sub(records.len());
                if self.committed {
                    data.aborted_transactions = Some(aborted(partition, from, &records));
                }
                data.with_records(Some(records))
            }
            Err(fault) => {
                tracing::error!(%fault, partition = wanted.partition, "records were not read");
                self.refused(data, Code::KafkaStorageError)
            }
        }
    }

    fn refused(&mut self, data: PartitionData, code: Code) -> PartitionData {
        self.failed = true;
        data.with_error_code(code.number())
    }
}

/// The aborted transactions that may have records among these.
fn aborted(partition: &Partition, from: i64, records: &Bytes) -> Vec<AbortedTransaction> {
    let Some(below) = end_of(records) else {
        return Vec::new();
    };
    let aborted = partition.state.aborted_between(from, below).into_iter();
    let one = |aborted: crate::partition_state::Aborted| {
        AbortedTransaction::default()
            .with_producer_id(ProducerId(aborted.producer_id))
            .with_first_offset(aborted.first_offset)
    };
    aborted.map(one).collect()
}

/// The offset after the last of these batches.
fn end_of(records: &Bytes) -> Option<i64> {
    let mut rest: &[u8] = records;
    let mut end = None;
    while rest.len() >= batch::HEADER_BYTES {
        let mut prefix = rest;
        let base_offset = prefix.get_i64();
        let length = usize::try_from(prefix.get_i32()).ok()?;
        let mut delta = rest.get(LAST_OFFSET_DELTA_AT..)?;
        end = Some(base_offset + i64::from(delta.try_get_i32().ok()?) + 1);
        rest = rest.get(BATCH_PREFIX_BYTES + length..)?;
    }
    end
}
