//! Which bodies are events, and that a refusal says what is wrong without quoting the body.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::BodyFault;
use crate::normalise::{Normalised, Notice};
use crate::signature::Verified;
use crate::testing::{event, fixture, success};

fn read(body: &[u8]) -> Result<Option<Normalised>, BodyFault> {
    let digest: [u8; 32] = Sha256::digest(body).into();
    let verified = Verified::by_digest(Bytes::copy_from_slice(body), &digest).unwrap();
    Notice::read(&verified).and_then(Notice::normalise)
}

fn fault(body: &str) -> BodyFault {
    read(body.as_bytes()).expect_err(body)
}

/// The success with one field of the envelope set.
fn with(field: &str, value: Value) -> String {
    let mut body = success();
    body[field] = value;
    body.to_string()
}

/// The success with `text` put in where its root object begins.
fn beginning(text: &str) -> String {
    format!("{{{text},{}", &success().to_string()[1..])
}

#[test]
fn what_is_not_json_is_refused_by_its_place() {
    let body = success().to_string();
    let cut = &body[..body.len() - 1];
    for bad in [
        "",
        " ",
        "{",
        cut,
        &format!("{body}x"),
        "{\"id\":evt}",
        "\u{feff}{}",
        "nul",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":\"\n\"}",
    ] {
        assert!(
            matches!(fault(bad), BodyFault::NotJson { .. }),
            "{bad}: {:?}",
            fault(bad)
        );
    }
    let mut bytes = body.into_bytes();
    bytes[10] = 0xff;
    assert_eq!(read(&bytes).unwrap_err(), BodyFault::NotUtf8);
}

#[test]
fn what_is_no_event_is_refused() {
    let thin = json!({"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered", "created": "2026-01-01T00:00:00.000Z", "related_object": {"id": "x"}});
    let bridged = json!({"version": "0", "id": "c", "detail-type": "x", "source": "aws.partner/stripe.com", "detail": success()});
    for body in [
        json!(null),
        json!(1),
        json!("event"),
        json!([success()]),
        json!({}),
        thin,
        bridged,
        json!({"object": "payment_intent", "id": "evt_1", "type": "t"}),
        json!({"object": {"object": "event"}, "id": "evt_1", "type": "t"}),
    ] {
        assert_eq!(fault(&body.to_string()), BodyFault::NotAnEvent, "{body}");
    }
}

#[test]
fn an_event_needs_an_id_and_a_type() {
    for field in ["id", "type"] {
        for value in [
            json!(null),
            json!(""),
            json!(5),
            json!({"id": "evt_1"}),
            json!("x".repeat(256)),
        ] {
            let fault = fault(&with(field, value.clone()));
            assert!(
                matches!(fault, BodyFault::Field { .. }),
                "{field} {value}: {fault:?}"
            );
            assert!(fault.to_string().contains(&format!("`{field}`")), "{fault}");
        }
    }
}

#[test]
fn the_rest_of_the_envelope_is_checked_where_it_is_used() {
    for (field, value) in [
        ("created", json!(null)),
        ("created", json!(-1)),
        ("created", json!("now")),
        ("created", json!(253_402_300_800_i64)),
        ("livemode", json!("true")),
        ("account", json!(7)),
    ] {
        let fault = fault(&with(field, value.clone()));
        assert!(
            fault.to_string().contains(&format!("`{field}`")),
            "{field} {value}: {fault}"
        );
    }
    for data in [json!(null), json!({}), json!({"object": null})] {
        assert!(
            fault(&with("data", data))
                .to_string()
                .contains("`data.object` is missing")
        );
    }
    for data in [
        json!([]),
        json!("x"),
        json!({"object": []}),
        json!({"object": "pi_1"}),
    ] {
        assert!(matches!(
            fault(&with("data", data)),
            BodyFault::WrongType { .. }
        ));
    }
}

#[test]
fn a_type_that_is_not_used_needs_no_object() {
    for event_type in [
        "radar.early_fraud_warning.created",
        "payout.paid",
        "plan.created",
        "trueup.linked",
        "PAYMENT_INTENT.SUCCEEDED",
    ] {
        let body = json!({"id": "evt_1", "object": "event", "type": event_type});
        assert!(
            read(body.to_string().as_bytes()).unwrap().is_none(),
            "{event_type}"
        );
    }
}

#[test]
fn a_key_that_is_read_may_not_come_twice_however_it_is_written() {
    for key in [
        "id",
        "object",
        "type",
        "created",
        "livemode",
        "account",
        "api_version",
        "data",
    ] {
        let mut body = success();
        body["account"] = json!("acct_1");
        let value = body[key].clone();
        let first: String = key
            .chars()
            .take(1)
            .map(|letter| format!("\\u{:04x}", u32::from(letter)))
            .collect();
        for written in [key.to_owned(), format!("{first}{}", &key[1..])] {
            let body = format!("{{\"{written}\":{value},{}", &body.to_string()[1..]);
            let key = key.to_owned();
            assert_eq!(fault(&body), BodyFault::DuplicateKey { key });
        }
    }
    for (within, key) in [
        ("\"object\":\"payment_intent\"", "object"),
        ("\"amount\":1099", "amount"),
        ("\"order_id\":\"order-1\"", "order_id"),
        ("\"metadata\":{\"order_id\":\"order-1\"}", "metadata"),
    ] {
        let body = success().to_string();
        let body = body.replacen(within, &format!("{within},{within}"), 1);
        let key = key.to_owned();
        assert_eq!(fault(&body), BodyFault::DuplicateKey { key });
    }
    let expanded = fixture("payment_intent", json!({"latest_charge": "HERE"}));
    let body = event("payment_intent.processing", expanded).to_string();
    let body = body.replace("\"HERE\"", r#"{"id":"ch_1","id":"ch_2"}"#);
    assert_eq!(
        fault(&body),
        BodyFault::DuplicateKey {
            key: "id".to_owned()
        }
    );
}

#[test]
fn a_key_that_is_not_read_may_come_twice() {
    assert!(read(beginning(r#""request":1,"xyz":1,"xyz":2"#).as_bytes()).is_ok());
}

#[test]
fn half_a_surrogate_pair_is_refused_even_where_nothing_is_read() {
    for bad in [
        r#""xyz":"\ud800""#,
        r#""\udc00":1"#,
        r#""xyz":["\ud83d\u0041"]"#,
    ] {
        assert_eq!(fault(&beginning(bad)), BodyFault::LoneSurrogate);
    }
    assert!(read(beginning(r#""xyz":"\ud83d\ude00""#).as_bytes()).is_ok());
}

#[test]
fn nesting_ends_at_64_levels_with_the_root_as_the_first() {
    let nested = |levels: usize| {
        let text = format!("\"xyz\":{}{}", "[".repeat(levels), "]".repeat(levels));
        read(beginning(&text).as_bytes()).map(|_| ())
    };
    assert_eq!(nested(63), Ok(()));
    assert_eq!(nested(64), Err(BodyFault::TooDeep));
    assert_eq!(nested(400_000), Err(BodyFault::TooDeep));
}

proptest! {
    /// Bytes put anywhere into an event: no panic, and a refusal never repeats what came in.
    #[test]
    fn no_refusal_quotes_the_body(at in 0_usize..2000, noise in prop::collection::vec(any::<u8>(), 0..6), cut in any::<bool>()) {
        let mut body = success().to_string().replace("usd", "xyzzy").replace("order-1", "xyzzy").into_bytes();
        let at = at.min(body.len());
        if cut {
            body.truncate(at);
        }
        let at = at.min(body.len());
        body.splice(at..at, b"xyzzy".iter().chain(&noise).copied());
        if let Err(fault) = read(&body) {
            prop_assert!(!fault.to_string().contains("xyzzy"), "{}", fault);
        }
    }
}
