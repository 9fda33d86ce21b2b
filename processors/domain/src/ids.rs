//! Identifiers: bounded strings that were checked once, where they came in.
//!
//! They are shared, not copied: a batch is folded on copies of ledgers, and a ledger holds the id of
//! each of its events.

use std::sync::Arc;

use thiserror::Error;

/// The longest order id taken, in bytes (CONTRACT: 1–200 bytes, no control characters).
pub const MAX_ORDER_ID_BYTES: usize = 200;
/// The longest provider id (event, payment, charge, session, refund, dispute) taken, in bytes.
pub const MAX_OBJECT_ID_BYTES: usize = 255;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidId {
    #[error("id is empty")]
    Empty,
    #[error("id has {bytes} bytes, the limit is {limit}")]
    TooLong { bytes: usize, limit: usize },
    #[error("id has a control character")]
    ControlCharacter,
}

fn check(id: &str, limit: usize) -> Result<(), InvalidId> {
    if id.is_empty() {
        Err(InvalidId::Empty)
    } else if id.len() > limit {
        Err(InvalidId::TooLong {
            bytes: id.len(),
            limit,
        })
    } else if id.chars().any(char::is_control) {
        Err(InvalidId::ControlCharacter)
    } else {
        Ok(())
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $limit:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(id: &str) -> Result<Self, InvalidId> {
                check(id, $limit)?;
                Ok(Self(id.into()))
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// The shop's order: the key of every topic that speaks of orders.
    OrderId,
    MAX_ORDER_ID_BYTES
);
id!(
    /// Stripe's event id, `evt_…`; internal events have ids of their own form.
    EventId,
    MAX_OBJECT_ID_BYTES
);
id!(
    /// A Stripe object's id: `pi_…`, `ch_…`, `cs_…`, `re_…`, `dp_…`.
    ObjectId,
    MAX_OBJECT_ID_BYTES
);
