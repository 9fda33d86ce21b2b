//! The names that clients give to things, as types: each has a limit, and a topic's name also a
//! form, because it becomes a directory.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::{MAX_NAME_BYTES, MAX_TOPIC_NAME_BYTES};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name is empty")]
pub struct EmptyName;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name has `{bytes}` bytes, and the limit is `{limit}`")]
pub struct NameTooLong {
    pub bytes: usize,
    pub limit: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is no topic's name: it may hold letters, digits, `.`, `_` and `-`, and be neither `.` nor `..`"
)]
pub struct UnfitTopicName {
    pub name: String,
}

/// Why a text is not taken as a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    #[error(transparent)]
    Empty(#[from] EmptyName),
    #[error(transparent)]
    TooLong(#[from] NameTooLong),
    #[error(transparent)]
    Unfit(#[from] UnfitTopicName),
}

fn within(text: &str, limit: usize) -> Result<(), NameFault> {
    let bytes = text.len();
    if bytes > limit {
        return Err(NameTooLong { bytes, limit }.into());
    }
    Ok(())
}

fn bounded(text: &str) -> Result<(), NameFault> {
    within(text, MAX_NAME_BYTES)
}

fn named(text: &str) -> Result<(), NameFault> {
    if text.is_empty() {
        return Err(EmptyName.into());
    }
    bounded(text)
}

fn topic(text: &str) -> Result<(), NameFault> {
    if text.is_empty() {
        return Err(EmptyName.into());
    }
    within(text, MAX_TOPIC_NAME_BYTES)?;
    let fits = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
    if !fits || text == "." || text == ".." {
        let name = text.to_owned();
        return Err(UnfitTopicName { name }.into());
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameFault;

            fn try_from(text: &str) -> Result<Self, NameFault> {
                $check(text)?;
                Ok(Self(Arc::from(text)))
            }
        }

        // Equality and order are those of the text, so that a map can be asked with a `&str`.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, formatter)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <&str>::deserialize(deserializer)?;
                Self::try_from(text).map_err(de::Error::custom)
            }
        }
    };
}

name!(
    /// A topic: safe as the name of a directory.
    TopicName, topic
);
name!(
    /// A group. The empty one is a group too: clients that only store offsets use it.
    GroupId, bounded
);
name!(
    /// A member of a group, named by the broker.
    MemberId, bounded
);
name!(
    /// A static member's own name (`group.instance.id`).
    InstanceId, named
);
name!(
    /// A producer's name that outlives its process (`transactional.id`).
    TransactionalId, named
);

impl MemberId {
    /// What a member that has no id yet sends.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::from(""))
    }

    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// `prefix-unique`, the prefix cut where the whole would be too long.
    #[must_use]
    pub fn generated(prefix: &str, unique: &str) -> Self {
        let room = MAX_NAME_BYTES.saturating_sub(unique.len() + 1);
        let mut end = prefix.len().min(room);
        while !prefix.is_char_boundary(end) {
            end -= 1;
        }
        let (prefix, _) = prefix.split_at(end);
        Self(Arc::from(format!("{prefix}-{unique}")))
    }
}

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicPartition {
    pub topic: TopicName,
    pub partition: i32,
}

/// A producer as partitions know it. A higher epoch of the same id fences the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Producer {
    pub id: i64,
    pub epoch: i16,
}

impl Producer {
    /// What stands in a batch of a producer that is not idempotent.
    pub const NONE: Self = Self { id: -1, epoch: -1 };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_name_that_would_leave_its_directory_is_refused() {
        for text in ["", ".", "..", "a/b", "a b", "ä", &"x".repeat(250)] {
            assert!(TopicName::try_from(text).is_err(), "{text}");
        }
        for text in ["orders.status", "a-b_C.9", "...", &"x".repeat(249)] {
            assert_eq!(TopicName::try_from(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_group_may_be_unnamed_and_a_transaction_may_not() {
        assert!(GroupId::try_from("").is_ok());
        assert_eq!(TransactionalId::try_from(""), Err(EmptyName.into()));
        assert!(GroupId::try_from("x".repeat(MAX_NAME_BYTES + 1).as_str()).is_err());
    }

    #[test]
    fn a_generated_member_id_keeps_its_unique_part_whatever_the_prefix() {
        let id = MemberId::generated(&"ä".repeat(MAX_NAME_BYTES), "unique");
        assert!(id.as_str().len() <= MAX_NAME_BYTES);
        assert!(id.as_str().ends_with("-unique"));
        assert!(MemberId::try_from(id.as_str()).is_ok());
    }

    #[test]
    fn a_stored_name_is_checked_when_it_is_read() {
        let bytes = postcard::to_allocvec("../etc").unwrap();
        assert!(postcard::from_bytes::<TopicName>(&bytes).is_err());
        let bytes = postcard::to_allocvec("orders").unwrap();
        let name: TopicName = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(name.as_str(), "orders");
    }
}
