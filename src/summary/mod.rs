//! The whole system in one answer: follows the state topics of every process, not only of this one.
//!
//! Reads what is committed, belongs to no group, and keeps current values only.

pub mod answer;

pub mod limits;

mod follower;

mod held;

mod depth;

mod metrics;

mod open_gaps;

mod tail;

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::consumer::{BaseConsumer, Consumer};
use trueup_domain::event::UnixMillis;
use trueup_reconciler::StopFlag;
use trueup_schemas::codec::Codec;
use trueup_schemas::topics::Topics;

use self::answer::SummaryAnswer;
pub use self::follower::{Follower, GapPage};
pub use self::held::Followed;
pub use self::open_gaps::{GapQuery, Place};
use crate::config::KafkaTarget;

/// Why there is no summary now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SummaryFault {
    #[error("the state topics have not been read to their end yet; try again")]
    Reading,
    #[error("the state topics could not be read: {0}")]
    Unread(String),
    #[error("the brokers could not be asked how far the inputs reach: {0}")]
    Watermarks(String),
}

pub struct Summary {
    follower: Follower,
    watermarks: BaseConsumer,
    inputs: [String; 2],
    stop: StopFlag,
    clock: fn() -> UnixMillis,
}

impl fmt::Debug for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Summary")
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}

impl Summary {
    /// Starts to follow the topics, until `stop`.
    ///
    /// # Errors
    /// When the client or a thread cannot be made.
    pub fn follow(
        kafka: &KafkaTarget,
        codec: &Codec,
        stop: &StopFlag,
        clock: fn() -> UnixMillis,
    ) -> Result<Self, String> {
        let topics = Topics::new(&kafka.prefix);
        let watermarks = tail::consumer(kafka).map_err(|fault| fault.to_string())?;
        let follower = Follower::start(kafka, codec, stop, &Followed::ALL)
            .map_err(|fault| fault.to_string())?;
        Ok(Self {
            follower,
            watermarks,
            inputs: [topics.payments_events(), topics.orders()],
            stop: stop.clone(),
            clock,
        })
    }

    /// The whole; waits while the topics are read for the first time.
    ///
    /// # Errors
    /// When they cannot be read, or no broker answers.
    pub fn answer(&self) -> Result<SummaryAnswer, SummaryFault> {
        self.await_read(&Followed::ALL)?;
        // The ends are asked for first: what is folded meanwhile is not behind.
        let ends = self.ends()?;
        self.follower.show(&Followed::ALL, |held| {
            let mut behind = BTreeMap::new();
            for (partition, bounds) in ends {
                let held = held.partitions.get(&partition);
                let state = held.and_then(|held| held.state.as_ref());
                let next = state.map_or([0, 0], |state| [state.events.next, state.orders.next]);
                let left = bounds
                    .iter()
                    .zip(next)
                    .map(|((start, end), next)| end.saturating_sub(next.max(*start)).max(0));
                behind.insert(partition, left.sum());
            }
            answer::summary(held, &behind, (self.clock)())
        })
    }

    /// A page of the open gaps, oldest first; waits while they are read for the first time.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn gaps(&self, query: &GapQuery) -> Result<GapPage, SummaryFault> {
        self.await_read(&[Followed::Gaps])?;
        self.follower.gaps(query, (self.clock)())
    }

    fn await_read(&self, needed: &[Followed]) -> Result<(), SummaryFault> {
        let read = self.follower.await_read(needed, &self.stop);
        read.map_err(SummaryFault::Unread).map(|_| ())
    }

    /// First and next offset of both inputs, by partition.
    fn ends(&self) -> Result<BTreeMap<i32, [(i64, i64); 2]>, SummaryFault> {
        let fault = |fault: rdkafka::error::KafkaError| SummaryFault::Watermarks(fault.to_string());
        let [events, orders] = &self.inputs;
        let count = tail::partitions(&self.watermarks, events).map_err(fault)?;
        let bounds = |topic: &str, partition| {
            self.watermarks
                .fetch_watermarks(topic, partition, limits::QUERY_TIMEOUT)
                .map_err(fault)
        };
        (0..count)
            .map(|partition| {
                let both = [bounds(events, partition)?, bounds(orders, partition)?];
                Ok((partition, both))
            })
            .collect()
    }
}
