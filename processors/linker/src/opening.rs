//! Opening a record: size, signature, form and place are looked at, in this order.
//!
//! Whatever does not pass becomes a dead letter with its bytes; nothing here stops the partition.

use trueup_domain::event::{EventType, UnixMillis};
use trueup_domain::ids::ObjectId;
use trueup_schemas::codec::Codec;
use trueup_schemas::headers;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::{
    DeadLetter, LetterClass, PaymentEvent, PaymentLink, Record as Schema,
};
use trueup_schemas::replay::ReplayMark;
use trueup_schemas::seal::SigningKeys;

use crate::limits::MAX_INPUT_BYTES;
use crate::machine::{Full, Told};
use crate::row::Parked;

/// Which input a record was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    Unlinked,
    Links,
}

/// One record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub input: Input,
    pub partition: i32,
    pub offset: i64,
    pub timestamp: Option<UnixMillis>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        value.as_deref()
    }
}

/// How records are read, and judged to be in place.
#[derive(Debug, Clone)]
pub struct Opener {
    pub codec: Codec,
    pub keys: SigningKeys,
    /// Full topic names: signatures and dead letters name them.
    pub unlinked_topic: String,
    pub links_topic: String,
    pub unlinked_partitions: i32,
    pub links_partitions: i32,
}

/// Why a record is refused, for the dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub class: LetterClass,
    pub reason: String,
}

impl Refused {
    fn new(class: LetterClass, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { class, reason }
    }
}

impl From<&Full> for Refused {
    fn from(full: &Full) -> Self {
        Self::new(LetterClass::OrderFull, full.to_string())
    }
}

impl Opener {
    /// What the record says; `None` for a tombstone of a link, which takes nothing back.
    ///
    /// # Errors
    /// [`Refused`] for whatever is not signed, not readable or not in its place.
    pub fn open(&self, record: &Record) -> Result<Option<Told>, Refused> {
        let bytes = record.value.as_ref().map_or(0, Vec::len);
        if bytes > MAX_INPUT_BYTES {
            let reason = format!("value has {bytes} bytes, the limit is {MAX_INPUT_BYTES}");
            return Err(Refused::new(LetterClass::Oversize, reason));
        }
        match record.input {
            Input::Unlinked => self.open_event(record).map(Some),
            Input::Links => self.open_link(record),
        }
    }

    fn open_event(&self, record: &Record) -> Result<Told, Refused> {
        let partitions = self.unlinked_partitions;
        let (key, event): (_, PaymentEvent) =
            self.signed(record, &self.unlinked_topic, partitions)?;
        if EventType::INTERNAL.contains(&event.event.kind) {
            let reason = "an internal event belongs to no order that a link could tell";
            return Err(Refused::new(LetterClass::Contract, reason));
        }
        let trace = record.header(headers::TRACEPARENT);
        let trace = trace.and_then(|trace| std::str::from_utf8(trace).ok());
        let trace = trace.filter(|trace| !trace.contains('\n'));
        Ok(Told::Event(Box::new(Parked {
            key,
            event,
            trace: trace.map(str::to_owned),
        })))
    }

    fn open_link(&self, record: &Record) -> Result<Option<Told>, Refused> {
        if record.value.is_none() && record.key.is_some() {
            return Ok(None);
        }
        let partitions = self.links_partitions;
        let (key, link): (_, PaymentLink) = self.signed(record, &self.links_topic, partitions)?;
        if link.object_id != key {
            let reason = format!("key names object `{key}`, the value `{}`", link.object_id);
            return Err(Refused::new(LetterClass::Contract, reason));
        }
        Ok(Some(Told::Link {
            object: key,
            order: link.order_id,
            at: record.timestamp.unwrap_or(0),
        }))
    }

    fn signed<R: Schema>(
        &self,
        record: &Record,
        topic: &str,
        partitions: i32,
    ) -> Result<(ObjectId, R), Refused> {
        let forged = |reason: &str| Refused::new(LetterClass::Forged, reason);
        let malformed = |reason: String| Refused::new(LetterClass::Malformed, reason);
        let key_id = record
            .header(headers::KEY_ID)
            .ok_or_else(|| forged("header `trueup-key-id` is missing: the record is not signed"))?;
        let signature = record.header(headers::SIGNATURE).ok_or_else(|| {
            forged("header `trueup-signature` is missing: the record is not signed")
        })?;
        let key = record.key.as_deref();
        let key = key.ok_or_else(|| forged("the key is missing"))?;
        let value = record.value.as_deref();
        let value = value.ok_or_else(|| forged("the value is missing"))?;
        let datum = self
            .codec
            .unframe::<R>(value)
            .map_err(|fault| malformed(fault.to_string()))?;
        self.keys
            .verify(key_id, signature, topic, key, datum)
            .map_err(|fault| forged(&fault.to_string()))?;
        let told = self
            .codec
            .decode(value)
            .map_err(|fault| Refused::new(LetterClass::Contract, fault.to_string()))?;
        let text = std::str::from_utf8(key);
        let text = text.map_err(|_| malformed("the key is not UTF-8".to_owned()))?;
        let object =
            ObjectId::try_from(text).map_err(|fault| malformed(format!("key: {fault}")))?;
        let expected = partition_for(key, partitions);
        if expected != record.partition {
            let reason = format!(
                "the key belongs to partition {expected}, the record lies in {}; set the \
                 producer's partitioner to murmur2 of the key (`partitioner=murmur2_random` in \
                 librdkafka)",
                record.partition
            );
            return Err(Refused::new(LetterClass::Misplaced, reason));
        }
        Ok((object, told))
    }

    /// The refused record with its bytes. Refused twice, it is one letter: its position is its key.
    #[must_use]
    pub fn letter(&self, record: &Record, refused: &Refused) -> DeadLetter {
        let topic = match record.input {
            Input::Unlinked => &self.unlinked_topic,
            Input::Links => &self.links_topic,
        };
        let mark = record.header(headers::REPLAY);
        let mark = mark.and_then(ReplayMark::from_header);
        DeadLetter {
            class: refused.class,
            reason: refused.reason.clone(),
            topic: topic.clone(),
            partition: record.partition,
            offset: record.offset,
            key: record.key.clone(),
            headers: record.headers.clone(),
            timestamp: record.timestamp,
            payload: record.value.clone(),
            first_seen: mark
                .as_ref()
                .map_or(record.timestamp.unwrap_or(0), |mark| mark.first_seen),
            attempts: mark.map_or(1, |mark| mark.attempts.saturating_add(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_refused_again_counts_one_more_try_and_keeps_when_it_was_first_seen() {
        let opener = Opener {
            codec: Codec::SingleObject,
            keys: SigningKeys::parse("k1:c2l4dGVlbiBieXRlcyBhdCBsZWFzdA==").unwrap(),
            unlinked_topic: "payments.unlinked".to_owned(),
            links_topic: "payments.links".to_owned(),
            unlinked_partitions: 1,
            links_partitions: 1,
        };
        let letter = |mark: Option<&ReplayMark>| {
            let mark = mark.map(|mark| (headers::REPLAY.to_owned(), Some(mark.to_header())));
            let record = Record {
                input: Input::Links,
                partition: 0,
                offset: 7,
                timestamp: Some(2_000),
                key: Some(b"pi_1".to_vec()),
                value: Some(b"no link".to_vec()),
                headers: mark.into_iter().collect(),
            };
            opener.letter(&record, &opener.open(&record).unwrap_err())
        };
        let mut first = letter(None);
        assert_eq!((first.attempts, first.first_seen), (1, 2_000));
        first.first_seen = 1_000;
        let again = letter(Some(&ReplayMark::of(&first)));
        assert_eq!((again.attempts, again.first_seen), (2, 1_000));
    }
}
