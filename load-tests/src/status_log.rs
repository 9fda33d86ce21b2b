//! Reads `orders.status` as any consumer would: the published schema and apache-avro, no code
//! of the project's own.

use crate::avro::{AvroFault, Reader};
use crate::kafka::LogRecord;

const SCHEMA: &str = include_str!("../../schemas/avro/OrderStatusChanged.avsc");
const FINGERPRINT: [u8; 8] = [0xB7, 0x40, 0x7A, 0x4C, 0xB4, 0x64, 0xFB, 0x23];

/// One record of `orders.status`. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRecord {
    pub order_id: String,
    pub version: i64,
    pub from: String,
    pub to: String,
    pub due: Option<i64>,
    pub received: i64,
    pub refunded: i64,
    pub currency: Option<String>,
    pub event_id: String,
    pub event_type: String,
    pub occurred_at_ms: i64,
    pub partition: i32,
    pub offset: i64,
}

/// Decodes status records by the published schema.
#[derive(Debug)]
pub struct StatusReader {
    reader: Reader,
}

impl StatusReader {
    /// # Errors
    /// A schema in the tree that does not parse.
    pub fn new() -> Result<Self, AvroFault> {
        let reader = Reader::new(SCHEMA, FINGERPRINT)?;
        Ok(Self { reader })
    }

    /// # Errors
    /// A payload that is not what the schema and the framing say.
    pub fn decode(&self, record: &LogRecord) -> Result<StatusRecord, AvroFault> {
        let (partition, offset) = (record.partition, record.offset);
        let fault = |why: &str| AvroFault::of(record, why);
        let fields = self.reader.fields(record)?;
        Ok(StatusRecord {
            order_id: fields
                .text("order_id")
                .ok_or_else(|| fault("no `order_id`"))?,
            version: fields
                .number("version")
                .ok_or_else(|| fault("no `version`"))?,
            from: fields.text("from").ok_or_else(|| fault("no `from`"))?,
            to: fields.text("to").ok_or_else(|| fault("no `to`"))?,
            due: fields.number("amount_due"),
            received: fields
                .number("amount_received")
                .ok_or_else(|| fault("no amount"))?,
            refunded: fields
                .number("amount_refunded")
                .ok_or_else(|| fault("no amount"))?,
            currency: fields.text("currency"),
            event_id: fields
                .text("event_id")
                .ok_or_else(|| fault("no `event_id`"))?,
            event_type: fields
                .text("event_type")
                .ok_or_else(|| fault("no `event_type`"))?,
            occurred_at_ms: fields
                .number("occurred_at")
                .ok_or_else(|| fault("no time"))?,
            partition,
            offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use apache_avro::types::Value;

    use super::*;

    #[test]
    fn a_record_of_the_published_schema_is_read_and_another_framing_is_refused() {
        let reader = StatusReader::new().unwrap();
        let text = |text: &str| Value::String(text.to_owned());
        let null = || Value::Union(0, Box::new(Value::Null));
        let value = Value::Record(vec![
            ("order_id".into(), text("o")),
            ("version".into(), Value::Long(3)),
            ("from".into(), Value::Enum(0, "pending".into())),
            ("to".into(), Value::Enum(2, "paid".into())),
            (
                "amount_due".into(),
                Value::Union(1, Box::new(Value::Long(5))),
            ),
            ("amount_received".into(), Value::Long(5)),
            ("amount_refunded".into(), Value::Long(0)),
            ("currency".into(), Value::Union(1, Box::new(text("eur")))),
            ("event_id".into(), text("evt_1")),
            ("event_type".into(), text("payment_intent.succeeded")),
            ("payment_intent".into(), null()),
            ("checkout_session".into(), null()),
            ("livemode".into(), null()),
            ("occurred_at".into(), Value::TimestampMillis(7)),
        ]);
        let datum = apache_avro::to_avro_datum(reader.reader.schema(), value).unwrap();
        let mut payload = vec![0xC3, 0x01];
        payload.extend(FINGERPRINT);
        payload.extend(datum);
        let mut record = LogRecord {
            partition: 1,
            offset: 9,
            key: b"o".to_vec(),
            headers: std::collections::BTreeMap::new(),
            payload: Some(payload),
        };
        let read = reader.decode(&record).unwrap();
        assert_eq!((read.from.as_str(), read.to.as_str()), ("pending", "paid"));
        assert_eq!(
            (read.due, read.received, read.occurred_at_ms),
            (Some(5), 5, 7)
        );
        if let Some(payload) = &mut record.payload {
            payload[3] ^= 1;
        }
        assert!(reader.decode(&record).is_err());
    }
}
