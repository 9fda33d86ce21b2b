//! Reads Avro values as any consumer would: the published schema and apache-avro, no code of the
//! project's own. Refuses another framing, another schema, and bytes that are left over.

use apache_avro::types::Value;
use apache_avro::{Schema, from_avro_datum};

use crate::kafka::LogRecord;

/// `C3 01`, then eight bytes of the schema's fingerprint.
const MARKER: [u8; 2] = [0xC3, 0x01];
pub(crate) const HEADER_BYTES: usize = 10;

#[derive(Debug, thiserror::Error)]
pub enum AvroFault {
    #[error("the published schema does not parse: {0}")]
    Schema(apache_avro::Error),
    #[error("record at {partition}/{offset} is no single-object Avro of the schema: {why}")]
    Record {
        partition: i32,
        offset: i64,
        why: String,
    },
}

impl AvroFault {
    pub(crate) fn of(record: &LogRecord, why: &str) -> Self {
        Self::Record {
            partition: record.partition,
            offset: record.offset,
            why: why.to_owned(),
        }
    }
}

/// Decodes the records of one schema.
#[derive(Debug)]
pub(crate) struct Reader {
    schema: Schema,
    fingerprint: [u8; 8],
}

impl Reader {
    /// `fingerprint` is the CRC-64-AVRO of the schema's canonical form, little-endian, as Java and
    /// fastavro compute it: `fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")`.
    /// apache-avro for Rust gives another one, since it leaves `{"type":"long"}` where a logical
    /// type was stripped.
    pub(crate) fn new(schema: &str, fingerprint: [u8; 8]) -> Result<Self, AvroFault> {
        let schema = Schema::parse_str(schema).map_err(AvroFault::Schema)?;
        Ok(Self {
            schema,
            fingerprint,
        })
    }

    #[cfg(test)]
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The fields of one record that is not a tombstone.
    pub(crate) fn fields(&self, record: &LogRecord) -> Result<Fields, AvroFault> {
        let fault = |why: &str| AvroFault::of(record, why);
        let payload = record.payload.as_deref();
        let payload = payload.ok_or_else(|| fault("a null value"))?;
        let (header, mut datum) = payload
            .split_at_checked(HEADER_BYTES)
            .ok_or_else(|| fault("too short"))?;
        let (marker, fingerprint) = header.split_at(MARKER.len());
        if marker != MARKER || fingerprint != self.fingerprint {
            return Err(fault("another marker or fingerprint"));
        }
        let value = from_avro_datum(&self.schema, &mut datum, None)
            .map_err(|cause| fault(&cause.to_string()))?;
        let Value::Record(fields) = value else {
            return Err(fault("no record"));
        };
        if !datum.is_empty() {
            return Err(fault("bytes after the record"));
        }
        Ok(Fields(fields))
    }
}

/// The fields of a record by name; `None` for one that is null, missing or of another type.
pub(crate) struct Fields(Vec<(String, Value)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&Value> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name)?;
        if let Value::Union(_, inner) = value {
            Some(inner)
        } else {
            Some(value)
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) | Value::Enum(_, text) => Some(text.clone()),
            _ => None,
        }
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Long(number) | Value::TimestampMillis(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Boolean(told) => Some(*told),
            _ => None,
        }
    }

    /// The records of an array.
    pub(crate) fn records(&self, name: &str) -> Option<Vec<Self>> {
        let Value::Array(items) = self.get(name)? else {
            return None;
        };
        let items = items.iter().map(|item| match item {
            Value::Record(fields) => Some(Self(fields.clone())),
            _ => None,
        });
        items.collect()
    }
}
