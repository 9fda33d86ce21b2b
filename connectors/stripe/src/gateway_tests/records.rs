//! The records of each track: topic, key, headers, seal, and what lies in them.

use serde_json::{Value, json};
use trueup_schemas::codec::Codec;
use trueup_schemas::headers::{EVENT_ID, EVENT_TYPE, KEY_ID, SIGNATURE, TRACEPARENT};
use trueup_schemas::records::{EventBody, PaymentEvent, PaymentLink, Record, Source};
use trueup_schemas::topics::Topics;

use super::{ask, gateway, run};
use crate::publish::{Lane, LaneNames, Outgoing};
use crate::sign::stripe_signature;
use crate::testing::{
    Broker, MemoryLog, NOW_MS, NOW_S, PREFIX, SECRET, event, fixture, keys, secret, settings,
    success, with_signature,
};

const CODEC: Codec = Codec::SingleObject;
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What is written of an accepted `body`.
fn written(body: &Value) -> Vec<Outgoing> {
    let log = MemoryLog::new(Broker::Acknowledges);
    let body = body.to_string();
    let signature = stripe_signature(&secret(SECRET), NOW_S, body.as_bytes());
    let mut request = with_signature(&signature, body);
    request
        .headers_mut()
        .insert("traceparent", TRACE.parse().unwrap());
    assert_eq!(run(ask(&gateway(settings(), &log), request)).status, 200);
    log.records()
}

fn one(records: &[Outgoing], lane: Lane) -> &Outgoing {
    let found: Vec<_> = records
        .iter()
        .filter(|record| record.lane == lane)
        .collect();
    assert_eq!(found.len(), 1, "{lane:?}");
    found[0]
}

fn header<'a>(record: &'a Outgoing, name: &str) -> Option<&'a str> {
    let found = record.headers.iter().find(|(header, _)| *header == name);
    found.map(|(_, value)| value.as_str())
}

fn is_sealed<R: Record>(record: &Outgoing, key: &[u8]) -> bool {
    let datum = CODEC.unframe::<R>(&record.value).unwrap();
    let names = LaneNames::new(&Topics::new(PREFIX));
    let (Some(key_id), Some(signature)) = (header(record, KEY_ID), header(record, SIGNATURE))
    else {
        return false;
    };
    let topic = names.of(record.lane);
    keys()
        .verify(key_id.as_bytes(), signature.as_bytes(), topic, key, datum)
        .is_ok()
}

#[test]
fn an_event_that_names_its_order_is_written_to_events_under_the_order() {
    let records = written(&success());
    let record = one(&records, Lane::Events);
    assert_eq!(record.key, b"order-1");
    assert_eq!(record.timestamp, NOW_MS);
    assert!(is_sealed::<PaymentEvent>(record, b"order-1"));
    assert!(!is_sealed::<PaymentEvent>(record, b"order-2"));
    let event: PaymentEvent = CODEC.decode(&record.value).unwrap();
    assert_eq!(event.event.id.as_str(), "evt_1");
    assert_eq!(event.source, Source::Webhook);
    assert_eq!(event.received_at, NOW_MS);
    assert_eq!(event.account, None);
    let body: EventBody = CODEC.decode(&one(&records, Lane::Bodies).value).unwrap();
    assert_eq!(
        event.body_sha256,
        <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(&body.body))
    );
}

#[test]
fn an_event_whose_order_is_not_known_is_written_to_unlinked_and_teaches_no_link() {
    let charge = json!({"payment_intent": "pi_1"});
    let records = written(&event("charge.updated", fixture("charge", charge)));
    let lanes: Vec<_> = records.iter().map(|record| record.lane).collect();
    assert_eq!(lanes, [Lane::Unlinked, Lane::Bodies]);
    let record = one(&records, Lane::Unlinked);
    assert_eq!(record.key, b"pi_1");
    assert!(is_sealed::<PaymentEvent>(record, b"pi_1"));
    let body: EventBody = CODEC.decode(&one(&records, Lane::Bodies).value).unwrap();
    assert_eq!(body.order_id, None);
}

#[test]
fn the_body_is_written_under_the_event_with_its_secrets_masked() {
    let mut event = success();
    event["account"] = json!("acct_1");
    let records = written(&event);
    let record = one(&records, Lane::Bodies);
    assert_eq!(
        (record.key.as_slice(), record.timestamp),
        (&b"evt_1"[..], NOW_MS)
    );
    let body: EventBody = CODEC.decode(&record.value).unwrap();
    let sent = event.to_string();
    let client_secret = event["data"]["object"]["client_secret"].as_str().unwrap();
    let masked = sent.replace(client_secret, &"*".repeat(client_secret.len()));
    assert_eq!(String::from_utf8(body.body.clone()).unwrap(), masked);
    assert_ne!(masked, sent);
    assert_eq!(body.event_id, "evt_1");
    assert_eq!(body.event_type, "payment_intent.succeeded");
    assert_eq!(body.order_id.as_deref(), Some("order-1"));
    assert_eq!(
        body.signature,
        stripe_signature(&secret(SECRET), NOW_S, sent.as_bytes())
    );
    assert_eq!(body.endpoint, None);
    let told: PaymentEvent = CODEC.decode(&one(&records, Lane::Events).value).unwrap();
    assert_eq!(told.account.as_deref(), Some("acct_1"));
}

#[test]
fn a_link_is_written_for_each_object_that_the_event_names_with_its_order() {
    let order = json!({"order_id": "order-1"});
    let payment = json!({"metadata": order, "latest_charge": "ch_1"});
    let session = json!({"metadata": order, "payment_intent": "pi_1", "id": "cs_1"});
    let refund = json!({"metadata": order, "payment_intent": "pi_1", "charge": "ch_1"});
    for (event_type, name, own, linked) in [
        (
            "payment_intent.created",
            "payment_intent",
            payment,
            ["pi_1PgafyB7WZ01zgkWSjxsAJo3", "ch_1"],
        ),
        (
            "checkout.session.completed",
            "checkout_session",
            session,
            ["pi_1", "cs_1"],
        ),
        ("refund.created", "refund", refund, ["pi_1", "ch_1"]),
    ] {
        let records = written(&event(event_type, fixture(name, own)));
        let links: Vec<_> = records
            .iter()
            .filter(|record| record.lane == Lane::Links)
            .collect();
        let keys: Vec<_> = links
            .iter()
            .map(|link| String::from_utf8(link.key.clone()).unwrap())
            .collect();
        assert_eq!(keys, linked, "{event_type}");
        for record in links {
            assert!(is_sealed::<PaymentLink>(record, &record.key));
            let link: PaymentLink = CODEC.decode(&record.value).unwrap();
            assert_eq!(link.object_id.as_str().as_bytes(), record.key);
            assert_eq!(link.order_id.as_str(), "order-1");
            assert_eq!(link.learned_from, "evt_1");
        }
    }
}

#[test]
fn every_record_says_which_event_and_which_delivery_it_came_from() {
    for record in written(&success()) {
        assert_eq!(header(&record, EVENT_ID), Some("evt_1"));
        assert_eq!(
            header(&record, EVENT_TYPE),
            Some("payment_intent.succeeded")
        );
        assert_eq!(header(&record, TRACEPARENT), Some(TRACE));
        let sealed = header(&record, KEY_ID).is_some() && header(&record, SIGNATURE).is_some();
        assert_eq!(sealed, record.lane != Lane::Bodies);
    }
}

#[test]
fn only_the_body_holds_what_is_the_customers() {
    let own = json!({"metadata": {"order_id": "order-1"}, "description": "xyzzy"});
    let records = written(&event("charge.succeeded", fixture("charge", own)));
    let holds = |record: &Outgoing, text: &str| {
        record
            .value
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    for text in ["xyzzy", "Jenny Rosen"] {
        let holding: Vec<_> = records
            .iter()
            .filter(|record| holds(record, text))
            .collect();
        assert_eq!(holding.len(), 1);
        assert_eq!(holding[0].lane, Lane::Bodies);
    }
}
