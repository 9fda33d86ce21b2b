//! What `ListTransactions` and `DescribeTransactions` show.

use super::Transactions;
use super::entry::{Entry, State};
use crate::names::{GroupId, Producer, TopicPartition, TransactionalId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: TransactionalId,
    pub producer_id: i64,
    pub state: State,
    /// When the open transaction began.
    pub started_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    pub producer: Producer,
    pub state: State,
    pub timeout_ms: i32,
    /// When the open transaction began.
    pub started_ms: Option<i64>,
    pub partitions: Vec<TopicPartition>,
    pub groups: Vec<GroupId>,
}

impl Transactions {
    pub fn list(&self) -> impl Iterator<Item = Listed> + '_ {
        self.entries.iter().map(|(id, entry)| Listed {
            id: id.clone(),
            producer_id: entry.producer.id,
            state: entry.state,
            started_ms: started_ms(entry),
        })
    }

    #[must_use]
    pub fn describe(&self, id: &TransactionalId) -> Option<Described> {
        self.entries.get(id).map(|entry| Described {
            producer: entry.producer,
            state: entry.state,
            timeout_ms: entry.timeout_ms,
            started_ms: started_ms(entry),
            partitions: entry.partitions.iter().cloned().collect(),
            groups: entry.groups.iter().cloned().collect(),
        })
    }
}

fn started_ms(entry: &Entry) -> Option<i64> {
    entry.is_open().then_some(entry.started_ms)
}
