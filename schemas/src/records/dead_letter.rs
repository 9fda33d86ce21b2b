//! A record that was refused, as it was, and why.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::UnixMillis;

use crate::fault::DecodeFault;
use crate::kind::RecordKind;
use crate::limits::MAX_LIST_ITEMS;
use crate::records::Record;
use crate::wire::{self, Bytes, List, mirror_enum};

/// The most headers that a letter keeps, the first; what can be written can be read.
pub const MAX_LETTER_HEADERS: usize = MAX_LIST_ITEMS;

/// A value of `payments.dead-letters`; its key is the position of the refused record.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub class: LetterClass,
    /// One sentence for the operator, without the payload.
    pub reason: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    /// As they were, up to [`MAX_LETTER_HEADERS`].
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    pub timestamp: Option<UnixMillis>,
    pub payload: Option<Vec<u8>>,
    pub first_seen: UnixMillis,
    pub attempts: i32,
}

impl std::fmt::Debug for DeadLetter {
    /// Leaves out what may be a customer's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetter")
            .field("class", &self.class)
            .field("reason", &self.reason)
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .field("payload_bytes", &self.payload.as_ref().map(Vec::len))
            .field("first_seen", &self.first_seen)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Why a record was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LetterClass {
    /// It could not be read.
    Malformed,
    /// Nobody we know signed it.
    Forged,
    /// Its partition is not that of its key.
    Misplaced,
    /// It is larger than what is taken.
    Oversize,
    /// Its order holds the most events one order may hold.
    OrderFull,
    /// It breaks a promise of its writer.
    Contract,
}

impl LetterClass {
    pub const ALL: &'static [Self] = &[
        Self::Malformed,
        Self::Forged,
        Self::Misplaced,
        Self::Oversize,
        Self::OrderFull,
        Self::Contract,
    ];

    /// A metric's label and a JSON word: must stay stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Forged => "forged",
            Self::Misplaced => "misplaced",
            Self::Oversize => "oversize",
            Self::OrderFull => "order_full",
            Self::Contract => "contract",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|class| class.as_str() == name)
    }
}

mirror_enum! { LetterClassMirror for LetterClass {
    Malformed = 0 "malformed",
    Forged = 1 "forged",
    Misplaced = 2 "misplaced",
    Oversize = 3 "oversize",
    OrderFull = 4 "order_full",
    Contract = 5 "contract",
}}

type Header = (String, Option<Vec<u8>>);

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    class: LetterClassMirror,
    reason: &'a str,
    topic: &'a str,
    partition: i32,
    offset: i64,
    #[serde(borrow)]
    key: Option<Bytes<'a>>,
    #[serde(borrow)]
    headers: List<'a, Header, HeaderMirror<'a>>,
    timestamp: Option<i64>,
    #[serde(borrow)]
    payload: Option<Bytes<'a>>,
    first_seen: i64,
    attempts: i32,
}

#[derive(Serialize, Deserialize)]
struct HeaderMirror<'a> {
    name: &'a str,
    #[serde(borrow)]
    value: Option<Bytes<'a>>,
}

impl<'a> From<&'a Header> for HeaderMirror<'a> {
    fn from((name, value): &'a Header) -> Self {
        Self {
            name,
            value: value.as_deref().map(Bytes),
        }
    }
}

impl Record for DeadLetter {
    const KIND: RecordKind = RecordKind::DeadLetter;
    const USUAL_BYTES: usize = 1024;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let kept = self
            .headers
            .get(..MAX_LETTER_HEADERS)
            .unwrap_or(&self.headers);
        let mirror = Mirror {
            class: self.class.into(),
            reason: &self.reason,
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            key: self.key.as_deref().map(Bytes),
            headers: List::Written(kept),
            timestamp: self.timestamp,
            payload: self.payload.as_deref().map(Bytes),
            first_seen: self.first_seen,
            attempts: self.attempts,
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        let headers = mirror.headers.convert(|header| {
            Ok::<_, DecodeFault>((header.name.to_owned(), header.value.map(|it| it.0.to_vec())))
        })?;
        Ok(Self {
            class: mirror.class.into(),
            reason: mirror.reason.to_owned(),
            topic: mirror.topic.to_owned(),
            partition: mirror.partition,
            offset: mirror.offset,
            key: mirror.key.map(|key| key.0.to_vec()),
            headers,
            timestamp: mirror.timestamp,
            payload: mirror.payload.map(|payload| payload.0.to_vec()),
            first_seen: mirror.first_seen,
            attempts: mirror.attempts,
        })
    }
}
