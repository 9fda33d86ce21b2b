//! What one partition knows beside its bytes: the last batches of each producer, the
//! transactions open on it, and those that were aborted.
//!
//! It is a function of the batches' headers in their order: [`PartitionState::apply`] at an
//! append and at a replay. The core asks [`PartitionState::check`] first, appends what is `Fresh`,
//! and answers what is a `Duplicate` with the first append's offset *after a sync*, because the
//! first append may not be synced yet. A client's control batch is not for this machine.

mod aborted;
mod batch;
mod producer;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod undecided;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};
use trueup_plants::{Plant, planted};

pub use self::aborted::Aborted;
use self::aborted::AbortedIndex;
pub use self::batch::ProducerBatch;
use self::producer::ProducerState;
pub use self::producer::Verdict;
use self::undecided::Undecided;
use crate::limits::{MAX_PRODUCERS_PER_PARTITION, PRODUCER_EXPIRATION_MS};
use crate::names::Producer;
use crate::stored::Stored;
use crate::transactions::Ending;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionState {
    producers: BTreeMap<i64, ProducerState>,
    undecided: Undecided,
    aborted: AbortedIndex,
    /// The highest id that was forgotten in this life of the broker. A start brings everybody
    /// back whose batches are still here, so it forgets this too.
    #[serde(skip)]
    forgotten: Option<i64>,
}

impl Stored for PartitionState {}

/// A producer as `DescribeProducers` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveProducer {
    pub producer: Producer,
    /// -1 where nothing is remembered of this epoch.
    pub last_sequence: i32,
    pub touched_ms: i64,
    pub open_from: Option<i64>,
}

impl PartitionState {
    /// Whether a client's batch may be appended. Changes nothing.
    #[must_use]
    pub fn check(&self, batch: &ProducerBatch) -> Verdict {
        if batch.producer.id < 0 {
            return if batch.transactional {
                Verdict::Malformed
            } else {
                Verdict::Fresh
            };
        }
        if batch.base_sequence < 0 || batch.producer.epoch < 0 {
            return Verdict::Malformed;
        }
        match self.producers.get(&batch.producer.id) {
            // Kafka takes any sequence from a producer that it does not know, and so a second
            // batch whose first one was refused a moment ago; librdkafka then counts the first one
            // as acknowledged, because a later one was, and it is lost.
            None if batch.base_sequence == 0 || planted(Plant::SequenceGapAccepted) => {
                Verdict::Fresh
            }
            // Idle since long, or one of too many: it shall begin anew under another id.
            None if self.forgotten >= Some(batch.producer.id) => Verdict::Forgotten,
            None => Verdict::OutOfOrderSequence { expected: 0 },
            Some(producer) => producer.check(batch),
        }
    }

    /// Takes in a batch that is being appended, or was. `now_ms` only serves expiry; a replay
    /// gives the time of the replay, so that a restart forgets no producer.
    pub fn apply(&mut self, batch: &ProducerBatch, now_ms: i64) {
        if batch.producer.id < 0 {
            return;
        }
        self.make_room_for(batch.producer.id);
        let producer = match self.producers.entry(batch.producer.id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(ProducerState::new(batch.producer.epoch)),
        };
        match batch.marker {
            None => {
                if let Some(first_offset) = producer.append(batch, now_ms) {
                    self.undecided.begin(first_offset);
                }
            }
            Some(ending) => {
                let Some(first_offset) = producer.end(batch.producer.epoch, now_ms) else {
                    return;
                };
                let marker_offset = batch.last_offset();
                self.undecided.end(first_offset, marker_offset);
                if ending == Ending::Abort {
                    self.aborted.push(Aborted {
                        producer_id: batch.producer.id,
                        first_offset,
                        marker_offset,
                        stable_offset: self.undecided.first_open().unwrap_or(marker_offset + 1),
                    });
                }
            }
        }
    }

    /// The offset below which every transaction's end is known *and synced*: what a reader of
    /// committed records may see. `high_watermark` is the end of what is synced.
    #[must_use]
    pub fn last_stable_offset(&self, log_start: i64, high_watermark: i64) -> i64 {
        self.undecided.stable(high_watermark).max(log_start)
    }

    /// Forgets which ends were not synced below `high_watermark`. It never goes back, so this
    /// only frees memory.
    pub fn synced(&mut self, high_watermark: i64) {
        self.undecided.synced(high_watermark);
    }

    /// The aborted transactions of which a record may lie in `from..below`, in the order in which
    /// they ended.
    #[must_use]
    pub fn aborted_between(&self, from: i64, below: i64) -> Vec<Aborted> {
        self.aborted.between(from, below)
    }

    /// The log now begins at `log_start`: what ended below is no longer asked for.
    pub fn truncate_before(&mut self, log_start: i64) {
        self.aborted.truncate_before(log_start);
    }

    /// Forgets producers that have been silent for long and have no open transaction. Says how
    /// many.
    pub fn expire(&mut self, now_ms: i64) -> usize {
        let before = self.producers.len();
        let silent_since = now_ms.saturating_sub(PRODUCER_EXPIRATION_MS);
        let forgotten = &mut self.forgotten;
        self.producers.retain(|id, producer| {
            let kept = producer.is_open() || producer.touched_ms > silent_since;
            if !kept {
                *forgotten = (*forgotten).max(Some(*id));
            }
            kept
        });
        before - self.producers.len()
    }

    /// Whether this producer has a transaction open here. Where it has, its next batch needs no
    /// question to the transaction coordinator.
    #[must_use]
    pub fn is_open(&self, producer: Producer) -> bool {
        self.producers
            .get(&producer.id)
            .is_some_and(|known| known.epoch == producer.epoch && known.is_open())
    }

    pub fn producers(&self) -> impl Iterator<Item = ActiveProducer> + '_ {
        self.producers.iter().map(|(id, state)| ActiveProducer {
            producer: Producer {
                id: *id,
                epoch: state.epoch,
            },
            last_sequence: state.last_sequence().unwrap_or(-1),
            touched_ms: state.touched_ms,
            open_from: state.open_from,
        })
    }

    /// A full house forgets the producer that has been silent for longest; one with an open
    /// transaction stays.
    fn make_room_for(&mut self, id: i64) {
        if self.producers.len() < MAX_PRODUCERS_PER_PARTITION || self.producers.contains_key(&id) {
            return;
        }
        let silent = self
            .producers
            .iter()
            .filter(|(_, producer)| !producer.is_open())
            .min_by_key(|(_, producer)| producer.touched_ms)
            .map(|(id, _)| *id);
        if let Some(silent) = silent {
            self.forgotten = self.forgotten.max(Some(silent));
            self.producers.remove(&silent);
        }
    }
}
