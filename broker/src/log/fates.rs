//! How the transactions in a log ended, told from its markers alone.

use std::collections::HashMap;

use trueup_plants::{Plant, planted};

use crate::batch::{Batch, BatchHeader, Marker};

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// In no transaction, or in one that was committed.
    Committed,
    Aborted,
    /// No end of its transaction was seen. There may be one in a later segment.
    Open,
}

/// The ends of each producer's transactions, by offset.
#[derive(Debug, Default)]
pub(super) struct Fates {
    ends: HashMap<i64, Vec<(i64, Marker)>>,
    /// The first data of each producer since its last end.
    begun: HashMap<i64, i64>,
}

impl Fates {
    /// Takes note of the next batch.
    pub(super) fn note(&mut self, batch: &Batch) {
        let header = &batch.header;
        if let Some(kind) = batch.marker_kind() {
            self.begun.remove(&header.producer_id);
            self.ends
                .entry(header.producer_id)
                .or_default()
                .push((header.base_offset, kind));
        } else if header.is_transactional() {
            self.begun
                .entry(header.producer_id)
                .or_insert(header.base_offset);
        }
    }

    pub(super) fn of(&self, header: &BatchHeader) -> Fate {
        if !header.is_transactional() {
            return Fate::Committed;
        }
        let ends = self.ends.get(&header.producer_id);
        let end = ends.and_then(|ends| {
            let later = ends.partition_point(|(offset, _)| *offset <= header.base_offset);
            ends.get(later)
        });
        match end {
            Some((_, Marker::Commit)) => Fate::Committed,
            Some((_, Marker::Abort)) => Fate::Aborted,
            None if planted(Plant::OpenTransactionCompacted) => Fate::Committed,
            None => Fate::Open,
        }
    }

    /// The first offset of a transaction whose end was not seen.
    pub(super) fn first_open(&self) -> Option<i64> {
        self.begun.values().min().copied()
    }
}
