//! What lies in the topics of an accepted event, byte for byte.

use serde_json::Value;
use sha2::{Digest, Sha256};
use trueup_domain::event::{Event, EventType, Facts, PaymentFacts};
use trueup_schemas::codec::Codec;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::{EventBody, PaymentEvent, PaymentLink, Record, Source};
use trueup_schemas::seal::SigningKeys;
use trueup_testkit::{SIGNING_KEYS, TopicRecord, WEBHOOK_SECRET, kafka, stripe_sdk_signature};

use crate::shop::{PARTITIONS, Shop, TRACE, event_ids, now_ms, now_s, signature, success};

const CODEC: Codec = Codec::SingleObject;

/// Written as no serialiser would, with what must not be kept.
fn sent(event: &Value) -> String {
    let pretty = serde_json::to_string_pretty(event).unwrap();
    pretty.replace(r#""usd""#, r#""\u0075sd""#)
}

/// The body as it is kept: the client secret blotted out, everything else as it was.
fn kept(event: &Value) -> String {
    let secret = event["data"]["object"]["client_secret"].as_str().unwrap();
    let body = sent(event);
    assert!(body.contains(secret));
    body.replace(secret, &"*".repeat(secret.len()))
}

fn expected_event(event: &Value, received_at: i64) -> PaymentEvent {
    let object = &event["data"]["object"];
    let facts = PaymentFacts {
        id: object["id"].as_str().unwrap().try_into().unwrap(),
        amount: 1099.try_into().unwrap(),
        amount_received: 1099.try_into().unwrap(),
        currency: "usd".try_into().unwrap(),
    };
    PaymentEvent {
        event: Event {
            id: event["id"].as_str().unwrap().try_into().unwrap(),
            kind: EventType::PaymentIntentSucceeded,
            created: event["created"].as_i64().unwrap(),
            livemode: Some(false),
            facts: Facts::Payment(facts),
        },
        account: None,
        source: Source::Webhook,
        received_at,
        body_sha256: Sha256::digest(kept(event)).into(),
    }
}

/// The only record of `topic` is `value` under `key`, where Java would put it, with every
/// header, and sealed for that topic and key where `sealed`.
fn assert_only<R: Record>(
    shop: &Shop,
    topic: &str,
    key: &str,
    sealed: bool,
    value: impl FnOnce(i64) -> R,
) {
    let records = shop.records(topic);
    let [record] = &records[..] else {
        panic!("{topic} holds {} records", records.len())
    };
    assert_eq!(record.key.as_deref(), Some(key.as_bytes()), "{topic}");
    assert_eq!(
        record.partition,
        partition_for(key.as_bytes(), PARTITIONS),
        "{topic}"
    );
    let received_at = record.timestamp_ms.unwrap();
    assert!(
        (now_ms() - received_at).abs() < 120_000,
        "{topic}: {received_at}"
    );
    let payload = record.payload.as_deref().unwrap();
    assert_eq!(payload, CODEC.encode(&value(received_at)), "{topic}");
    let mut headers = vec!["event-id", "event-type", "traceparent"];
    if sealed {
        headers.extend(["trueup-key-id", "trueup-signature"]);
        assert!(is_sealed::<R>(record, &shop.topic(topic), key), "{topic}");
        assert!(
            !is_sealed::<R>(record, topic, key),
            "the prefix belongs to the seal"
        );
    }
    let found: Vec<_> = record
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(found, headers, "{topic}");
    assert_eq!(
        record.header("event-type"),
        Some(&b"payment_intent.succeeded"[..])
    );
    assert_eq!(record.header("traceparent"), Some(TRACE.as_bytes()));
}

fn is_sealed<R: Record>(record: &TopicRecord, topic: &str, key: &str) -> bool {
    let keys = SigningKeys::parse(SIGNING_KEYS).unwrap();
    let datum = CODEC
        .unframe::<R>(record.payload.as_deref().unwrap())
        .unwrap();
    let (key_id, seal) = (
        record.header("trueup-key-id"),
        record.header("trueup-signature"),
    );
    keys.verify(key_id.unwrap(), seal.unwrap(), topic, key.as_bytes(), datum)
        .is_ok()
}

fn assert_body(shop: &Shop, event: &Value, order_id: Option<&str>, signature: &str) {
    let event_id = event["id"].as_str().unwrap();
    assert_only(shop, "payments.bodies", event_id, false, |received_at| {
        EventBody {
            event_id: event_id.to_owned(),
            event_type: "payment_intent.succeeded".to_owned(),
            order_id: order_id.map(str::to_owned),
            source: Source::Webhook,
            received_at,
            signature: signature.to_owned(),
            endpoint: None,
            body: kept(event).into_bytes(),
        }
    });
}

#[test]
fn an_event_with_its_order_lies_in_events_bodies_and_links_and_nowhere_else() {
    let shop = Shop::open(&kafka(), "linked");
    let event = success("evt_linked", "pi_linked", Some("foobar"));
    let body = sent(&event);
    let signature = signature(WEBHOOK_SECRET, body.as_bytes());
    let answer = shop.post_to("/webhooks/stripe", &signature, body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.body,
        serde_json::json!({"received": true, "id": "evt_linked"})
    );
    assert_only(&shop, "payments.events", "foobar", true, |at| {
        expected_event(&event, at)
    });
    assert_only(&shop, "payments.links", "pi_linked", true, |_| {
        PaymentLink {
            object_id: "pi_linked".try_into().unwrap(),
            order_id: "foobar".try_into().unwrap(),
            learned_from: "evt_linked".to_owned(),
        }
    });
    assert_body(&shop, &event, Some("foobar"), &signature);
    assert!(shop.records("payments.unlinked").is_empty());
}

#[test]
fn an_event_without_an_order_lies_in_unlinked_and_bodies_and_nowhere_else() {
    let shop = Shop::open(&kafka(), "unlinked");
    let event = success("evt_unlinked", "pi_unlinked", None);
    let body = sent(&event);
    let signature = signature(WEBHOOK_SECRET, body.as_bytes());
    let answer = shop.post_to("/webhooks/stripe", &signature, body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_only(&shop, "payments.unlinked", "pi_unlinked", true, |at| {
        expected_event(&event, at)
    });
    assert_body(&shop, &event, None, &signature);
    assert!(shop.records("payments.events").is_empty());
    assert!(shop.records("payments.links").is_empty());
}

#[test]
fn a_duplicate_is_answered_alike_and_written_again() {
    let shop = Shop::open(&kafka(), "twice");
    let body = success("evt_twice", "pi_twice", Some("order-1")).to_string();
    assert_eq!(shop.post(body.as_bytes()), shop.post(body.as_bytes()));
    assert_eq!(
        event_ids(&shop.records("payments.events")),
        ["evt_twice", "evt_twice"]
    );
}

#[test]
fn own_java_a_signature_made_by_stripes_own_sdk_is_accepted() {
    let shop = Shop::open(&kafka(), "sdk");
    let body = sent(&success("evt_sdk", "pi_sdk", Some("order-é")));
    let signed = stripe_sdk_signature(WEBHOOK_SECRET, now_s(), body.as_bytes()).unwrap();
    let answer = shop.post_to("/webhooks/stripe", &signed, body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let foreign = stripe_sdk_signature("whsec_of_somebody_else", now_s(), body.as_bytes()).unwrap();
    let answer = shop.post_to("/webhooks/stripe", &foreign, body.as_bytes());
    assert_eq!((answer.status, answer.code()), (400, "signature_mismatch"));
    let old = stripe_sdk_signature(WEBHOOK_SECRET, now_s() - 400, body.as_bytes()).unwrap();
    let answer = shop.post_to("/webhooks/stripe", &old, body.as_bytes());
    assert_eq!((answer.status, answer.code()), (400, "signature_too_old"));
    assert_eq!(event_ids(&shop.records("payments.events")), ["evt_sdk"]);
}
