//! One producer on one partition: which batch may come next, and which one was here already.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use trueup_plants::{Plant, planted};

use super::batch::{ProducerBatch, advanced};
use crate::code::Code;
use crate::limits::REMEMBERED_BATCHES;

/// What is to be done with a client's batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Append it.
    Fresh,
    /// It was appended before: answer with that, append nothing.
    Duplicate {
        base_offset: i64,
        append_time_ms: i64,
    },
    /// A batch before it is missing, or it is older than what is remembered.
    OutOfOrderSequence { expected: i32 },
    /// It was known here and is no more, and this is not its first batch.
    Forgotten,
    /// A later epoch of this producer has been here.
    Fenced { epoch: i16 },
    /// Written outside of the transaction that its producer has open here.
    NotTransactional,
    /// Its header contradicts itself.
    Malformed,
}

impl Verdict {
    /// What the producer is told; `None` where it is told an offset.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Fresh | Self::Duplicate { .. } => Code::None,
            Self::OutOfOrderSequence { .. } => Code::OutOfOrderSequenceNumber,
            Self::Forgotten => Code::UnknownProducerId,
            Self::Fenced { .. } => Code::InvalidProducerEpoch,
            Self::NotTransactional => Code::InvalidTxnState,
            Self::Malformed => Code::InvalidRecord,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    base_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
    append_time_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProducerState {
    pub(super) epoch: i16,
    /// The last batches of this epoch, the oldest first.
    batches: VecDeque<Remembered>,
    /// The first offset of the transaction it has open here.
    pub(super) open_from: Option<i64>,
    pub(super) touched_ms: i64,
}

impl ProducerState {
    pub(super) fn new(epoch: i16) -> Self {
        Self {
            epoch,
            batches: VecDeque::new(),
            open_from: None,
            touched_ms: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open_from.is_some()
    }

    pub(super) fn last_sequence(&self) -> Option<i32> {
        self.batches.back().map(|batch| batch.last_sequence)
    }

    pub(super) fn check(&self, batch: &ProducerBatch) -> Verdict {
        if let Some(known) = self.duplicate(batch) {
            if planted(Plant::DuplicateAppended) {
                return Verdict::Fresh;
            }
            return Verdict::Duplicate {
                base_offset: known.base_offset,
                append_time_ms: known.append_time_ms,
            };
        }
        if batch.producer.epoch < self.epoch && !planted(Plant::FencingSkipped) {
            return Verdict::Fenced { epoch: self.epoch };
        }
        // A new epoch begins at 0, and so does an epoch of which only a marker is known.
        let expected = match self.last_sequence() {
            Some(last) if batch.producer.epoch == self.epoch => advanced(last, 1),
            _ => 0,
        };
        if batch.base_sequence != expected && !planted(Plant::SequenceGapAccepted) {
            return Verdict::OutOfOrderSequence { expected };
        }
        if self.is_open() && !batch.transactional {
            return Verdict::NotTransactional;
        }
        Verdict::Fresh
    }

    fn duplicate(&self, batch: &ProducerBatch) -> Option<&Remembered> {
        if batch.producer.epoch != self.epoch {
            return None;
        }
        self.batches.iter().find(|known| {
            known.base_sequence == batch.base_sequence
                && known.last_sequence == batch.last_sequence()
        })
    }

    /// Takes in a data batch. Says where a transaction began with it.
    pub(super) fn append(&mut self, batch: &ProducerBatch, now_ms: i64) -> Option<i64> {
        self.raise_epoch(batch.producer.epoch);
        self.touched_ms = now_ms;
        if self.batches.len() >= REMEMBERED_BATCHES {
            self.batches.pop_front();
        }
        self.batches.push_back(Remembered {
            base_sequence: batch.base_sequence,
            last_sequence: batch.last_sequence(),
            base_offset: batch.base_offset,
            append_time_ms: batch.append_time_ms,
        });
        if !batch.transactional || self.is_open() {
            return None;
        }
        self.open_from = Some(batch.base_offset);
        self.open_from
    }

    /// Takes in a marker. Says where the transaction had begun, if it had written here.
    pub(super) fn end(&mut self, epoch: i16, now_ms: i64) -> Option<i64> {
        self.raise_epoch(epoch);
        self.touched_ms = now_ms;
        self.open_from.take()
    }

    fn raise_epoch(&mut self, epoch: i16) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }
}
