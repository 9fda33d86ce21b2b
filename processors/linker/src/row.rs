//! What is known of one object of the provider: which orders claim it, what waits for its order.
//!
//! A row is a set of items, and each item stands for itself: rows join by union, so that two
//! linkers which write to one object lose nothing of each other's. The names of items are stored
//! and must stay stable.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use trueup_domain::event::UnixMillis;
use trueup_domain::ids::{ObjectId, OrderId};
use trueup_engine::ports::links::{LinkChange, LinkItem};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::PaymentEvent;

const CLAIM: &str = "claim/";
const EVENT: &str = "event/";
const OVERDUE: &str = "overdue/";
const TWICE: &str = "twice/";

/// An event that waits, as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The key it had in `payments.unlinked`.
    pub key: ObjectId,
    pub event: PaymentEvent,
    pub trace: Option<String>,
}

/// Names a waiting event: its id, and its facts, since one id may come with two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParkedId(pub(crate) String);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// When each order's claim was first told.
    pub claims: BTreeMap<OrderId, UnixMillis>,
    pub parked: BTreeMap<ParkedId, Parked>,
    /// Said to be over age.
    pub overdue: BTreeSet<ParkedId>,
    /// Orders that were told of another's claim.
    pub twice: BTreeSet<OrderId>,
}

/// A stored item that this program did not write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("item `{item}` of object `{object}` in the store of links cannot be read: {reason}")]
pub struct ForeignItem {
    pub object: String,
    pub item: String,
    pub reason: String,
}

impl Row {
    /// The order that events of this object go to: the one that claimed it first.
    #[must_use]
    pub fn owner(&self) -> Option<&OrderId> {
        let first = self
            .claims
            .iter()
            .min_by_key(|(order, since)| (**since, *order));
        first.map(|(order, _)| order)
    }

    /// # Errors
    /// [`ForeignItem`] for the first that cannot be read: it is never skipped.
    pub fn read(object: &ObjectId, items: &[LinkItem]) -> Result<Self, ForeignItem> {
        let mut row = Self::default();
        for (item, value) in items {
            row.take(item, value).map_err(|reason| ForeignItem {
                object: object.to_string(),
                item: item.clone(),
                reason,
            })?;
        }
        Ok(row)
    }

    fn take(&mut self, item: &str, value: &[u8]) -> Result<(), String> {
        let order = |id: &str| OrderId::try_from(id).map_err(|fault| fault.to_string());
        if let Some(id) = item.strip_prefix(CLAIM) {
            let since = <[u8; 8]>::try_from(value).map_err(|_| "its time is not 8 bytes")?;
            self.claims.insert(order(id)?, i64::from_be_bytes(since));
        } else if let Some(id) = item.strip_prefix(EVENT) {
            self.parked.insert(ParkedId(id.to_owned()), unpack(value)?);
        } else if let Some(id) = item.strip_prefix(OVERDUE) {
            self.overdue.insert(ParkedId(id.to_owned()));
        } else if let Some(id) = item.strip_prefix(TWICE) {
            self.twice.insert(order(id)?);
        } else {
            return Err(
                "its kind is not known; run the version of trueup that wrote it".to_owned(),
            );
        }
        Ok(())
    }
}

/// One thing put into a row, or taken from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Claim(OrderId, UnixMillis),
    Parked(ParkedId, Box<Parked>),
    Overdue(ParkedId),
    Twice(OrderId),
}

/// What happens to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Put(ObjectId, Item),
    /// The event is with its order: it waits no longer, and is not over age.
    Release(ObjectId, ParkedId),
}

impl Change {
    #[must_use]
    pub fn object(&self) -> &ObjectId {
        match self {
            Self::Put(object, _) | Self::Release(object, _) => object,
        }
    }

    /// Makes the change in memory, as the store does.
    pub fn apply(&self, row: &mut Row) {
        match self {
            Self::Put(_, Item::Claim(order, since)) => {
                row.claims.insert(order.clone(), *since);
            }
            Self::Put(_, Item::Parked(id, parked)) => {
                row.parked.insert(id.clone(), (**parked).clone());
            }
            Self::Put(_, Item::Overdue(id)) => {
                row.overdue.insert(id.clone());
            }
            Self::Put(_, Item::Twice(order)) => {
                row.twice.insert(order.clone());
            }
            Self::Release(_, id) => {
                row.parked.remove(id);
                row.overdue.remove(id);
            }
        }
    }

    /// As the store is told.
    pub fn stored(&self, into: &mut Vec<LinkChange>) {
        let mut put = |object: &ObjectId, item: String, value: Vec<u8>| {
            let object = object.clone();
            into.push(LinkChange::Put {
                object,
                item,
                value,
            });
        };
        match self {
            Self::Put(object, Item::Claim(order, since)) => {
                put(
                    object,
                    format!("{CLAIM}{order}"),
                    since.to_be_bytes().to_vec(),
                );
            }
            Self::Put(object, Item::Parked(id, parked)) => {
                put(object, format!("{EVENT}{}", id.0), pack(parked));
            }
            Self::Put(object, Item::Overdue(id)) => {
                put(object, format!("{OVERDUE}{}", id.0), Vec::new());
            }
            Self::Put(object, Item::Twice(order)) => {
                put(object, format!("{TWICE}{order}"), Vec::new());
            }
            Self::Release(object, id) => {
                for kind in [EVENT, OVERDUE] {
                    into.push(LinkChange::Remove {
                        object: object.clone(),
                        item: format!("{kind}{}", id.0),
                    });
                }
            }
        }
    }
}

/// The key and the trace, each before a line feed, which neither can hold, and the event.
fn pack(parked: &Parked) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(parked.key.as_str().as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(parked.trace.as_deref().unwrap_or_default().as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(&Codec::SingleObject.encode(&parked.event));
    bytes
}

fn unpack(value: &[u8]) -> Result<Parked, String> {
    let mut parts = value.splitn(3, |byte| *byte == b'\n');
    let mut text = || -> Result<&str, String> {
        let part = parts.next().ok_or("it ends early")?;
        std::str::from_utf8(part).map_err(|fault| fault.to_string())
    };
    let (key, trace) = (text()?, text()?);
    let event = parts.next().ok_or("it ends early")?;
    Ok(Parked {
        key: ObjectId::try_from(key).map_err(|fault| fault.to_string())?,
        trace: Some(trace.to_owned()).filter(|trace| !trace.is_empty()),
        event: Codec::SingleObject
            .decode(event)
            .map_err(|fault| fault.to_string())?,
    })
}
