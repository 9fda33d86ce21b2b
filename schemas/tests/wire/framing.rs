//! The two framings, and what each refuses.

use std::sync::Arc;

use trueup_domain::ledger::Ledger;
use trueup_schemas::codec::{Codec, SubjectIds};
use trueup_schemas::fault::{DecodeFault, FieldFault};
use trueup_schemas::kind::RecordKind;
use trueup_schemas::limits::MAX_DATUM_BYTES;
use trueup_schemas::records::{
    DeadLetter, EventBody, MAX_LETTER_HEADERS, OrderSnapshotRecord, PartitionState, PaymentEvent,
    PaymentLink, Record,
};

use crate::support::{Samples, for_each_record};

fn first<R: Samples>() -> R {
    R::samples().into_iter().next().unwrap()
}

/// Ids 100 and up, in the order of the kinds; the ledger has none.
fn confluent() -> Codec {
    let mut ids = SubjectIds::default();
    for (kind, id) in RecordKind::ALL.iter().zip(100..) {
        if *kind != RecordKind::Ledger {
            ids.insert_written(*kind, id).unwrap();
        }
    }
    Codec::Confluent(Arc::new(ids))
}

#[test]
fn a_single_object_starts_with_its_marker_and_fingerprint() {
    let link = first::<PaymentLink>();
    let value = Codec::SingleObject.encode(&link);
    assert_eq!(value[..2], [0xC3, 0x01]);
    assert_eq!(value[2..10], RecordKind::PaymentLink.fingerprint());
    assert_eq!(value[10..], link.encode_datum());
}

#[test]
fn confluent_framing_is_a_zero_and_the_schema_id() {
    let codec = confluent();
    let link = first::<PaymentLink>();
    let value = codec.encode(&link);
    assert_eq!(value[..5], [0, 0, 0, 0, 102]);
    assert_eq!(value[5..], link.encode_datum());
    assert_eq!(
        codec.unframe::<PaymentLink>(&value).unwrap(),
        link.encode_datum()
    );
    assert_eq!(codec.decode::<PaymentLink>(&value).unwrap(), link);
}

#[test]
fn a_ledger_is_a_single_object_whatever_the_topics_use() {
    let ledger = first::<Ledger>();
    let cell = confluent().encode(&ledger);
    assert_eq!(cell, Codec::SingleObject.encode(&ledger));
    assert_eq!(confluent().decode::<Ledger>(&cell), Ok(ledger));
}

#[test]
fn a_ledger_of_an_unknown_schema_is_an_error_of_its_own() {
    let mut cell = Codec::SingleObject.encode(&first::<Ledger>());
    cell[2] ^= 1;
    let mut fingerprint = RecordKind::Ledger.fingerprint();
    fingerprint[0] ^= 1;
    let schema = fingerprint
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let fault = DecodeFault::UnknownSchema {
        record: "Ledger",
        schema,
    };
    assert_eq!(Codec::SingleObject.decode::<Ledger>(&cell), Err(fault));
}

#[test]
fn a_value_of_another_record_is_of_an_unknown_schema() {
    for codec in [Codec::SingleObject, confluent()] {
        let value = codec.encode(&first::<PaymentLink>());
        let fault = codec.decode::<PaymentEvent>(&value).unwrap_err();
        assert!(
            matches!(fault, DecodeFault::UnknownSchema { .. }),
            "{fault}"
        );
        let fault = codec.unframe::<PaymentEvent>(&value).unwrap_err();
        assert!(
            matches!(fault, DecodeFault::UnknownSchema { .. }),
            "{fault}"
        );
    }
}

#[test]
fn an_id_that_the_registry_did_not_tell_is_unknown() {
    let mut value = confluent().encode(&first::<PaymentLink>());
    value[4] = 250;
    let fault = DecodeFault::UnknownSchema {
        record: "PaymentLink",
        schema: "250".to_owned(),
    };
    assert_eq!(confluent().decode::<PaymentLink>(&value), Err(fault));
}

#[test]
fn each_framing_refuses_the_other() {
    let link = first::<PaymentLink>();
    for (writer, reader) in [
        (Codec::SingleObject, confluent()),
        (confluent(), Codec::SingleObject),
    ] {
        let fault = reader
            .decode::<PaymentLink>(&writer.encode(&link))
            .unwrap_err();
        assert!(matches!(fault, DecodeFault::NotFramed { .. }), "{fault}");
    }
}

fn truncated_and_prolonged_values_are_refused<R: Record + Samples + std::fmt::Debug>() {
    for codec in [Codec::SingleObject, confluent()] {
        for sample in R::samples() {
            let mut value = codec.encode(&sample);
            for end in 0..value.len() {
                let fault = codec.decode::<R>(&value[..end]).unwrap_err();
                assert!(
                    matches!(
                        fault,
                        DecodeFault::NotFramed { .. } | DecodeFault::Malformed { .. }
                    ),
                    "{end} bytes: {fault}"
                );
            }
            value.extend([0, 0]);
            let fault = DecodeFault::TrailingBytes {
                record: R::KIND.name(),
                bytes: 2,
            };
            assert_eq!(codec.decode::<R>(&value).unwrap_err(), fault);
        }
    }
}

#[test]
fn a_value_is_whole_or_it_is_refused() {
    for_each_record!(truncated_and_prolonged_values_are_refused);
}

/// An order service that sends more than we read, in another order and by its own name.
const THEIR_SNAPSHOT: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"version","type":"long"},
    {"name":"lines","type":{"type":"array","items":{"type":"map","values":"string"}}},
    {"name":"status","type":{"type":"enum","name":"State","symbols":["refunded","canceled","paid","pending"]}},
    {"name":"currency","type":"string"},
    {"name":"amount_due","type":"int"},
    {"name":"order_id","type":"string"},
    {"name":"updated_at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;

#[test]
fn a_writer_with_a_schema_of_its_own_is_read_by_field_name() {
    let mut ids = SubjectIds::default();
    ids.insert_read(RecordKind::OrderSnapshot, 7, THEIR_SNAPSHOT)
        .unwrap();
    let schema = apache_avro::Schema::parse_str(THEIR_SNAPSHOT).unwrap();
    let mut record = apache_avro::types::Record::new(&schema).unwrap();
    record.put("version", 7_i64);
    let line = std::collections::HashMap::from([("sku".to_owned(), "a".to_owned())]);
    record.put("lines", apache_avro::types::Value::Array(vec![line.into()]));
    record.put(
        "status",
        apache_avro::types::Value::Enum(2, "paid".to_owned()),
    );
    record.put("currency", "eur");
    record.put("amount_due", 4200_i32);
    record.put("order_id", "order-1001");
    record.put(
        "updated_at",
        apache_avro::types::Value::TimestampMillis(crate::support::RECEIVED_AT),
    );
    let mut value = vec![0, 0, 0, 0, 7];
    value.extend(apache_avro::to_avro_datum(&schema, record).unwrap());
    let codec = Codec::Confluent(Arc::new(ids));
    assert_eq!(
        codec.decode::<OrderSnapshotRecord>(&value),
        Ok(first::<OrderSnapshotRecord>())
    );
}

#[test]
fn a_schema_that_is_none_is_refused_when_it_is_learned() {
    let mut ids = SubjectIds::default();
    let fault = ids
        .insert_read(RecordKind::OrderSnapshot, 7, "{}")
        .unwrap_err();
    assert!(
        fault
            .to_string()
            .starts_with("schema `7` of the registry cannot be read"),
        "{fault}"
    );
}

#[test]
fn facts_of_another_object_than_the_type_are_refused() {
    let mut event = first::<PaymentEvent>();
    event.event.kind = trueup_domain::event::EventType::ChargeCaptured;
    let fault = PaymentEvent::decode_datum(&event.encode_datum()).unwrap_err();
    let expected = FieldFault::WrongFacts {
        kind: "charge.captured",
        facts: "payment",
    };
    assert_eq!(
        fault,
        DecodeFault::Field {
            record: "PaymentEvent",
            field: "facts",
            fault: expected
        }
    );
}

#[test]
fn a_state_record_of_another_meaning_is_refused() {
    let mut state = first::<PartitionState>();
    state.schema = 2;
    let fault = PartitionState::decode_datum(&state.encode_datum()).unwrap_err();
    assert!(
        matches!(fault, DecodeFault::UnknownSchema { .. }),
        "{fault}"
    );
}

/// Writes `link` by the reference library, whatever its fields hold.
fn link(object_id: &str, order_id: &str) -> Vec<u8> {
    let schema = apache_avro::Schema::parse_str(RecordKind::PaymentLink.schema_json()).unwrap();
    let mut record = apache_avro::types::Record::new(&schema).unwrap();
    record.put("object_id", object_id);
    record.put("order_id", order_id);
    record.put("learned_from", "evt_1");
    apache_avro::to_avro_datum(&schema, record).unwrap()
}

#[test]
fn an_id_that_breaks_its_limit_is_refused_by_field() {
    let field = |datum: &[u8]| match PaymentLink::decode_datum(datum).unwrap_err() {
        DecodeFault::Field { field, .. } => field,
        other => panic!("{other}"),
    };
    assert!(PaymentLink::decode_datum(&link("pi_1", &"o".repeat(200))).is_ok());
    assert_eq!(field(&link("pi_1", &"o".repeat(201))), "order_id");
    assert_eq!(field(&link("pi_1", "")), "order_id");
    assert_eq!(field(&link("pi_1", "a\nb")), "order_id");
    assert_eq!(field(&link(&"p".repeat(256), "o")), "object_id");
}

#[test]
fn a_value_over_the_limit_is_refused_unread() {
    let mut body = first::<EventBody>();
    body.body = vec![0; MAX_DATUM_BYTES - 1024];
    let fits = Codec::SingleObject.encode(&body);
    assert_eq!(
        Codec::SingleObject.decode::<EventBody>(&fits),
        Ok(body.clone())
    );
    body.body = vec![0; MAX_DATUM_BYTES];
    let large = Codec::SingleObject.encode(&body);
    let fault = Codec::SingleObject.decode::<EventBody>(&large).unwrap_err();
    assert!(matches!(fault, DecodeFault::TooLarge { .. }), "{fault}");
    let json = format!("{{{}", " ".repeat(MAX_DATUM_BYTES));
    let fault = Codec::SingleObject
        .decode::<OrderSnapshotRecord>(json.as_bytes())
        .unwrap_err();
    assert!(matches!(fault, DecodeFault::TooLarge { .. }), "{fault}");
}

#[test]
fn a_letter_keeps_as_many_headers_as_can_be_read_again() {
    let mut letter = first::<DeadLetter>();
    letter.headers = (0..=MAX_LETTER_HEADERS)
        .map(|at| (at.to_string(), None))
        .collect();
    let read: DeadLetter = Codec::SingleObject
        .decode(&Codec::SingleObject.encode(&letter))
        .unwrap();
    assert_eq!(read.headers, letter.headers[..MAX_LETTER_HEADERS]);
}
