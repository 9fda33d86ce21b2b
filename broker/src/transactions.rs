//! The transaction coordinator: which producer speaks for a transactional id, and what its open
//! transaction holds.
//!
//! A request is answered with an [`Outcome`]: the answer, the changes to journal and
//! [`Transactions::apply`], and the transaction that thereby ended, if one did. The core puts the
//! changes, a marker for every partition of [`Ended`] and the end of its groups' pending offsets
//! into one atomic lot. So a transaction is open or ended and never in between, and no client is
//! told to wait for an end (`ConcurrentTransactions`). [`Transactions::tick`] ends what took too
//! long, as if by a request; [`Transactions::next_deadline_ms`] says when to ask it.

mod change;
mod entry;
mod initialize;
#[cfg(test)]
mod properties;
mod requests;
#[cfg(test)]
mod tests;
mod timeouts;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::change::Change;
use self::entry::Entry;
pub use self::entry::State;
pub use self::timeouts::Ticked;
pub use self::view::{Described, Listed};
use crate::code::Code;
use crate::names::{GroupId, Producer, TopicPartition, TransactionalId};
use crate::stored::Stored;

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ending {
    Commit,
    Abort,
}

/// A transaction that ends with an outcome's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub transactional_id: TransactionalId,
    pub ending: Ending,
    /// The producer to write the markers as. Its epoch is higher than that of the records where
    /// the broker ended the transaction by itself, which fences the producer at the partitions.
    pub producer: Producer,
    pub partitions: Vec<TopicPartition>,
    pub groups: Vec<GroupId>,
}

/// What a request comes to. Where the answer is an error, nothing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<T> {
    pub answer: Result<T, Code>,
    pub changes: Vec<Change>,
    pub ended: Option<Ended>,
}

impl<T> Outcome<T> {
    fn refused(code: Code) -> Self {
        Self {
            answer: Err(code),
            changes: Vec::new(),
            ended: None,
        }
    }

    fn of(answer: T, changes: Vec<Change>) -> Self {
        Self {
            answer: Ok(answer),
            changes,
            ended: None,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transactions {
    next_producer_id: i64,
    entries: BTreeMap<TransactionalId, Entry>,
    /// When each entry has to be looked at again.
    deadlines: BTreeSet<(i64, TransactionalId)>,
}

impl Stored for Transactions {}
