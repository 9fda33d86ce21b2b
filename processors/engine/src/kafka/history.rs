//! Reads what was written, outside the group: state topics up to a barrier, inputs up to an
//! offset.
//!
//! A second consumer, so that reading back neither moves nor swallows what the group consumer has
//! under way. Under `read_committed` an end-of-partition is the last *stable* offset, not the end.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::convert::to_record;
use super::{CALL_TIMEOUT, KafkaSettings, faults};
use crate::ports::log::{FaultClass, LogFault, Record, Source, Until};
use crate::state::is_barrier;

/// How long the next record of a read may take to come.
const NEXT_RECORD_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_WAIT: Duration = Duration::from_millis(100);

const READ_BOUNDS: &str = "read a log's bounds";

pub(super) struct History {
    consumer: BaseConsumer<DefaultConsumerContext>,
    /// Topic, partition and next offset of what is assigned: a read goes on without a new fetch.
    at: Option<(String, i32, i64)>,
}

impl History {
    pub(super) fn open(settings: &KafkaSettings) -> Result<Self, LogFault> {
        let mut config = settings.client_config();
        config
            // Named because the client assigns nothing without; nobody ever joins it.
            .set("group.id", format!("{}-history", settings.group))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "10");
        let consumer = config
            .create()
            .map_err(|error| faults::of_client("open a reader", &error))?;
        Ok(Self { consumer, at: None })
    }

    pub(super) fn consumer(&self) -> &BaseConsumer<DefaultConsumerContext> {
        &self.consumer
    }

    /// Where a log begins and ends. librdkafka asks for both at once, and when one answer is an
    /// error and the other comes close behind it, it forgets the error and gives the one offset as
    /// both. A log that is read from its end, because it seems to begin there, is lost: so where
    /// the two are one, each is asked for by itself.
    pub(super) fn bounds(&self, topic: &str, partition: i32) -> Result<(i64, i64), LogFault> {
        let (start, end) = self
            .consumer
            .fetch_watermarks(topic, partition, CALL_TIMEOUT)
            .map_err(|error| faults::of_client(READ_BOUNDS, &error))?;
        if start < end {
            return Ok((start, end));
        }
        let start = self.offset(topic, partition, Offset::Beginning)?;
        Ok((start, self.offset(topic, partition, Offset::End)?))
    }

    fn offset(&self, topic: &str, partition: i32, which: Offset) -> Result<i64, LogFault> {
        let failed = |error: &KafkaError| faults::of_client(READ_BOUNDS, error);
        let mut asked = TopicPartitionList::new();
        asked
            .add_partition_offset(topic, partition, which)
            .map_err(|error| failed(&error))?;
        let told = self.consumer.offsets_for_times(asked, CALL_TIMEOUT);
        let told = told.map_err(|error| failed(&error))?;
        let found = told.find_partition(topic, partition);
        let found = found.map(|found| found.error().map(|()| found.offset()));
        match found {
            Some(Ok(Offset::Offset(offset))) => Ok(offset),
            Some(Err(error)) => Err(failed(&error)),
            Some(Ok(_)) | None => Err(LogFault {
                operation: READ_BOUNDS,
                class: FaultClass::Retriable,
                reason: format!("{topic}/{partition}: the answer names no offset"),
            }),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the port's six, and the topic's name"
    )]
    pub(super) fn read(
        &mut self,
        topic: &str,
        source: Source,
        partition: i32,
        from: i64,
        until: &Until,
        most: usize,
        take: &mut dyn FnMut(Record),
    ) -> Result<bool, LogFault> {
        if let Until::Offset(end) = until
            && from >= *end
        {
            return Ok(true);
        }
        self.go_to(topic, partition, from)?;
        let mut taken = 0_usize;
        let mut last = Instant::now();
        while taken < most {
            match self.consumer.poll(POLL_WAIT) {
                Some(Ok(message)) => {
                    last = Instant::now();
                    let next = message.offset().saturating_add(1);
                    let record = to_record(source, &message);
                    if let Some((_, _, at)) = &mut self.at {
                        *at = next;
                    }
                    if ends_before(until, &record) {
                        return self.finish();
                    }
                    let is_last = matches!(until, Until::Offset(end) if next >= *end);
                    take(record);
                    taken = taken.saturating_add(1);
                    if is_last {
                        return self.finish();
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => match until {
                    // What stands before the stable end was shown; the rest is marks.
                    Until::StableEnd | Until::Offset(_) => return self.finish(),
                    Until::Barrier(_) => {}
                },
                Some(Err(error)) => tracing::debug!(%error, "reader"),
                None => {}
            }
            if last.elapsed() >= NEXT_RECORD_TIMEOUT {
                self.at = None;
                return Err(LogFault {
                    operation: "read history",
                    class: FaultClass::Retriable,
                    reason: format!("`{topic}` partition {partition} gave nothing more in time"),
                });
            }
        }
        Ok(false)
    }

    fn go_to(&mut self, topic: &str, partition: i32, from: i64) -> Result<(), LogFault> {
        if self.at.as_ref().is_some_and(|(known, number, next)| {
            known == topic && *number == partition && *next == from
        }) {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        let told = list
            .add_partition_offset(topic, partition, Offset::Offset(from))
            .and_then(|()| self.consumer.assign(&list));
        told.map_err(|error| faults::of_client("read history", &error))?;
        self.at = Some((topic.to_owned(), partition, from));
        Ok(())
    }

    fn finish(&mut self) -> Result<bool, LogFault> {
        self.at = None;
        self.consumer
            .unassign()
            .map_err(|error| faults::of_client("end a reading", &error))?;
        Ok(true)
    }
}

fn ends_before(until: &Until, record: &Record) -> bool {
    match until {
        Until::Offset(end) => record.offset >= *end,
        Until::Barrier(nonce) => is_barrier(record, nonce),
        Until::StableEnd => false,
    }
}
