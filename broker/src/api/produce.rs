//! `Produce`: each batch is checked, given its offsets and journaled, and answered when synced.

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse, ResponseKind};

use super::Outcome;
use super::words::{LEADER_EPOCH, partition, some};
use crate::batch::{self, Batch, BatchFault};
use crate::code::Code;
use crate::core::{Core, Item, producer_batch};
use crate::names::{Producer, TopicPartition, TransactionalId};
use crate::partition_state::Verdict;
use crate::topics::Settings;

/// Where a batch came to lie, or lay already.
struct Placed {
    base_offset: i64,
    append_time_ms: i64,
}

type Refusal = (Code, Option<String>);

pub(super) fn produce(core: &mut Core, request: ProduceRequest, now_ms: i64) -> Outcome {
    let acks = request.acks;
    let id = request
        .transactional_id
        .as_ref()
        .map(|id| TransactionalId::try_from(id.as_str()));
    let mut writer = Writer {
        refused: match (acks, &id) {
            (-1..=1, None | Some(Ok(_))) => None,
            (-1..=1, Some(Err(_))) => Some(Code::InvalidRequest),
            _ => Some(Code::InvalidRequiredAcks),
        },
        id: id.and_then(Result::ok),
        now_ms,
    };
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for topic in request.topic_data {
        responses.push(writer.topic(core, topic));
    }
    if acks == 0 {
        return Outcome::Silent;
    }
    Outcome::Durable(ResponseKind::Produce(
        ProduceResponse::default().with_responses(responses),
    ))
}

struct Writer {
    id: Option<TransactionalId>,
    refused: Option<Code>,
    now_ms: i64,
}

impl Writer {
    fn topic(&mut self, core: &mut Core, topic: TopicProduceData) -> TopicProduceResponse {
        let mut responses = Vec::with_capacity(topic.partition_data.len());
        for data in topic.partition_data {
            let PartitionProduceData { index, records, .. } = data;
            let mut response = PartitionProduceResponse::default()
                .with_index(index)
                .with_base_offset(-1)
                .with_log_append_time_ms(-1);
            let placed = match partition(&topic.name, index) {
                Some(place) => {
                    let placed = self.place(core, &place, records.unwrap_or_default());
                    response.log_start_offset = core
                        .state
                        .partition(&place)
                        .map_or(-1, |partition| partition.log_start());
                    placed
                }
                None => Err((Code::InvalidTopic, None)),
            };
            match placed {
                Ok(placed) => {
                    response.base_offset = placed.base_offset;
                    response.log_append_time_ms = placed.append_time_ms;
                }
                Err((code, reason)) => {
                    response.error_code = code.number();
                    response.error_message = reason.as_deref().and_then(some);
                }
            }
            responses.push(response);
        }
        TopicProduceResponse::default()
            .with_name(topic.name)
            .with_partition_responses(responses)
    }

    fn place(
        &mut self,
        core: &mut Core,
        place: &TopicPartition,
        records: Bytes,
    ) -> Result<Placed, Refusal> {
        if let Some(code) = self.refused {
            return Err((code, None));
        }
        let topic = core.state.topics.get(place.topic.as_str());
        let unknown = (Code::UnknownTopicOrPartition, None);
        let topic = topic.ok_or(unknown.clone())?;
        let batch = self.one(records, &topic.settings)?;
        let append_time_ms = topic.settings.log_append_time.then_some(self.now_ms);
        let topic_id = topic.id;
        let partition = core.state.partition(place).ok_or(unknown)?;

        let base_offset = partition.end();
        let mut told = producer_batch(&batch);
        told.base_offset = base_offset;
        match partition.state.check(&told) {
            Verdict::Fresh => {}
            Verdict::Duplicate {
                base_offset,
                append_time_ms,
            } => {
                return Ok(Placed {
                    base_offset,
                    append_time_ms,
                });
            }
            refused => return Err((refused.code(), None)),
        }
        let producer = told.producer;
        if told.transactional && !partition.state.is_open(producer) {
            self.belongs(core, producer, place)?;
        }
        let batch = batch.assigned(base_offset, LEADER_EPOCH, append_time_ms);
        core.commit(vec![Item::Batch {
            topic: topic_id,
            partition: place.partition,
            batch,
        }]);
        Ok(Placed {
            base_offset,
            append_time_ms: append_time_ms.unwrap_or(-1),
        })
    }

    /// A transactional batch may only begin to lie in a partition that its transaction holds:
    /// a late one would otherwise open a transaction that nobody ends.
    fn belongs(
        &self,
        core: &Core,
        producer: Producer,
        place: &TopicPartition,
    ) -> Result<(), Refusal> {
        let id = self.id.as_ref().ok_or((Code::InvalidTxnState, None))?;
        core.state
            .transactions
            .verify_partition(id, producer, place)
            .map_err(|code| (code, None))
    }

    fn one(&self, records: Bytes, settings: &Settings) -> Result<Batch, Refusal> {
        let batches = batch::split(records, settings.max_message_bytes)
            .map_err(|fault| (named(&fault), Some(fault.to_string())))?;
        let Ok([batch]) = <[Batch; 1]>::try_from(batches) else {
            let reason = "each partition takes exactly one batch of a request".to_owned();
            return Err((Code::InvalidRecord, Some(reason)));
        };
        if settings.compact {
            keyed(&batch)?;
        }
        let time_ms = batch.header.max_timestamp;
        let early = self.now_ms.saturating_sub(settings.timestamp_before_max_ms);
        let late = self.now_ms.saturating_add(settings.timestamp_after_max_ms);
        if !settings.log_append_time && time_ms >= 0 && !(early..=late).contains(&time_ms) {
            let reason = format!("the timestamp {time_ms} is not within {early} and {late}");
            return Err((Code::InvalidTimestamp, Some(reason)));
        }
        Ok(batch)
    }
}

fn named(fault: &BatchFault) -> Code {
    match fault {
        BatchFault::TooLarge(_) => Code::MessageTooLarge,
        BatchFault::UnknownMagic(_) => Code::UnsupportedForMessageFormat,
        BatchFault::Truncated(_) | BatchFault::BadLength(_) | BatchFault::BadChecksum(_) => {
            Code::CorruptMessage
        }
        BatchFault::BadCount(_)
        | BatchFault::UnknownAttributes(_)
        | BatchFault::ControlFromClient(_)
        | BatchFault::BadProducer(_)
        | BatchFault::TooManyBatches(_) => Code::InvalidRecord,
    }
}

/// A record without a key could never be compacted away.
fn keyed(batch: &Batch) -> Result<(), Refusal> {
    let refused = |reason: String| (Code::InvalidRecord, Some(reason));
    let records = batch
        .records()
        .map_err(|fault| refused(fault.to_string()))?;
    match records.iter().find(|record| record.key.is_none()) {
        None => Ok(()),
        Some(record) => Err(refused(format!(
            "record {} has no key, and the topic is compacted",
            record.offset_delta
        ))),
    }
}
