//! Reads `payments.gaps` as any consumer would: of each order the last set, none after a tombstone.

use crate::avro::{AvroFault, Reader};
use crate::kafka::LogRecord;

const SCHEMA: &str = include_str!("../../schemas/avro/GapSet.avsc");
const FINGERPRINT: [u8; 8] = [0x7E, 0xB1, 0xE1, 0x1A, 0xE0, 0x1A, 0xC3, 0xB2];

/// One gap of a set. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GapEntry {
    pub kind: String,
    pub payment_intent: Option<String>,
    pub amount: i64,
    pub currency: String,
    pub unpaid: bool,
    pub is_open: bool,
}

/// Decodes gap sets by the published schema.
#[derive(Debug)]
pub struct GapReader {
    reader: Reader,
}

impl GapReader {
    /// # Errors
    /// A schema in the tree that does not parse.
    pub fn new() -> Result<Self, AvroFault> {
        let reader = Reader::new(SCHEMA, FINGERPRINT)?;
        Ok(Self { reader })
    }

    /// The gaps of a set; none for a tombstone.
    ///
    /// # Errors
    /// A payload that is not what the schema and the framing say, or names another order.
    pub fn decode(&self, record: &LogRecord) -> Result<Vec<GapEntry>, AvroFault> {
        if record.payload.is_none() {
            return Ok(Vec::new());
        }
        let fault = |why: &str| AvroFault::of(record, why);
        let set = self.reader.fields(record)?;
        let order_id = set.text("order_id").unwrap_or_default();
        if order_id.as_bytes() != record.key {
            return Err(fault("a set under another order's key"));
        }
        let gaps = set.records("gaps").ok_or_else(|| fault("no `gaps`"))?;
        let read = |gap: &crate::avro::Fields| {
            Some(GapEntry {
                kind: gap.text("kind")?,
                payment_intent: gap.text("payment_intent"),
                amount: gap.number("amount")?,
                currency: gap.text("currency")?,
                unpaid: gap.boolean("unpaid")?,
                is_open: gap.text("status")? == "open",
            })
        };
        let gaps: Option<Vec<GapEntry>> = gaps.iter().map(read).collect();
        match gaps {
            Some(gaps) if !gaps.is_empty() => Ok(gaps),
            Some(_) => Err(fault("an empty set that is no tombstone")),
            None => Err(fault("a gap without a field")),
        }
    }
}
