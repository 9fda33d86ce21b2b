//! The reference library reads back what we wrote, field by field, and writes the same bytes.

use crate::support::any::Any;
use crate::support::{Samples, for_each_record};
use apache_avro::types::Value;
use apache_avro::{Schema, from_avro_datum, to_avro_datum};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as Json, json};
use trueup_domain::ledger::Ledger;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::*;

fn read(schema: &Schema, datum: &[u8]) -> Value {
    let mut rest = datum;
    let value = from_avro_datum(schema, &mut rest, None).unwrap();
    assert!(rest.is_empty(), "{} bytes are left", rest.len());
    value
}

fn any_value_is_carried<R: Record + Any + PartialEq + Clone>() {
    let schema = Schema::parse_str(R::KIND.schema_json()).unwrap();
    let mut runner = TestRunner::new(Config::with_cases(96));
    runner
        .run(&R::any(), |record| {
            let datum = record.encode_datum();
            let value = read(&schema, &datum);
            prop_assert_eq!(&to_avro_datum(&schema, value).unwrap(), &datum);
            prop_assert_eq!(R::decode_datum(&datum).unwrap(), record.clone());
            let framed = Codec::SingleObject.encode(&record);
            prop_assert_eq!(&framed, &Codec::SingleObject.frame::<R>(&datum));
            prop_assert_eq!(Codec::SingleObject.unframe::<R>(&framed).unwrap(), &datum);
            prop_assert_eq!(Codec::SingleObject.decode::<R>(&framed).unwrap(), record);
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_value_of_any_record_is_read_back_by_both_libraries() {
    for_each_record!(any_value_is_carried);
}

/// The first sample, as the reference library reads it.
fn as_json<R: Record + Samples>() -> Json {
    let schema = Schema::parse_str(R::KIND.schema_json()).unwrap();
    let sample = R::samples().into_iter().next().unwrap();
    read(&schema, &sample.encode_datum()).try_into().unwrap()
}

fn bytes(text: &str) -> Json {
    json!(text.as_bytes())
}

#[test]
fn a_payment_event_is_read_field_by_field() {
    assert_eq!(
        as_json::<PaymentEvent>(),
        json!({
            "event_id": "evt_3QbKd2Eo1Z",
            "type": "payment_intent.succeeded",
            "created": 1_767_225_599,
            "livemode": true,
            "account": null,
            "source": "webhook",
            "received_at": 1_767_225_600_123_i64,
            "body_sha256": (0..32).collect::<Vec<u8>>(),
            "facts": {
                "id": "pi_3QbKd2Eo1Z", "amount": 4200, "amount_received": 4150, "currency": "eur"
            },
        })
    );
}

#[test]
fn a_body_and_a_link_are_read_field_by_field() {
    assert_eq!(
        as_json::<EventBody>(),
        json!({
            "event_id": "evt_3QbKd2Eo1Z",
            "type": "payment_intent.succeeded",
            "order_id": "order-1001",
            "source": "webhook",
            "received_at": 1_767_225_600_123_i64,
            "signature": "t=1767225600,v1=5257a869e7ec",
            "endpoint": "shop-eu",
            "body": bytes(r#"{"id":"evt_3QbKd2Eo1Z"}"#),
        })
    );
    assert_eq!(
        as_json::<PaymentLink>(),
        json!({
            "object_id": "pi_3QbKd2Eo1Z",
            "order_id": "order-1001",
            "learned_from": "evt_3QbKd2Eo1Z",
        })
    );
}

#[test]
fn what_is_said_of_an_order_is_read_field_by_field() {
    assert_eq!(
        as_json::<OrderSnapshotRecord>(),
        json!({
            "order_id": "order-1001",
            "status": "paid",
            "amount_due": 4200,
            "currency": "eur",
            "version": 7,
            "updated_at": 1_767_225_600_123_i64,
        })
    );
    assert_eq!(
        as_json::<OrderStatusChanged>(),
        json!({
            "order_id": "order-1001",
            "version": 3,
            "from": "processing",
            "to": "paid",
            "amount_due": 4200,
            "amount_received": 4250,
            "amount_refunded": 50,
            "currency": "eur",
            "event_id": "evt_3QbKd2Eo1Z",
            "event_type": "payment_intent.succeeded",
            "payment_intent": "pi_3QbKd2Eo1Z",
            "checkout_session": "cs_live_a1",
            "livemode": true,
            "occurred_at": 1_767_225_599_000_i64,
        })
    );
    assert_eq!(
        as_json::<GapSetRecord>(),
        json!({
            "order_id": "order-1001",
            "version": 3,
            "gaps": [
                {
                    "kind": "paid_not_marked", "status": "open", "amount": 4200,
                    "currency": "eur", "payment_intent": "pi_3QbKd2Eo1Z",
                    "since": 1_767_225_600_123_i64, "deadline": 1_767_225_900_123_i64,
                    "unpaid": true,
                },
                {
                    "kind": "order_full", "status": "awaiting", "amount": 0,
                    "currency": "eur", "payment_intent": null,
                    "since": 1_767_225_600_123_i64, "deadline": 1_767_225_900_123_i64,
                    "unpaid": false,
                },
            ],
        })
    );
}

#[test]
fn a_dead_letter_is_read_field_by_field() {
    assert_eq!(
        as_json::<DeadLetter>(),
        json!({
            "class": "forged",
            "reason": "the record carries no signature",
            "topic": "payments.events",
            "partition": 5,
            "offset": 1_234_567_890_123_i64,
            "key": bytes("order-1001"),
            "headers": [
                { "name": "event-id", "value": bytes("evt_3QbKd2Eo1Z") },
                { "name": "traceparent", "value": null },
            ],
            "timestamp": 1_767_225_600_123_i64,
            "payload": [0, 255],
            "first_seen": 1_767_225_600_128_i64,
            "attempts": 1,
        })
    );
}

#[test]
fn windows_and_state_are_read_field_by_field() {
    assert_eq!(
        as_json::<ReconcileWindow>(),
        json!({
            "partition": 5,
            "window_start": 1_767_225_600_000_i64,
            "width_ms": 60_000,
            "succeeded": 12,
            "reconciled": 11,
            "in_gap": 1,
            "amounts": [
                { "currency": "eur", "succeeded": 42_000, "reconciled": 37_800, "in_gap": 4200 },
                { "currency": "jpy", "succeeded": 1, "reconciled": 2, "in_gap": 3 },
            ],
        })
    );
    assert_eq!(
        as_json::<PartitionState>(),
        json!({
            "schema": 1,
            "partition": 5,
            "cluster_id": "MkU3OEVBNTcwNTJENDM2Qg",
            "partitions": 12,
            "events": {
                "next": 1001, "last_offset": 999, "last_timestamp": 1_767_225_600_123_i64
            },
            "orders": { "next": 0, "last_offset": null, "last_timestamp": null },
            "clock": 1_767_225_600_123_i64,
            "transaction": 77,
            "written_at": 1_767_225_600_132_i64,
            "known_orders": 4711,
        })
    );
}

#[test]
fn a_ledger_is_read_field_by_field() {
    let stamp = |event: &str, rank: u8| {
        json!({
            "created": 1_767_225_599, "rank": rank, "event": event, "digest": vec![rank; 16]
        })
    };
    let seen = |id: &str, kind: &str, offset: i64| {
        json!({
            "id": id, "digest": bytes("0123456789abcdef"), "kind": kind,
            "created": 1_767_225_599, "offset": offset,
        })
    };
    assert_eq!(
        as_json::<Ledger>(),
        json!({
            "events": [
                seen("evt_3QbKd2Eo1Za", "payment_intent_created", 100_001),
                seen("evt_3QbKd2Eo1Zb", "payment_intent_processing", 100_017),
                seen("evt_3QbKd2Eo1Zc", "charge_succeeded", 100_020),
                seen("evt_3QbKd2Eo1Zd", "payment_intent_succeeded", 100_019),
            ],
            "payments": [{
                "id": "pi_3QbKd2Eo1Z",
                "latest": stamp("evt_3QbKd2Eo1Zd", 7),
                "latest_kind": "payment_intent_succeeded",
                "first_seen": 1_767_225_539,
                "succeeded_at": 1_767_225_599,
                "amount": 4200,
                "amount_received": 4150,
                "currency": "eur",
            }],
            "charges": [{
                "id": "ch_3QbKd2Eo1Z",
                "payment": "pi_3QbKd2Eo1Z",
                "latest": stamp("evt_3QbKd2Eo1Zc", 0),
                "first_seen": 1_767_225_598,
                "captured_at": 1_767_225_599,
                "amount": 4200,
                "amount_captured": 4150,
                "amount_refunded": 50,
                "currency": "eur",
            }],
            "sessions": [],
            "refunds": [],
            "disputes": [],
            "snapshots_kept": [
                { "version": 1, "digest": vec![1; 16] },
                { "version": 2, "digest": vec![2; 16] },
            ],
            "snapshots_seen": 2,
            "snapshot": {
                "version": 2, "digest": vec![2; 16], "status": "paid", "amount_due": 4200,
                "currency": "eur", "updated_at": 1_767_225_600_123_i64,
            },
            "livemode": true,
            "unlinked": [],
            "claims": [],
        })
    );
}
