//! One transactional id: who speaks for it and what its transaction holds.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use trueup_plants::{Plant, planted};

use crate::code::Code;
use crate::limits::TRANSACTIONAL_ID_EXPIRATION_MS;
use crate::names::{GroupId, Producer, TopicPartition};

/// Kafka's words, less those for an end that is under way: here an end is one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    Empty,
    Ongoing,
    CompleteCommit,
    CompleteAbort,
}

impl State {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) producer: Producer,
    /// Who asked to become `producer`: a retry of that request is known by it.
    pub(super) last_producer: Option<Producer>,
    pub(super) timeout_ms: i32,
    pub(super) state: State,
    pub(super) partitions: BTreeSet<TopicPartition>,
    pub(super) groups: BTreeSet<GroupId>,
    /// When the transaction began; of a meaning only while it is open.
    pub(super) started_ms: i64,
    pub(super) changed_ms: i64,
}

impl Entry {
    pub(super) fn new(
        producer: Producer,
        last_producer: Option<Producer>,
        timeout_ms: i32,
        now_ms: i64,
    ) -> Self {
        Self {
            producer,
            last_producer,
            timeout_ms,
            state: State::Empty,
            partitions: BTreeSet::new(),
            groups: BTreeSet::new(),
            started_ms: now_ms,
            changed_ms: now_ms,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Ongoing
    }

    pub(super) fn begin(&mut self, now_ms: i64) {
        if !self.is_open() {
            self.state = State::Ongoing;
            self.started_ms = now_ms;
        }
        self.changed_ms = now_ms;
    }

    /// When the transaction has taken too long, or the id has been unused for too long.
    pub(super) fn deadline_ms(&self) -> i64 {
        if self.is_open() {
            self.started_ms.saturating_add(i64::from(self.timeout_ms))
        } else {
            self.changed_ms
                .saturating_add(TRANSACTIONAL_ID_EXPIRATION_MS)
        }
    }

    /// Whether `producer` is the one that speaks for this id.
    pub(super) fn admit(&self, producer: Producer) -> Result<(), Code> {
        if producer.id != self.producer.id {
            return Err(Code::InvalidProducerIdMapping);
        }
        if producer.epoch != self.producer.epoch && !planted(Plant::FencingSkipped) {
            return Err(Code::ProducerFenced);
        }
        Ok(())
    }

    /// The epoch with which the broker itself ends a transaction. No producer ever has the
    /// largest epoch, so there always is one.
    pub(super) fn fence(&self) -> Producer {
        Producer {
            id: self.producer.id,
            epoch: self.producer.epoch.saturating_add(1),
        }
    }
}
