//! `InitProducerId`: a producer id with an epoch that fences whoever had it before.

use super::entry::Entry;
use super::{Change, Ended, Ending, Outcome, Transactions};
use crate::code::Code;
use crate::limits::{MAX_TRANSACTIONAL_IDS, TRANSACTION_TIMEOUT_MS_MAX};
use crate::names::{Producer, TransactionalId};

/// The last epoch that a producer may have. The one above is left for a fence.
const LAST_EPOCH: i16 = i16::MAX - 1;

impl Transactions {
    /// `expected` is who the caller believes to be (KIP-360): it may go on from there, and is
    /// refused when another has come since. Without it the caller takes the id over.
    #[must_use]
    pub fn init_producer_id(
        &self,
        id: Option<&TransactionalId>,
        timeout_ms: i32,
        expected: Option<Producer>,
        now_ms: i64,
    ) -> Outcome<Producer> {
        let Some(id) = id else {
            let (producer, taken) = self.next_producer();
            return Outcome::of(producer, vec![taken]);
        };
        if timeout_ms <= 0 || timeout_ms > TRANSACTION_TIMEOUT_MS_MAX {
            return Outcome::refused(Code::InvalidTransactionTimeout);
        }
        let initialized = |producer, last_producer| Change::Initialized {
            id: id.clone(),
            producer,
            last_producer,
            timeout_ms,
            now_ms,
        };
        let Some(entry) = self.entries.get(id) else {
            if self.entries.len() >= MAX_TRANSACTIONAL_IDS {
                return Outcome::refused(Code::PolicyViolation);
            }
            // An expected producer is of no matter: the id was forgotten, and nobody else had it.
            let (producer, taken) = self.next_producer();
            return Outcome::of(producer, vec![taken, initialized(producer, None)]);
        };
        match expected {
            Some(expected) if entry.last_producer == Some(expected) && !entry.is_open() => {
                // The answer to the same request was lost. Nobody came since, or there would be
                // no last producer.
                return Outcome::of(entry.producer, Vec::new());
            }
            Some(expected) if expected != entry.producer => {
                return Outcome::refused(Code::ProducerFenced);
            }
            Some(_) | None => {}
        }

        let mut changes = Vec::new();
        let ended = entry
            .is_open()
            .then(|| aborted(id, entry, now_ms, &mut changes));
        let producer = if entry.producer.epoch >= LAST_EPOCH {
            let (producer, taken) = self.next_producer();
            changes.push(taken);
            producer
        } else {
            entry.fence()
        };
        changes.push(initialized(producer, expected));
        Outcome {
            answer: Ok(producer),
            changes,
            ended,
        }
    }

    fn next_producer(&self) -> (Producer, Change) {
        let producer = Producer {
            id: self.next_producer_id,
            epoch: 0,
        };
        let next = self.next_producer_id.saturating_add(1);
        (producer, Change::ProducerIdTaken { next })
    }
}

fn aborted(id: &TransactionalId, entry: &Entry, now_ms: i64, changes: &mut Vec<Change>) -> Ended {
    let (change, ended) = entry.ended(id, Ending::Abort, entry.fence(), now_ms);
    changes.push(change);
    ended
}
