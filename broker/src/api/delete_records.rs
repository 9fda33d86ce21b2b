//! `DeleteRecords`: moves the beginning of a partition.

use kafka_protocol::messages::delete_records_request::DeleteRecordsPartition;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, ResponseKind, TopicName,
};

use super::Outcome;
use super::words::partition;
use crate::code::Code;
use crate::core::{Core, Item};

const TO_THE_END: i64 = -1;

pub(super) fn delete(core: &mut Core, request: DeleteRecordsRequest) -> Outcome {
    let mut topics = Vec::new();
    for topic in request.topics {
        let mut partitions = Vec::new();
        for wanted in &topic.partitions {
            let result = DeleteRecordsPartitionResult::default()
                .with_partition_index(wanted.partition_index)
                .with_low_watermark(-1);
            partitions.push(match delete_one(core, &topic.name, wanted) {
                Ok(start) => result.with_low_watermark(start),
                Err(code) => result.with_error_code(code.number()),
            });
        }
        topics.push(
            DeleteRecordsTopicResult::default()
                .with_name(topic.name)
                .with_partitions(partitions),
        );
    }
    Outcome::Durable(ResponseKind::DeleteRecords(
        DeleteRecordsResponse::default().with_topics(topics),
    ))
}

fn delete_one(
    core: &mut Core,
    name: &TopicName,
    wanted: &DeleteRecordsPartition,
) -> Result<i64, Code> {
    let place = partition(name, wanted.partition_index).ok_or(Code::InvalidTopic)?;
    let unknown = Code::UnknownTopicOrPartition;
    let topic = core.state.topics.get(place.topic.as_str()).ok_or(unknown)?;
    if !topic.settings.delete {
        return Err(Code::PolicyViolation);
    }
    let id = topic.id;
    let partition = core.state.partition(&place).ok_or(unknown)?;
    let start = match wanted.offset {
        TO_THE_END => partition.high_watermark,
        offset => offset,
    };
    if start < 0 || start > partition.high_watermark {
        return Err(Code::OffsetOutOfRange);
    }
    let start = start.max(partition.log_start());
    core.commit(vec![Item::Start {
        topic: id,
        partition: wanted.partition_index,
        offset: start,
    }]);
    Ok(start)
}
