//! Between our records and positions and librdkafka's messages and lists.

use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::{TopicNames, faults, headers};
use crate::ports::log::{Input, LogFault, Position, Record, Source};

pub(super) fn add(
    list: &mut TopicPartitionList,
    topic: &str,
    partitions: &[i32],
    offset: Offset,
) -> Result<(), LogFault> {
    for partition in partitions {
        list.add_partition_offset(topic, *partition, offset)
            .map_err(|error| faults::of_client("name partitions", &error))?;
    }
    Ok(())
}

pub(super) fn offsets(
    topics: &TopicNames,
    positions: &[(i32, Position)],
) -> Result<TopicPartitionList, LogFault> {
    let mut list = TopicPartitionList::new();
    for (partition, position) in positions {
        for input in Input::ALL {
            let offset = Offset::Offset(position.of(input));
            add(&mut list, topics.input(input), &[*partition], offset)?;
        }
    }
    Ok(list)
}

pub(super) fn size(record: &Record) -> usize {
    let headers = record.headers.iter().map(|(name, value)| {
        name.len()
            .saturating_add(value.as_ref().map_or(0, Vec::len))
    });
    let parts = [
        record.key.as_ref().map_or(0, Vec::len),
        record.value.as_ref().map_or(0, Vec::len),
    ];
    headers.chain(parts).fold(0, usize::saturating_add)
}

pub(super) fn of_message(topics: &TopicNames, message: &BorrowedMessage<'_>) -> Option<Record> {
    let input = if message.topic() == topics.events {
        Input::Events
    } else {
        Input::Orders
    };
    Some(to_record(Source::Input(input), message))
}

pub(super) fn to_record(source: Source, message: &BorrowedMessage<'_>) -> Record {
    Record {
        source,
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers::of(message),
    }
}
