//! Why a value could not be read. A reason never quotes the value: it may be a customer's.

use thiserror::Error;
use trueup_domain::ids::InvalidId;
use trueup_domain::money::{AmountOutOfRange, NotACurrency};

use crate::limits::{MAX_DATUM_BYTES, MAX_REASON_BYTES};

/// Why the value of a record was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeFault {
    #[error("{record}: value has {bytes} bytes, the limit is {MAX_DATUM_BYTES}")]
    TooLarge { record: &'static str, bytes: usize },
    /// The first bytes are not those of the framing in use.
    #[error(
        "{record}: value of {bytes} bytes is not framed as {expected}; write it so, or change \
         whether a schema registry is set"
    )]
    NotFramed {
        record: &'static str,
        bytes: usize,
        expected: &'static str,
    },
    #[error(
        "{record}: unknown schema `{schema}`; a newer release wrote it, or a writer of its own: \
         upgrade this one, or restart it to learn the registry's new schemas"
    )]
    UnknownSchema {
        record: &'static str,
        schema: String,
    },
    #[error("{record}: not a value of its schema: {reason}")]
    Malformed {
        record: &'static str,
        reason: String,
    },
    #[error("{record}: {bytes} bytes follow the value; a value must end its record")]
    TrailingBytes { record: &'static str, bytes: usize },
    #[error("{record}: field `{field}`: {fault}")]
    Field {
        record: &'static str,
        field: &'static str,
        fault: FieldFault,
    },
}

/// Why one field was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FieldFault {
    #[error(transparent)]
    Id(#[from] InvalidId),
    #[error(transparent)]
    Amount(#[from] AmountOutOfRange),
    #[error(transparent)]
    Currency(#[from] NotACurrency),
    #[error("unknown event type `{0}`; a newer release wrote it: upgrade this one")]
    UnknownEventType(String),
    #[error("number {number} is outside {least}..={most}")]
    OutOfRange { number: i64, least: i64, most: i64 },
    #[error("list has {items} items, the limit is {limit}")]
    TooMany { items: usize, limit: usize },
    #[error("an event of type `{kind}` carries no facts of kind `{facts}`")]
    WrongFacts {
        kind: &'static str,
        facts: &'static str,
    },
    #[error("neither milliseconds since the epoch nor an RFC 3339 time")]
    NotATime,
}

/// A fault of one field, before it is known which record it is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadField {
    pub(crate) field: &'static str,
    pub(crate) fault: FieldFault,
}

impl BadField {
    /// For `map_err`: names the field whose conversion failed.
    pub(crate) fn named<E: Into<FieldFault>>(field: &'static str) -> impl FnOnce(E) -> Self {
        move |fault| Self {
            field,
            fault: fault.into(),
        }
    }

    pub(crate) fn of(self, record: &'static str) -> DecodeFault {
        DecodeFault::Field {
            record,
            field: self.field,
            fault: self.fault,
        }
    }
}

/// A decoder's own words, cut to a length that a log line can bear.
pub(crate) fn reason(error: &dyn std::fmt::Display) -> String {
    let mut text = error.to_string();
    if text.len() > MAX_REASON_BYTES {
        let end = text.floor_char_boundary(MAX_REASON_BYTES);
        text.truncate(end);
    }
    text
}
