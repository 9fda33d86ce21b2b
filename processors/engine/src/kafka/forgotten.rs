//! Ends what the brokers have forgotten to end.
//!
//! Brokers that are killed can forget the marks of a transaction's end (see `crate::hanging`; Kafka
//! 4.3 skips them while a partition has no leader, as after a restart of its only broker). What was
//! written then stays open in some logs: readers of committed records stop there, and the next end
//! of *any* transaction of the same producer in that log ends it too, whichever way that one goes.
//! Left alone, an aborted batch can come to light when its repetition is committed.
//!
//! So a new producer first writes to every log that its predecessor may have written, and aborts.
//! What was forgotten is gone then, also where the coordinator had committed it: nobody has read of
//! it, the store was not told of it (see `crate::seen`), and the inputs are read again.

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{Consumer, ConsumerGroupMetadata};

use super::history::History;
use super::producer::TransactionalProducer;
use super::{CALL_TIMEOUT, TopicNames, faults};
use crate::ports::log::{Destination, LogFault, Output};

/// Never seen by a reader of committed records.
const KEY: &[u8] = b"trueup:end";

const OUTPUTS: [Destination; 4] = [
    Destination::Status,
    Destination::Gaps,
    Destination::Windows,
    Destination::DeadLetters,
];

pub(super) fn end_as_aborted(
    producer: &TransactionalProducer,
    history: &History,
    topics: &TopicNames,
    offsets: &TopicPartitionList,
    generation: Option<&ConsumerGroupMetadata>,
) -> Result<(), LogFault> {
    producer.begin()?;
    for to in OUTPUTS {
        let topic = topics.destination(to);
        for partition in partitions(history, topic)? {
            let output = Output {
                to,
                partition: Some(partition),
                key: KEY.to_vec(),
                value: None,
                headers: Vec::new(),
            };
            producer.produce(topic, &output)?;
        }
    }
    producer.drain()?;
    if let Some(generation) = generation {
        // Refused where the generation is over, and taken into the transaction all the same.
        let refused = producer.send_offsets(offsets, generation).err();
        tracing::trace!(?refused, "offsets of a transaction that is aborted");
    }
    producer.abort()
}

fn partitions(history: &History, topic: &str) -> Result<Vec<i32>, LogFault> {
    let metadata = history
        .consumer()
        .fetch_metadata(Some(topic), CALL_TIMEOUT)
        .map_err(|error| faults::of_client("read the topics", &error))?;
    let found = metadata
        .topics()
        .iter()
        .filter(|found| found.name() == topic);
    Ok(found
        .flat_map(|found| found.partitions())
        .map(|partition| partition.id())
        .collect())
}
