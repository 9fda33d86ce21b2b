//! Every row of the answer table, the order of judgement, and the records that are written.

use std::net::IpAddr;
use std::num::NonZeroU32;

use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};

use super::*;
use crate::limit::Rate;
use crate::limits::{MAX_BODY_BYTES, RETRY_AFTER_S};
use crate::publish::{Lane, PublishFault};
use crate::sign::stripe_signature;
use crate::testing::{
    Answer, Broker, Counters, MemoryLog, NOW_S, PEER, SECRET, TestGateway, ask, event, fixture,
    gateway, secret, settings, signed, success, unnamed, with_signature,
};

#[path = "gateway_tests/broker.rs"]
mod broker;

#[path = "gateway_tests/records.rs"]
mod records;

/// Runs `body` on one thread, so that a plant or a recorder of that thread reaches all of it.
pub(super) fn run<T>(body: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(body)
}

fn ready() -> (TestGateway, MemoryLog) {
    let log = MemoryLog::new(Broker::Acknowledges);
    (gateway(settings(), &log), log)
}

fn ask_once(request: Request<Full<Bytes>>) -> (Answer, MemoryLog) {
    let (gateway, log) = ready();
    (run(ask(&gateway, request)), log)
}

fn signed_at(at_s: i64, body: &str) -> Request<Full<Bytes>> {
    let signature = stripe_signature(&secret(SECRET), at_s, body.as_bytes());
    with_signature(&signature, body.to_owned())
}

/// A refusal has the status and code, one sentence, and nothing of the body or a secret in it.
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let Some(Value::Object(body)) = answer.body.get("error") else {
        panic!("no error body: {answer:?}")
    };
    let keys: Vec<_> = body.keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "message"]);
    let message = body["message"].as_str().unwrap();
    assert!(!message.is_empty() && !message.contains('\n'), "{message}");
    for private in ["xyzzy", "evt_1", "order-1", SECRET] {
        assert!(!message.contains(private), "{message}");
    }
    let retried = matches!(status, 429 | 503);
    assert_eq!(
        answer.header("retry-after").is_some(),
        retried,
        "{answer:?}"
    );
}

#[test]
fn an_accepted_event_is_answered_with_its_id_once_it_is_written() {
    let (answer, log) = ask_once(signed(success().to_string()));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, json!({"received": true, "id": "evt_1"}));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(log.lanes(), [Lane::Links, Lane::Events, Lane::Bodies]);
}

#[test]
fn a_duplicate_is_accepted_and_written_again() {
    let (gateway, log) = ready();
    for _ in 0..2 {
        assert_eq!(
            run(ask(&gateway, signed(success().to_string()))).status,
            200
        );
    }
    assert_eq!(log.records().len(), 6);
}

#[test]
fn an_event_that_is_not_used_gets_the_same_answer_and_is_not_written() {
    let session = fixture("checkout_session", json!({"mode": "subscription"}));
    for (event_type, object) in [
        ("payout.paid", json!({"id": "po_1"})),
        ("a.type.of.next.year", json!(null)),
        ("checkout.session.completed", session),
    ] {
        let (answer, log) = ask_once(signed(event(event_type, object).to_string()));
        assert_eq!(answer.status, 200, "{event_type}");
        assert_eq!(answer.body, json!({"received": true, "id": "evt_1"}));
        assert!(log.records().is_empty(), "{event_type}");
    }
}

#[test]
fn a_signature_that_does_not_hold_is_refused_by_what_is_wrong_with_it() {
    let body = success().to_string();
    let good = stripe_signature(&secret(SECRET), NOW_S, body.as_bytes());
    let v0 = good.replace("v1=", "v0=");
    let foreign = stripe_signature(&secret("whsec_of_somebody_else"), NOW_S, body.as_bytes());
    let twice = good.replace(",v1", &format!(",t={NOW_S},v1"));
    for (signature, code) in [
        (foreign.as_str(), "signature_mismatch"),
        (&v0, "signature_no_v1"),
        (&twice, "signature_malformed"),
        ("", "signature_malformed"),
        ("xyzzy", "signature_malformed"),
    ] {
        let (answer, log) = ask_once(with_signature(signature, body.clone()));
        assert_refused(&answer, 400, code);
        assert!(log.records().is_empty());
    }
    for (at_s, code) in [
        (NOW_S - 301, "signature_too_old"),
        (NOW_S + 61, "signature_from_future"),
    ] {
        assert_refused(&ask_once(signed_at(at_s, &body)).0, 400, code);
    }
    for at_s in [NOW_S - 300, NOW_S + 60] {
        assert_eq!(ask_once(signed_at(at_s, &body)).0.status, 200);
    }
    let mut request = signed(body.clone());
    request.headers_mut().remove("stripe-signature");
    assert_refused(&ask_once(request).0, 400, "signature_missing");
    let mut request = signed(body.clone());
    request
        .headers_mut()
        .append("stripe-signature", good.parse().unwrap());
    assert_refused(&ask_once(request).0, 400, "signature_malformed");
    let mut request = signed(body);
    let latin = hyper::header::HeaderValue::from_bytes(b"t=1,v1=\xe9").unwrap();
    request.headers_mut().insert("stripe-signature", latin);
    assert_refused(&ask_once(request).0, 400, "signature_malformed");
}

#[test]
fn a_changed_body_is_refused() {
    let body = success().to_string();
    let signature = stripe_signature(&secret(SECRET), NOW_S, body.as_bytes());
    let changed = body.replace("1099", "1098");
    let (answer, log) = ask_once(with_signature(&signature, changed));
    assert_refused(&answer, 400, "signature_mismatch");
    assert!(log.records().is_empty());
}

#[test]
fn a_verified_body_that_is_no_event_is_refused_by_what_is_wrong_with_it() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
    let cases = [
        ("", "not_json"),
        ("{\"xyzzy\":", "not_json"),
        (deep.as_str(), "json_too_deep"),
        (r#"{"a":"\ud800"}"#, "json_lone_surrogate"),
        (r#"{"id":"xyzzy","id":"xyzzy"}"#, "json_duplicate_key"),
        (r#"["xyzzy"]"#, "not_an_event"),
        (
            r#"{"object":"v2.core.event","id":"evt_1","type":"xyzzy"}"#,
            "not_an_event",
        ),
        (r#"{"object":"event","type":"xyzzy"}"#, "bad_field"),
        (r#"{"object":"event","id":"evt_1"}"#, "bad_field"),
    ];
    for (body, code) in cases {
        let (answer, log) = ask_once(signed(body.to_owned()));
        assert_refused(&answer, 400, code);
        assert!(log.records().is_empty());
    }
    let amount = fixture("payment_intent", json!({"amount": "xyzzy"}));
    let body = event("payment_intent.created", amount).to_string();
    assert_refused(&ask_once(signed(body)).0, 400, "bad_amount");
}

#[test]
fn size_is_judged_before_the_signature_and_the_signature_before_the_parse() {
    let too_large = vec![b'x'; MAX_BODY_BYTES + 1];
    assert_refused(
        &ask_once(with_signature("xyzzy", too_large)).0,
        413,
        "body_too_large",
    );
    let largest = vec![b'x'; MAX_BODY_BYTES];
    assert_refused(
        &ask_once(with_signature("xyzzy", largest)).0,
        400,
        "signature_malformed",
    );
    let foreign = stripe_signature(&secret("whsec_of_somebody_else"), NOW_S, b"no json");
    assert_refused(
        &ask_once(with_signature(&foreign, "no json")).0,
        400,
        "signature_mismatch",
    );
}

#[test]
fn the_largest_body_is_taken_whole() {
    let mut body = success();
    let room = MAX_BODY_BYTES - body.to_string().len() - r#""pad":"","#.len();
    body["pad"] = json!("x".repeat(room));
    let body = body.to_string();
    assert_eq!(body.len(), MAX_BODY_BYTES);
    let (answer, log) = ask_once(signed(body));
    assert_eq!(answer.status, 200);
    assert_eq!(log.records().len(), 3);
}

#[test]
fn another_method_is_told_which_is_allowed_and_another_path_is_not_found() {
    let ask = |method: &str, path: &str| {
        let mut request = signed(success().to_string());
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = path.parse().unwrap();
        ask_once(request).0
    };
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "post"] {
        let answer = ask(method, "/webhooks/stripe");
        assert_refused(&answer, 405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    for path in [
        "/",
        "/webhooks",
        "/webhooks/stripe/",
        "/webhooks/stripe/nobody",
        "/webhooks/stripes",
        "/Webhooks/stripe",
        "//webhooks/stripe",
        "/webhooks%2fstripe",
        "/metrics",
    ] {
        assert_refused(&ask("POST", path), 404, "not_found");
        assert_refused(&ask("GET", path), 404, "not_found");
    }
    assert_eq!(ask("POST", "/webhooks/stripe?from=stripe").status, 200);
}

fn endpoint(name: &str, livemode: Option<bool>, account: Option<&str>) -> Endpoint {
    Endpoint {
        name: Some(name.to_owned()),
        secrets: vec![secret(&format!("whsec_of_endpoint_{name}"))],
        livemode,
        account: account.map(str::to_owned),
    }
}

#[test]
fn a_named_endpoint_takes_its_own_secret_livemode_and_account_only() {
    let mut settings = settings();
    settings.endpoints = vec![
        unnamed(),
        endpoint("live", Some(true), None),
        endpoint("eu", None, Some("acct_eu")),
    ];
    let log = MemoryLog::new(Broker::Acknowledges);
    let gateway = gateway(settings, &log);
    let post = |name: &str, by: &str, livemode: Value, account: Value| {
        let mut body = success();
        body["livemode"] = livemode;
        body["account"] = account;
        let body = body.to_string();
        let signature = stripe_signature(&secret(by), NOW_S, body.as_bytes());
        let mut request = with_signature(&signature, body);
        *request.uri_mut() = format!("/webhooks/stripe{name}").parse().unwrap();
        run(ask(&gateway, request))
    };
    let (live, eu) = ("whsec_of_endpoint_live", "whsec_of_endpoint_eu");
    assert_eq!(post("/live", live, json!(true), json!(null)).status, 200);
    assert_eq!(post("/eu", eu, json!(false), json!("acct_eu")).status, 200);
    assert_eq!(post("", SECRET, json!(true), json!("acct_any")).status, 200);
    assert_eq!(log.records().len(), 9);
    for (name, by) in [("/live", eu), ("/live", SECRET), ("/eu", live), ("", live)] {
        let answer = post(name, by, json!(true), json!("acct_eu"));
        assert_refused(&answer, 400, "signature_mismatch");
    }
    for (livemode, account) in [(json!(false), json!(null)), (json!(null), json!("acct_eu"))] {
        assert_refused(
            &post("/live", live, livemode, account),
            400,
            "wrong_endpoint",
        );
    }
    for account in [json!(null), json!("acct_us")] {
        assert_refused(
            &post("/eu", eu, json!(true), account),
            400,
            "wrong_endpoint",
        );
    }
    assert_eq!(log.records().len(), 9);
}

#[test]
fn over_the_rate_the_answer_says_when_to_come_again() {
    let one = Rate::even(NonZeroU32::MIN);
    let crowd: [IpAddr; 2] = [PEER, [10, 0, 0, 9].into()];
    let answer = |per_endpoint: bool, peers: [IpAddr; 2]| {
        let mut settings = settings();
        let rate = &mut settings.rate;
        *(if per_endpoint {
            &mut rate.per_endpoint
        } else {
            &mut rate.per_address
        }) = one;
        let log = MemoryLog::new(Broker::Acknowledges);
        let gateway = gateway(settings, &log);
        let [first, second] = peers.map(|peer| {
            run(async {
                Answer::of(gateway.answer(signed(success().to_string()), peer).await).await
            })
        });
        assert_eq!(first.status, 200);
        second
    };
    for second in [answer(true, crowd), answer(false, [PEER, PEER])] {
        assert_refused(&second, 429, "rate_limited");
        assert_eq!(second.header("retry-after"), Some("1"));
    }
}

#[test]
fn an_address_behind_a_trusted_proxy_is_limited_by_what_the_proxy_says() {
    let mut settings = settings();
    settings.rate.per_address = Rate::even(NonZeroU32::MIN);
    settings.trusted_proxies = vec![address::Cidr::new(PEER, 8).unwrap()];
    let gateway = gateway(settings, &MemoryLog::new(Broker::Acknowledges));
    let post = |client: &str| {
        let mut request = signed(success().to_string());
        request
            .headers_mut()
            .insert("x-forwarded-for", client.parse().unwrap());
        run(ask(&gateway, request)).status
    };
    assert_eq!([post("1.1.1.1"), post("1.1.1.1")], [200, 429]);
    // Some of these may share a bucket with the first, but not all of them.
    assert!((2..6).any(|last| post(&format!("1.1.1.{last}")) == 200));
}

#[test]
fn bodies_beyond_the_memory_for_them_are_503() {
    let mut settings = settings();
    settings.limits.body_bytes = 100;
    let gateway = gateway(settings, &MemoryLog::new(Broker::Acknowledges));
    let answer = run(ask(&gateway, signed(success().to_string())));
    assert_refused(&answer, 503, "overloaded");
    // What was held is given back: each of these takes more than half.
    let half = format!("[\"{}\"]", "x".repeat(60));
    for _ in 0..3 {
        let answer = run(ask(&gateway, signed(half.clone())));
        assert_refused(&answer, 400, "not_an_event");
    }
}

#[test]
fn deliveries_are_counted_by_type_and_result_and_refusals_by_reason() {
    let (gateway, _log) = ready();
    let counted = Counters::during(|| {
        let mut two_orders = success();
        two_orders["data"]["object"]["payment_details"] = json!({"order_reference": "order-2"});
        two_orders["api_version"] = json!(null);
        run(ask(&gateway, signed(success().to_string())));
        run(ask(&gateway, signed(two_orders.to_string())));
        run(ask(
            &gateway,
            signed(event("payout.paid", json!({})).to_string()),
        ));
        let wrong = fixture("charge", json!({"currency": 1}));
        run(ask(
            &gateway,
            signed(event("charge.updated", wrong).to_string()),
        ));
        run(ask(&gateway, with_signature("xyzzy", "{}")));
        run(ask(
            &gateway,
            with_signature("xyzzy", vec![0; MAX_BODY_BYTES + 1]),
        ));
        let elsewhere = Request::post("/").body(Full::new(Bytes::new())).unwrap();
        run(ask(&gateway, elsewhere));
    });
    let expected = json!({
        r#"webhook_events_total{type="payment_intent.succeeded",result="ok"}"#: 2,
        r#"webhook_events_total{type="other",result="ok"}"#: 1,
        r#"webhook_events_total{type="charge.updated",result="error"}"#: 1,
        r#"webhook_events_total{type="other",result="error"}"#: 2,
        r#"webhook_refused_total{reason="bad_field"}"#: 1,
        r#"webhook_refused_total{reason="signature_malformed"}"#: 1,
        r#"webhook_refused_total{reason="body_too_large"}"#: 1,
        r#"webhook_refused_total{reason="not_found"}"#: 1,
        r#"webhook_requests_total{status="200"}"#: 3,
        r#"webhook_requests_total{status="400"}"#: 2,
        r#"webhook_requests_total{status="413"}"#: 1,
        r#"webhook_requests_total{status="404"}"#: 1,
        r#"webhook_order_id_disagreements_total{}"#: 1,
        r#"webhook_api_version_missing_total{}"#: 1,
    });
    assert_eq!(json!(counted), expected);
}

#[test]
fn what_somebody_should_look_at_is_told_loudly_and_the_rest_is_not() {
    let loud = [
        Refusal::WrongLivemode,
        Refusal::WrongAccount,
        Refusal::BodyTooLarge,
        // Only what was verified is parsed, so no stranger can be loud.
        Refusal::Body(crate::BodyFault::NotAnEvent),
    ];
    assert!(loud.iter().all(Refusal::alerts));
    let quiet = [
        Refusal::Signature(SignatureFault::Mismatch),
        Refusal::NotFound,
        Refusal::Draining,
    ];
    assert!(!quiet.iter().any(Refusal::alerts));
}
