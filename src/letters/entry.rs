//! What is held of a letter while it is selected and put in order: all but its bytes.

use trueup_domain::event::UnixMillis;
use trueup_schemas::keys;
use trueup_schemas::records::{DeadLetter, LetterClass};

/// Where a letter itself lies in its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub partition: i32,
    pub offset: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `topic/partition/offset` of the refused record.
    pub id: String,
    pub class: LetterClass,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub first_seen: UnixMillis,
    pub attempts: i32,
    /// Of the letter, not of what it holds.
    pub bytes: usize,
    pub place: Place,
}

impl Entry {
    pub fn of(letter: &DeadLetter, bytes: usize, place: Place) -> Self {
        Self {
            id: keys::letter(&letter.topic, letter.partition, letter.offset),
            class: letter.class,
            topic: letter.topic.clone(),
            partition: letter.partition,
            offset: letter.offset,
            key: letter.key.clone(),
            first_seen: letter.first_seen,
            attempts: letter.attempts,
            bytes,
            place,
        }
    }

    /// Of two entries of one lane the earlier is replayed first, and alone.
    pub fn lane(&self) -> Lane<'_> {
        match &self.key {
            Some(key) => Lane::Key(&self.topic, key),
            None => Lane::Partition(&self.topic, self.partition),
        }
    }
}

/// Whose order a replay keeps: a key's, and a partition's for records without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane<'a> {
    Key(&'a str, &'a [u8]),
    Partition(&'a str, i32),
}

/// Which letters a command is about. Everything that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Empty for every class.
    pub classes: Vec<LetterClass>,
    /// `None` for every id.
    pub ids: Option<std::collections::BTreeSet<String>>,
    /// The order, or the payment's object, that the record is keyed by.
    pub order: Option<String>,
    /// First seen then or later.
    pub since: Option<UnixMillis>,
    /// First seen then or before.
    pub until: Option<UnixMillis>,
}

impl Selection {
    pub fn of_ids(ids: impl IntoIterator<Item = String>) -> Self {
        Self {
            ids: Some(ids.into_iter().collect()),
            ..Self::default()
        }
    }

    pub fn takes(&self, entry: &Entry) -> bool {
        (self.classes.is_empty() || self.classes.contains(&entry.class))
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&entry.id))
            && self
                .order
                .as_ref()
                .is_none_or(|order| entry.key.as_deref() == Some(order.as_bytes()))
            && self.since.is_none_or(|since| entry.first_seen >= since)
            && self.until.is_none_or(|until| entry.first_seen <= until)
    }
}
