//! What is refused reaches no topic, and everything is counted.

use serde_json::json;
use trueup_testkit::{WEBHOOK_SECRET, kafka};

use crate::shop::{Shop, event_ids, now_s, signature, success};

const TOPICS: [&str; 4] = [
    "payments.events",
    "payments.bodies",
    "payments.links",
    "payments.unlinked",
];

#[test]
fn nothing_refused_reaches_a_topic_and_all_is_counted_by_type_result_and_reason() {
    let shop = Shop::open(&kafka(), "refused");
    let good = success("evt_good", "pi_good", Some("order-1"));
    let bad = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut body = success("evt_bad", "pi_bad", Some("order-bad"));
        change(&mut body);
        body.to_string().into_bytes()
    };
    let sound = bad(&|_| {});
    let path = "/webhooks/stripe";
    let at = |at_s: i64, body: &[u8]| {
        let secret = trueup_stripe::secret::Secret::new(WEBHOOK_SECRET).unwrap();
        trueup_stripe::stripe_signature(&secret, at_s, body)
    };
    let own = |body: &[u8]| signature(WEBHOOK_SECRET, body);
    let amount = bad(&|body| body["data"]["object"]["amount"] = json!("1099"));
    let no_id = bad(&|body| body["id"] = json!(null));
    let thin = bad(&|body| body["object"] = json!("v2.core.event"));
    let large = vec![b' '; 1024 * 1024 + 1];
    let v0 = own(&sound).replace("v1=", "v0=");
    for (path, signature, body, status, code) in [
        (
            path,
            signature("whsec_of_somebody_else", &sound),
            &sound,
            400,
            "signature_mismatch",
        ),
        (
            path,
            at(now_s() - 600, &sound),
            &sound,
            400,
            "signature_too_old",
        ),
        (
            path,
            at(now_s() + 600, &sound),
            &sound,
            400,
            "signature_from_future",
        ),
        (path, v0, &sound, 400, "signature_no_v1"),
        (path, own(b"{"), &b"{".to_vec(), 400, "not_json"),
        (path, own(&thin), &thin, 400, "not_an_event"),
        (path, own(&no_id), &no_id, 400, "bad_field"),
        (path, own(&amount), &amount, 400, "bad_amount"),
        (path, own(&large), &large, 413, "body_too_large"),
        ("/webhooks/stripe/", own(&sound), &sound, 404, "not_found"),
        (
            "/webhooks/stripe/nobody",
            own(&sound),
            &sound,
            404,
            "not_found",
        ),
    ] {
        let answer = shop.post_to(path, &signature, body);
        assert_eq!((answer.status, answer.code()), (status, code), "{answer:?}");
        let counted = shop.metric("webhook_refused_total", &[("reason", code)]);
        assert!(counted >= 1, "{code}");
    }
    let unused = bad(&|body| body["type"] = json!("payout.paid"));
    assert_eq!(shop.post(&unused).status, 200);
    for _ in 0..2 {
        assert_eq!(shop.post(good.to_string().as_bytes()).status, 200);
    }
    for topic in TOPICS {
        let ids = event_ids(&shop.records(topic));
        assert!(ids.iter().all(|id| id == "evt_good"), "{topic}: {ids:?}");
    }
    let counted = |event_type, result| {
        shop.metric(
            "webhook_events_total",
            &[("type", event_type), ("result", result)],
        )
    };
    assert_eq!(counted("payment_intent.succeeded", "ok"), 2);
    assert_eq!(counted("other", "ok"), 1);
    // Known only once the signature holds and the type is read.
    assert_eq!(counted("payment_intent.succeeded", "error"), 1);
    assert_eq!(counted("other", "error"), 8);
    assert_eq!(
        shop.metric("webhook_refused_total", &[("reason", "not_found")]),
        2
    );
    assert_eq!(
        shop.metric("webhook_requests_total", &[("status", "200")]),
        3
    );
    let latency = [("type", "payment_intent.succeeded")];
    assert_eq!(
        shop.metric("webhook_processing_latency_seconds_count", &latency),
        3
    );
}

#[test]
fn over_the_rate_the_answer_is_429_with_the_time_to_wait() {
    let slow = |launch: trueup_testkit::Launch| launch.args(["--rate-per-address", "1"]);
    let shop = Shop::open_with(&kafka(), "rate", slow);
    let body = success("evt_rate", "pi_rate", Some("order-1")).to_string();
    // A token comes back each second, so on a slow machine it takes more than two.
    let refused = (0..20)
        .map(|_| shop.post(body.as_bytes()))
        .find(|answer| answer.status != 200);
    let refused = refused.expect("20 deliveries at once are more than one a second");
    assert_eq!(
        (refused.status, refused.code()),
        (429, "rate_limited"),
        "{refused:?}"
    );
    assert!(
        refused.retry_after.is_some_and(|seconds| seconds >= 1),
        "{refused:?}"
    );
}
