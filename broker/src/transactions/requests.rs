//! What a producer asks within its transaction: to hold partitions and groups, to write, to end.

use trueup_plants::{Plant, planted};

use super::entry::{Entry, State};
use super::{Change, Ended, Ending, Outcome, Transactions};
use crate::code::Code;
use crate::limits::{MAX_GROUPS_PER_TRANSACTION, MAX_PARTITIONS_PER_TRANSACTION};
use crate::names::{GroupId, Producer, TopicPartition, TransactionalId};

impl Transactions {
    /// `AddPartitionsToTxn`. Begins the transaction where none is open.
    #[must_use]
    pub fn add_partitions(
        &self,
        id: &TransactionalId,
        producer: Producer,
        partitions: &[TopicPartition],
        now_ms: i64,
    ) -> Outcome<()> {
        let entry = match self.admitted(id, producer) {
            Ok(entry) => entry,
            Err(code) => return Outcome::refused(code),
        };
        let partitions: Vec<TopicPartition> = partitions
            .iter()
            .filter(|partition| !entry.partitions.contains(partition))
            .cloned()
            .collect();
        if partitions.is_empty() {
            return Outcome::of((), Vec::new());
        }
        if entry.partitions.len() + partitions.len() > MAX_PARTITIONS_PER_TRANSACTION {
            return Outcome::refused(Code::PolicyViolation);
        }
        let added = Change::PartitionsAdded {
            id: id.clone(),
            partitions,
            now_ms,
        };
        Outcome::of((), vec![added])
    }

    /// `AddOffsetsToTxn`. Begins the transaction where none is open.
    #[must_use]
    pub fn add_group(
        &self,
        id: &TransactionalId,
        producer: Producer,
        group: &GroupId,
        now_ms: i64,
    ) -> Outcome<()> {
        let entry = match self.admitted(id, producer) {
            Ok(entry) => entry,
            Err(code) => return Outcome::refused(code),
        };
        if entry.groups.contains(group) {
            return Outcome::of((), Vec::new());
        }
        if entry.groups.len() >= MAX_GROUPS_PER_TRANSACTION {
            return Outcome::refused(Code::PolicyViolation);
        }
        let added = Change::GroupAdded {
            id: id.clone(),
            group: group.clone(),
            now_ms,
        };
        Outcome::of((), vec![added])
    }

    /// `EndTxn`. A repeat of the end that was is well; the other end is not.
    #[must_use]
    pub fn end(
        &self,
        id: &TransactionalId,
        producer: Producer,
        ending: Ending,
        now_ms: i64,
    ) -> Outcome<()> {
        let entry = match self.admitted(id, producer) {
            Ok(entry) => entry,
            Err(code) => return Outcome::refused(code),
        };
        match (entry.state, ending) {
            (State::Ongoing, _) => {
                let (change, ended) = entry.ended(id, ending, entry.producer, now_ms);
                Outcome {
                    answer: Ok(()),
                    changes: vec![change],
                    ended: Some(ended),
                }
            }
            (State::CompleteCommit, Ending::Commit) | (State::CompleteAbort, Ending::Abort) => {
                Outcome::of((), Vec::new())
            }
            (State::CompleteCommit, Ending::Abort)
            | (State::CompleteAbort, Ending::Commit)
            | (State::Empty, _) => Outcome::refused(Code::InvalidTxnState),
        }
    }

    /// Whether a producer may write to a partition now. Asked for a batch that would open the
    /// transaction there: one that comes after the end would stay open for ever.
    ///
    /// # Errors
    /// What the produce is to be answered with.
    pub fn verify_partition(
        &self,
        id: &TransactionalId,
        producer: Producer,
        partition: &TopicPartition,
    ) -> Result<(), Code> {
        let entry = self.writing(id, producer)?;
        if entry.partitions.contains(partition) || planted(Plant::PartitionUnverified) {
            return Ok(());
        }
        Err(Code::InvalidTxnState)
    }

    /// Whether a producer may commit a group's offsets now (`TxnOffsetCommit`).
    ///
    /// # Errors
    /// What the commit is to be answered with.
    pub fn verify_group(
        &self,
        id: &TransactionalId,
        producer: Producer,
        group: &GroupId,
    ) -> Result<(), Code> {
        let entry = self.writing(id, producer)?;
        if entry.groups.contains(group) {
            return Ok(());
        }
        Err(Code::InvalidTxnState)
    }

    /// A write says of a fence what a partition says of it.
    fn writing(&self, id: &TransactionalId, producer: Producer) -> Result<&Entry, Code> {
        self.admitted(id, producer).map_err(|code| match code {
            Code::ProducerFenced => Code::InvalidProducerEpoch,
            other => other,
        })
    }

    fn admitted(&self, id: &TransactionalId, producer: Producer) -> Result<&Entry, Code> {
        let entry = self.entries.get(id).ok_or(Code::InvalidProducerIdMapping)?;
        entry.admit(producer)?;
        Ok(entry)
    }
}

impl Entry {
    /// The end of the open transaction, from then on spoken for by `producer`.
    pub(super) fn ended(
        &self,
        id: &TransactionalId,
        ending: Ending,
        producer: Producer,
        now_ms: i64,
    ) -> (Change, Ended) {
        let change = Change::Ended {
            id: id.clone(),
            ending,
            producer,
            now_ms,
        };
        let ended = Ended {
            transactional_id: id.clone(),
            ending,
            producer,
            partitions: self.partitions.iter().cloned().collect(),
            groups: self.groups.iter().cloned().collect(),
        };
        (change, ended)
    }
}
