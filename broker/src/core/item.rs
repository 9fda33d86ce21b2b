//! What one journal entry is made of: everything that happens at once, or not at all.
//!
//! The first part of an entry names its items; the batches follow, each a part of its own, so
//! that none is copied.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::batch::{Batch, BatchFault, BatchHeader};
use crate::stored::{DecodeFault, EncodeFault, Stored};
use crate::{offsets, topics, transactions};

#[derive(Debug, Clone)]
pub(crate) enum Item {
    Topics(topics::Change),
    Transactions(transactions::Change),
    Offsets(offsets::Change),
    /// A batch with its offsets, at the end of a partition.
    Batch {
        topic: Uuid,
        partition: i32,
        batch: Batch,
    },
    /// A partition begins later than it did.
    Start {
        topic: Uuid,
        partition: i32,
        offset: i64,
    },
}

/// An item as it is written. The order of the variants is the format and must stay stable.
#[derive(Debug, Serialize, Deserialize)]
enum Written {
    Topics(Vec<u8>),
    Transactions(Vec<u8>),
    Offsets(Vec<u8>),
    Batch {
        topic: Uuid,
        partition: i32,
    },
    Start {
        topic: Uuid,
        partition: i32,
        offset: i64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Contents(Vec<Written>);

impl Stored for Contents {}

#[derive(Debug, Error)]
pub(super) enum EntryUnreadable {
    #[error("the entry has no parts")]
    Empty,
    #[error("the entry names a batch that it does not hold, or holds one that it does not name")]
    Parts,
    #[error(transparent)]
    Decode(#[from] DecodeFault),
    #[error(transparent)]
    Batch(#[from] BatchFault),
}

pub(super) fn encode(items: &[Item]) -> Result<Vec<Bytes>, EncodeFault> {
    let mut written = Vec::with_capacity(items.len());
    let mut parts = vec![Bytes::new()];
    for item in items {
        written.push(match item {
            Item::Topics(change) => Written::Topics(change.encode()?),
            Item::Transactions(change) => Written::Transactions(change.encode()?),
            Item::Offsets(change) => Written::Offsets(change.encode()?),
            Item::Batch {
                topic,
                partition,
                batch,
            } => {
                parts.push(batch.bytes.clone());
                Written::Batch {
                    topic: *topic,
                    partition: *partition,
                }
            }
            Item::Start {
                topic,
                partition,
                offset,
            } => Written::Start {
                topic: *topic,
                partition: *partition,
                offset: *offset,
            },
        });
    }
    if let Some(first) = parts.first_mut() {
        *first = Contents(written).encode()?.into();
    }
    Ok(parts)
}

pub(super) fn decode(parts: Vec<Bytes>) -> Result<Vec<Item>, EntryUnreadable> {
    let mut parts = parts.into_iter();
    let first = parts.next().ok_or(EntryUnreadable::Empty)?;
    let Contents(written) = Contents::decode(&first)?;
    let mut items = Vec::with_capacity(written.len());
    for one in written {
        items.push(match one {
            Written::Topics(bytes) => Item::Topics(Stored::decode(&bytes)?),
            Written::Transactions(bytes) => Item::Transactions(Stored::decode(&bytes)?),
            Written::Offsets(bytes) => Item::Offsets(Stored::decode(&bytes)?),
            Written::Batch { topic, partition } => {
                let bytes = parts.next().ok_or(EntryUnreadable::Parts)?;
                let header = BatchHeader::parse(&bytes)?;
                Item::Batch {
                    topic,
                    partition,
                    batch: Batch { header, bytes },
                }
            }
            Written::Start {
                topic,
                partition,
                offset,
            } => Item::Start {
                topic,
                partition,
                offset,
            },
        });
    }
    match parts.next() {
        None => Ok(items),
        Some(_) => Err(EntryUnreadable::Parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Marker, marker};
    use crate::names::TopicName;

    #[test]
    fn an_entry_comes_back_with_its_batches_in_their_places() {
        let topic = Uuid::from_u128(7);
        let batch = |offset| Item::Batch {
            topic,
            partition: 3,
            batch: marker(Marker::Commit, 1, 0, 0, 5, offset),
        };
        let deleted = topics::Change::Deleted(TopicName::try_from("gone").unwrap());
        let start = Item::Start {
            topic,
            partition: 0,
            offset: 9,
        };
        let items = [batch(1), Item::Topics(deleted), start, batch(2)];
        let parts = encode(&items).unwrap();
        assert_eq!(parts.len(), 3);
        let decoded = decode(parts.clone()).unwrap();
        assert_eq!(format!("{decoded:?}"), format!("{items:?}"));

        let fewer = parts[..2].to_vec();
        assert!(matches!(decode(fewer), Err(EntryUnreadable::Parts)));
        let more = [&parts[..], &parts[1..2]].concat();
        assert!(matches!(decode(more), Err(EntryUnreadable::Parts)));
        assert!(matches!(decode(Vec::new()), Err(EntryUnreadable::Empty)));
    }
}
