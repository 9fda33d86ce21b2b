//! What the shop's order service says of an order: Avro, or plain JSON of the same fields.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::{Snapshot, SnapshotStatus};
use trueup_domain::ids::OrderId;

use crate::fault::{BadField, DecodeFault, FieldFault, reason};
use crate::kind::RecordKind;
use crate::limits::MAX_DATUM_BYTES;
use crate::records::Record;
use crate::wire::{self, mirror_enum};

/// A value of `orders`; its key is the order id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderSnapshotRecord {
    pub order_id: OrderId,
    pub snapshot: Snapshot,
}

mirror_enum! { SnapshotStatusMirror for SnapshotStatus {
    Pending = 0 "pending",
    Paid = 1 "paid",
    Canceled = 2 "canceled",
    Refunded = 3 "refunded",
}}

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    order_id: &'a str,
    status: SnapshotStatusMirror,
    amount_due: i64,
    currency: &'a str,
    version: i64,
    updated_at: i64,
}

/// Other fields are ignored: an order service may send more than we read.
#[derive(Deserialize)]
struct Plain<'a> {
    #[serde(borrow)]
    order_id: Cow<'a, str>,
    status: SnapshotStatusMirror,
    amount_due: i64,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    version: i64,
    #[serde(borrow)]
    updated_at: Time<'a>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Time<'a> {
    Millis(i64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl Record for OrderSnapshotRecord {
    const KIND: RecordKind = RecordKind::OrderSnapshot;
    const USUAL_BYTES: usize = 128;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            order_id: self.order_id.as_str(),
            status: self.snapshot.status.into(),
            amount_due: self.snapshot.amount_due.get(),
            currency: self.snapshot.currency.as_str(),
            version: self.snapshot.version,
            updated_at: self.snapshot.updated_at,
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        Self::try_from(mirror).map_err(|bad| bad.of(Self::KIND.name()))
    }

    /// Neither framing starts as a JSON object may, so the first byte tells.
    fn decode_plain(value: &[u8]) -> Option<Result<Self, DecodeFault>> {
        (value.trim_ascii_start().first() == Some(&b'{')).then(|| from_json(value))
    }
}

fn from_json(value: &[u8]) -> Result<OrderSnapshotRecord, DecodeFault> {
    let record = RecordKind::OrderSnapshot.name();
    if value.len() > MAX_DATUM_BYTES {
        return Err(DecodeFault::TooLarge {
            record,
            bytes: value.len(),
        });
    }
    let plain: Plain<'_> =
        serde_json::from_slice(value).map_err(|error| DecodeFault::Malformed {
            record,
            reason: reason(&error),
        })?;
    let updated_at = plain
        .updated_at
        .millis()
        .map_err(BadField::named("updated_at"))
        .map_err(|bad| bad.of(record))?;
    let mirror = Mirror {
        order_id: &plain.order_id,
        status: plain.status,
        amount_due: plain.amount_due,
        currency: &plain.currency,
        version: plain.version,
        updated_at,
    };
    OrderSnapshotRecord::try_from(mirror).map_err(|bad| bad.of(record))
}

impl Time<'_> {
    fn millis(&self) -> Result<i64, FieldFault> {
        match self {
            Self::Millis(millis) => Ok(*millis),
            Self::Text(text) => text
                .parse::<jiff::Timestamp>()
                .map(jiff::Timestamp::as_millisecond)
                .map_err(|_| FieldFault::NotATime),
        }
    }
}

impl TryFrom<Mirror<'_>> for OrderSnapshotRecord {
    type Error = BadField;

    fn try_from(mirror: Mirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            order_id: mirror
                .order_id
                .try_into()
                .map_err(BadField::named("order_id"))?,
            snapshot: Snapshot {
                status: mirror.status.into(),
                amount_due: mirror
                    .amount_due
                    .try_into()
                    .map_err(BadField::named("amount_due"))?,
                currency: mirror
                    .currency
                    .try_into()
                    .map_err(BadField::named("currency"))?,
                version: mirror.version,
                updated_at: mirror.updated_at,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;

    const MILLIS: &str = r#"{"order_id":"o-1","status":"paid","amount_due":4200,"currency":"eur","version":3,"updated_at":1700000000123}"#;
    const TEXT: &str =
        "\r\n\t {\"note\":[{}], \"version\":3, \"updated_at\":\"2023-11-14T23:13:20.123+01:00\",
        \"order_id\":\"o-\\u0031\",\"status\":\"paid\",\"amount_due\":4200,\"currency\":\"eur\"}";

    fn decode(value: &str) -> Result<OrderSnapshotRecord, DecodeFault> {
        Codec::SingleObject.decode(value.as_bytes())
    }

    #[test]
    fn plain_json_reads_as_the_same_snapshot_as_avro() {
        let plain = decode(MILLIS).unwrap();
        assert_eq!(plain.order_id.as_str(), "o-1");
        assert_eq!(plain.snapshot.updated_at, 1_700_000_000_123);
        let avro = Codec::SingleObject.encode(&plain);
        assert_eq!(
            Codec::SingleObject.decode::<OrderSnapshotRecord>(&avro),
            Ok(plain)
        );
    }

    #[test]
    fn json_takes_rfc_3339_times_blanks_and_unknown_fields() {
        assert_eq!(decode(TEXT), decode(MILLIS));
    }

    #[test]
    fn json_that_is_wrong_is_refused_by_field() {
        let field = |from: &str, to: &str| match decode(&MILLIS.replace(from, to)) {
            Err(DecodeFault::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field("o-1", ""), "order_id");
        assert_eq!(field("4200", "-1"), "amount_due");
        assert_eq!(field("eur", "EUR"), "currency");
        assert_eq!(field("1700000000123", "\"yesterday\""), "updated_at");
        // A time without its zone is nobody's time.
        assert_eq!(
            field("1700000000123", "\"2023-11-14T23:13:20\""),
            "updated_at"
        );
        for wrong in [
            MILLIS.replace("paid", "PAID"),
            MILLIS.replace("4200", "42.5"),
            MILLIS.replace("\"version\":3,", ""),
            MILLIS.replace("\"version\":3", "\"version\":3,\"version\":4"),
            format!("{MILLIS} x"),
            "{".repeat(100_000),
        ] {
            assert!(
                matches!(decode(&wrong), Err(DecodeFault::Malformed { .. })),
                "{wrong:.80}"
            );
        }
    }
}
