//! The records of the topics and of the store, one file each: a plain struct, its private mirror
//! for the wire, and the conversion between them with a named fault for each field.

mod dead_letter;
mod event_body;
mod facts;
mod gap_set;
mod ledger;
mod ledger_cells;
mod ledger_links;
mod order_snapshot;
mod order_status_changed;
mod partition_state;
mod payment_event;
mod payment_link;
mod reconcile_window;

use serde_avro_fast::Schema;

pub use dead_letter::{DeadLetter, LetterClass, MAX_LETTER_HEADERS};
pub use event_body::EventBody;
pub use gap_set::GapSetRecord;
pub use order_snapshot::OrderSnapshotRecord;
pub use order_status_changed::OrderStatusChanged;
pub use partition_state::{InputPosition, PARTITION_STATE_SCHEMA, PartitionState};
pub use payment_event::{PaymentEvent, Source};
pub use payment_link::PaymentLink;
pub use reconcile_window::ReconcileWindow;

use crate::fault::{DecodeFault, FieldFault};
use crate::kind::RecordKind;

/// A record that has an Avro schema.
pub trait Record: Sized {
    const KIND: RecordKind;
    /// What a usual value takes, framed: the capacity it is encoded into.
    const USUAL_BYTES: usize;

    /// Appends the datum, without framing.
    fn encode_into(&self, out: &mut Vec<u8>);

    /// Reads a datum written with `schema`, which may be an older or newer one of this record.
    ///
    /// # Errors
    /// [`DecodeFault`].
    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault>;

    /// Reads the record's form without Avro, where `value` is recognisably of that form.
    #[must_use]
    fn decode_plain(value: &[u8]) -> Option<Result<Self, DecodeFault>> {
        let _ = value;
        None
    }

    /// The datum, without framing.
    #[must_use]
    fn encode_datum(&self) -> Vec<u8> {
        let mut datum = Vec::with_capacity(Self::USUAL_BYTES);
        self.encode_into(&mut datum);
        datum
    }

    /// Reads a datum written with the schema of this release.
    ///
    /// # Errors
    /// [`DecodeFault`].
    fn decode_datum(datum: &[u8]) -> Result<Self, DecodeFault> {
        Self::decode_written_with(datum, Self::KIND.schema())
    }
}

/// Versions and counts are unsigned here and `long` in Avro; none comes near its end.
fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> Result<u64, FieldFault> {
    u64::try_from(number).map_err(|_| FieldFault::OutOfRange {
        number,
        least: 0,
        most: i64::MAX,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The symbols of the enum `name` in `kind`'s schema, found by walking its JSON.
    fn symbols(kind: RecordKind, name: &str) -> Vec<String> {
        fn find(node: &serde_json::Value, name: &str) -> Option<Vec<String>> {
            match node {
                serde_json::Value::Object(fields) if fields.get("name") == Some(&name.into()) => {
                    let symbols = fields.get("symbols")?.as_array()?;
                    Some(
                        symbols
                            .iter()
                            .map(|it| it.as_str().unwrap().to_owned())
                            .collect(),
                    )
                }
                serde_json::Value::Object(fields) => {
                    fields.values().find_map(|node| find(node, name))
                }
                serde_json::Value::Array(nodes) => nodes.iter().find_map(|node| find(node, name)),
                _ => None,
            }
        }
        let schema: serde_json::Value = serde_json::from_str(kind.schema_json()).unwrap();
        let fields = &schema["fields"];
        find(fields, name).unwrap_or_else(|| panic!("{} has no enum {name}", kind.name()))
    }

    #[test]
    fn every_enum_is_written_at_the_place_of_its_symbol() {
        use RecordKind as Kind;
        let mirrors = [
            (
                Kind::PaymentEvent,
                "Source",
                payment_event::SourceMirror::PLACES,
            ),
            (
                Kind::EventBody,
                "Source",
                payment_event::SourceMirror::PLACES,
            ),
            (
                Kind::PaymentEvent,
                "SessionPaymentStatus",
                facts::SessionPaymentStatusMirror::PLACES,
            ),
            (
                Kind::PaymentEvent,
                "SessionStatus",
                facts::SessionStatusMirror::PLACES,
            ),
            (
                Kind::PaymentEvent,
                "RefundStatus",
                facts::RefundStatusMirror::PLACES,
            ),
            (
                Kind::PaymentEvent,
                "DisputeStatus",
                facts::DisputeStatusMirror::PLACES,
            ),
            (
                Kind::OrderSnapshot,
                "SnapshotStatus",
                order_snapshot::SnapshotStatusMirror::PLACES,
            ),
            (
                Kind::OrderStatusChanged,
                "OrderStatus",
                order_status_changed::OrderStatusMirror::PLACES,
            ),
            (Kind::GapSet, "GapKind", gap_set::GapKindMirror::PLACES),
            (Kind::GapSet, "GapStatus", gap_set::GapStatusMirror::PLACES),
            (
                Kind::DeadLetter,
                "LetterClass",
                dead_letter::LetterClassMirror::PLACES,
            ),
            (Kind::Ledger, "EventType", ledger::EventTypeMirror::PLACES),
            (
                Kind::Ledger,
                "SessionProgress",
                ledger_cells::SessionProgressMirror::PLACES,
            ),
            (
                Kind::Ledger,
                "RefundStatus",
                facts::RefundStatusMirror::PLACES,
            ),
            (
                Kind::Ledger,
                "DisputeStatus",
                facts::DisputeStatusMirror::PLACES,
            ),
            (
                Kind::Ledger,
                "SnapshotStatus",
                order_snapshot::SnapshotStatusMirror::PLACES,
            ),
        ];
        for (kind, name, places) in mirrors {
            let symbols = symbols(kind, name);
            let written: Vec<(usize, &str)> =
                symbols.iter().map(String::as_str).enumerate().collect();
            assert_eq!(places, written, "{name} in {}", kind.name());
        }
    }

    #[test]
    fn symbols_are_the_words_used_everywhere_else() {
        use trueup_domain::event::EventType;
        use trueup_domain::status::OrderStatus;

        let words: Vec<&str> = OrderStatus::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(
            words,
            symbols(RecordKind::OrderStatusChanged, "OrderStatus")
        );
        let words: Vec<&str> = LetterClass::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(words, symbols(RecordKind::DeadLetter, "LetterClass"));
        let words: Vec<&str> = Source::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(words, symbols(RecordKind::PaymentEvent, "Source"));
        // A symbol may not hold a dot.
        let words: Vec<String> = EventType::ALL
            .iter()
            .chain(EventType::INTERNAL)
            .map(|it| it.as_str().replace('.', "_"))
            .collect();
        assert_eq!(words, symbols(RecordKind::Ledger, "EventType"));
    }
}
