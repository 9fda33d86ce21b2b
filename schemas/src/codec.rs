//! The two framings of a value: Avro single-object encoding, or Confluent's with a registry.
//!
//! A framing tells the schema a value was written with; an unknown one is refused, never guessed.

use std::collections::HashMap;
use std::sync::Arc;

use serde_avro_fast::Schema;
use thiserror::Error;

use crate::fault::{DecodeFault, reason};
use crate::kind::RecordKind;
use crate::records::Record;

/// Marks single-object encoding, version 1.
const SINGLE_OBJECT: [u8; 2] = [0xC3, 0x01];
/// Marks Confluent's wire format.
const CONFLUENT: [u8; 1] = [0x00];

/// How values are framed.
///
/// The ledger is no topic's record: its cell has single-object framing under either codec.
#[derive(Debug, Clone)]
pub enum Codec {
    /// `C3 01`, the schema's CRC-64-AVRO little-endian, datum.
    SingleObject,
    /// `00`, the schema's registry id as four bytes, datum.
    Confluent(Arc<SubjectIds>),
}

/// The schema ids of a registry: one per record for writing, all known ones for reading.
#[derive(Debug, Default)]
pub struct SubjectIds {
    written: HashMap<RecordKind, u32>,
    read: HashMap<u32, Arc<Known>>,
}

#[derive(Debug)]
struct Known {
    kinds: Vec<RecordKind>,
    schema: Schema,
}

/// A registered schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("schema `{id}` of the registry cannot be read: {reason}")]
pub struct UnusableSchema {
    pub id: u32,
    pub reason: String,
}

impl SubjectIds {
    /// Adds the id under which `kind`'s own schema is registered: values are written with it.
    ///
    /// # Errors
    /// [`UnusableSchema`] never happens for a schema of this crate; it is here for symmetry.
    pub fn insert_written(&mut self, kind: RecordKind, id: u32) -> Result<(), UnusableSchema> {
        self.insert_read(kind, id, kind.schema_json())?;
        self.written.insert(kind, id);
        Ok(())
    }

    /// Adds any schema of a subject, so that its values can be read.
    ///
    /// # Errors
    /// [`UnusableSchema`] when `json` is not an Avro schema.
    pub fn insert_read(
        &mut self,
        kind: RecordKind,
        id: u32,
        json: &str,
    ) -> Result<(), UnusableSchema> {
        let mut kinds = self
            .read
            .get(&id)
            .map(|known| known.kinds.clone())
            .unwrap_or_default();
        if !kinds.contains(&kind) {
            kinds.push(kind);
            let schema: Schema = json.parse().map_err(|error| UnusableSchema {
                id,
                reason: reason(&error),
            })?;
            self.read.insert(id, Arc::new(Known { kinds, schema }));
        }
        Ok(())
    }

    /// The id that values of `kind` are written with.
    #[must_use]
    pub fn written(&self, kind: RecordKind) -> Option<u32> {
        self.written.get(&kind).copied()
    }
}

impl Codec {
    /// The framed value of `record`.
    #[must_use]
    pub fn encode<R: Record>(&self, record: &R) -> Vec<u8> {
        let mut value = Vec::with_capacity(R::USUAL_BYTES);
        self.push_header(R::KIND, &mut value);
        record.encode_into(&mut value);
        value
    }

    /// Frames a datum that is encoded already.
    #[must_use]
    pub fn frame<R: Record>(&self, datum: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(datum.len().saturating_add(FINGERPRINTED_BYTES));
        self.push_header(R::KIND, &mut value);
        value.extend_from_slice(datum);
        value
    }

    /// Reads a framed value, or for records that have one its plain form.
    ///
    /// # Errors
    /// [`DecodeFault`]; no bytes at all make it panic or allocate more than a few times their
    /// own length.
    pub fn decode<R: Record>(&self, value: &[u8]) -> Result<R, DecodeFault> {
        if let Some(plain) = R::decode_plain(value) {
            return plain;
        }
        let (schema, datum) = self.split::<R>(value)?;
        R::decode_written_with(datum, schema)
    }

    /// The datum within a framed value: what a signature covers.
    ///
    /// # Errors
    /// [`DecodeFault::NotFramed`] and [`DecodeFault::UnknownSchema`].
    pub fn unframe<'a, R: Record>(&self, value: &'a [u8]) -> Result<&'a [u8], DecodeFault> {
        self.split::<R>(value).map(|(_, datum)| datum)
    }

    fn push_header(&self, kind: RecordKind, value: &mut Vec<u8>) {
        match self.id_for_writing(kind) {
            Some(id) => {
                value.extend_from_slice(&CONFLUENT);
                value.extend_from_slice(&id.to_be_bytes());
            }
            None => {
                value.extend_from_slice(&SINGLE_OBJECT);
                value.extend_from_slice(&kind.fingerprint());
            }
        }
    }

    fn id_for_writing(&self, kind: RecordKind) -> Option<u32> {
        match self {
            Self::SingleObject => None,
            Self::Confluent(ids) => ids.written(kind),
        }
    }

    fn split<'c, 'a, R: Record>(
        &'c self,
        value: &'a [u8],
    ) -> Result<(&'c Schema, &'a [u8]), DecodeFault> {
        let record = R::KIND.name();
        let unframed = |expected| DecodeFault::NotFramed {
            record,
            bytes: value.len(),
            expected,
        };
        match self {
            Self::Confluent(ids) if R::KIND != RecordKind::Ledger => {
                let (id, datum) = value
                    .strip_prefix(&CONFLUENT)
                    .and_then(<[u8]>::split_first_chunk::<4>)
                    .ok_or_else(|| unframed("Confluent's `00` and a schema id"))?;
                let id = u32::from_be_bytes(*id);
                ids.read
                    .get(&id)
                    .filter(|known| known.kinds.contains(&R::KIND))
                    .map(|known| (&known.schema, datum))
                    .ok_or_else(|| DecodeFault::UnknownSchema {
                        record,
                        schema: id.to_string(),
                    })
            }
            Self::Confluent(_) | Self::SingleObject => {
                let (fingerprint, datum) = value
                    .strip_prefix(&SINGLE_OBJECT)
                    .and_then(<[u8]>::split_first_chunk::<8>)
                    .ok_or_else(|| unframed("Avro's `C3 01` and a fingerprint"))?;
                let schema = R::KIND.written_with(*fingerprint).ok_or_else(|| {
                    DecodeFault::UnknownSchema {
                        record,
                        schema: hex::encode(fingerprint),
                    }
                })?;
                Ok((schema, datum))
            }
        }
    }
}

/// The longer of the two headers.
const FINGERPRINTED_BYTES: usize = 10;
