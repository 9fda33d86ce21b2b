//! Reads an event's envelope from a verified body. What lies in `data.object` stays unread until
//! the event's type says what it is.

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::field::{Field, FieldFault, Object};
use crate::limits::MAX_EVENT_TYPE_BYTES;
use crate::scan::ScanFault;
use trueup_domain::ids::EventId;

/// Why a verified body is not an event that can be taken. Messages never quote the body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyFault {
    #[error("the body is not UTF-8")]
    NotUtf8,
    #[error("the body is not JSON: it breaks off or goes wrong at line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error(
        "the JSON is nested too deep: the limit is {} levels",
        crate::limits::MAX_JSON_DEPTH
    )]
    TooDeep,
    #[error("the JSON has a `\\u` escape of half a surrogate pair")]
    LoneSurrogate,
    #[error("the JSON has the key `{key}` twice in one object")]
    DuplicateKey { key: String },
    #[error("the body is not an event: `object` must be `event`, and thin events are not taken")]
    NotAnEvent,
    #[error("the event has an object where another type belongs, at line {line}, column {column}")]
    WrongType { line: usize, column: usize },
    #[error("the event cannot be used: {reason}")]
    Field { reason: String },
    #[error("the event cannot be used: {reason}")]
    Amount { reason: String },
}

impl From<ScanFault> for BodyFault {
    fn from(fault: ScanFault) -> Self {
        match fault {
            ScanFault::TooDeep => Self::TooDeep,
            ScanFault::LoneSurrogate => Self::LoneSurrogate,
        }
    }
}

impl From<FieldFault> for BodyFault {
    fn from(fault: FieldFault) -> Self {
        let reason = fault.to_string();
        match fault {
            FieldFault::Missing { .. } | FieldFault::Unfit { .. } => Self::Field { reason },
            FieldFault::BadAmount { .. } => Self::Amount { reason },
        }
    }
}

impl From<serde_json::Error> for BodyFault {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        if !error.is_data() {
            return Self::NotJson { line, column };
        }
        // Only the names of our own fields come after these words, never the body's content.
        let text = error.to_string();
        let key = text
            .strip_prefix("duplicate field `")
            .and_then(|rest| rest.split('`').next());
        match key {
            Some(key) => Self::DuplicateKey {
                key: key.to_owned(),
            },
            None => Self::WrongType { line, column },
        }
    }
}

/// An event's envelope. `object` is the text of `data.object`.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) id: EventId,
    pub(crate) event_type: String,
    pub(crate) created: Field<'a>,
    pub(crate) livemode: Option<bool>,
    pub(crate) account: Option<String>,
    pub(crate) api_version: Option<String>,
    pub(crate) object: Option<&'a str>,
}

#[derive(Deserialize)]
struct Root<'a> {
    #[serde(borrow, default)]
    id: Field<'a>,
    #[serde(borrow, default)]
    object: Field<'a>,
    #[serde(borrow, default, rename = "type")]
    event_type: Field<'a>,
    #[serde(borrow, default)]
    created: Field<'a>,
    #[serde(borrow, default)]
    livemode: Field<'a>,
    #[serde(borrow, default)]
    account: Field<'a>,
    #[serde(borrow, default)]
    api_version: Field<'a>,
    #[serde(borrow, default)]
    data: Object<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Self, BodyFault> {
        let root: Object<Root<'a>> = serde_json::from_str(text).map_err(|error| {
            // A body that is JSON but no object at all is data of another type to serde.
            let other = !text.trim_start().starts_with('{');
            if other && error.is_data() {
                BodyFault::NotAnEvent
            } else {
                error.into()
            }
        })?;
        let root = root.0.ok_or(BodyFault::NotAnEvent)?;
        if root.object.loose_text() != Some("event") {
            return Err(BodyFault::NotAnEvent);
        }
        let id = root.id.needed_text("id")?;
        let unfit = FieldFault::Unfit {
            field: "id",
            expected: "an event's id",
        };
        let id = EventId::try_from(id).map_err(|_| unfit)?;
        let event_type = root.event_type.needed_text("type")?;
        if event_type.is_empty() || event_type.len() > MAX_EVENT_TYPE_BYTES {
            return Err(FieldFault::Unfit {
                field: "type",
                expected: "an event type",
            }
            .into());
        }
        Ok(Self {
            id,
            event_type: event_type.to_owned(),
            livemode: root.livemode.boolean("livemode")?,
            account: root.account.text("account")?.map(str::to_owned),
            api_version: root.api_version.loose_text().map(str::to_owned),
            object: root.data.0.and_then(|data| data.object).map(RawValue::get),
            created: root.created,
        })
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
