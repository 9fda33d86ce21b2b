//! What one delivery does can be followed by its trace: from the webhook over the fold to the change
//! that is published, with the ids that logs have too; and a collector that is away holds nobody up.

use std::collections::BTreeSet;

use serde_json::json;
use trueup_testkit::{Collector, ToldSpan, wait_until};

use crate::bench::{Dev, LIMIT, said, success, trueup};

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The spans that `wanted` is true of, once there are `count` of them.
fn spans(collector: &Collector, count: usize, wanted: impl Fn(&ToldSpan) -> bool) -> Vec<ToldSpan> {
    let found = wait_until(LIMIT, || {
        let mut told = collector.spans();
        told.retain(&wanted);
        (told.len() >= count).then_some(told)
    });
    found.unwrap_or_else(|| panic!("{:?}", collector.spans()))
}

fn has(span: &ToldSpan, name: &str, value: &str) -> bool {
    span.attributes.get(name).is_some_and(|told| told == value)
}

fn named<'a>(spans: &'a [ToldSpan], name: &str) -> &'a ToldSpan {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {spans:?}"))
}

#[test]
fn one_order_is_one_trace_from_the_webhook_to_its_status_change() {
    let collector = Collector::start().unwrap();
    let launch = trueup().env("RUST_LOG", "info");
    let dev = Dev::launch(launch, &["--otlp-endpoint", &collector.url()]);
    let sent = dev.send(&[success("mug", 1)]);
    assert!(sent.status.success(), "{}", said(&sent));
    let told = spans(&collector, 3, |span| has(span, "order_id", "mug"));
    let webhook = named(&told, "POST /webhooks/stripe");
    let folded = named(&told, "process payments.events");
    let changed = named(&told, "send orders.status");
    let traces: BTreeSet<&str> = told.iter().map(|span| span.trace.as_str()).collect();
    assert_eq!((traces.len(), told.len()), (1, 3), "{told:?}");
    let parents = [webhook, folded, changed].map(|span| span.parent.as_str());
    assert_eq!(parents, ["", &webhook.span, &folded.span], "{told:?}");
    for span in &told {
        assert!(has(span, "event.id", "evt_mug1"), "{span:?}");
        assert!(has(span, "payment_intent_id", "pi_mug1"), "{span:?}");
        assert!(span.start_ns <= span.end_ns, "{span:?}");
        assert_eq!(span.resource["service.name"], "trueup", "{span:?}");
    }
    assert!(has(changed, "trueup.to", "paid"), "{changed:?}");
    assert!(
        has(webhook, "http.response.status_code", "200"),
        "{webhook:?}"
    );

    // The log line of the webhook and the timeline name the same trace.
    let log = dev.process.log();
    let line = log.lines().find(|line| line.contains("event received"));
    assert!(line.unwrap().contains(&webhook.trace), "{line:?}");
    let order = dev.known("order", "mug", |found| found["status"] == "paid");
    assert_eq!(order["timeline"][0]["trace_id"], webhook.trace.as_str());
}

#[test]
fn records_that_name_another_trace_than_their_delivery_are_caught() {
    let collector = Collector::start().unwrap();
    let launch = trueup().env("TRUEUP_PLANT", "trace-torn");
    let dev = Dev::launch(launch, &["--otlp-endpoint", &collector.url()]);
    assert!(dev.send(&[success("mug", 1)]).status.success());
    let told = spans(&collector, 3, |span| has(span, "order_id", "mug"));
    let traces: BTreeSet<&str> = told.iter().map(|span| span.trace.as_str()).collect();
    assert_eq!(traces.len(), 2, "the planted bug goes unseen: {told:?}");
}

#[test]
fn a_refusal_and_a_gap_are_told_where_nothing_else_is_sampled_and_nothing_secret_is() {
    let collector = Collector::start().unwrap();
    let url = collector.url();
    let dev = Dev::start(&[
        "--otlp-endpoint",
        &url,
        "--otlp-sample",
        "0",
        "--grace",
        "200ms",
        "--orders-feed",
        "on",
    ]);
    let answered = ureq::post(format!("http://{}/webhooks/stripe", dev.http()))
        .config()
        .http_status_as_error(false)
        .build()
        .header("Stripe-Signature", "t=1,v1=00")
        .header("traceparent", CALLER)
        .send(json!({"client_secret": "pi_1_secret_x"}).to_string());
    assert_eq!(answered.unwrap().status(), 400);
    assert!(dev.send(&[success("orphan", 1)]).status.success());
    let told = spans(&collector, 2, |_| true);
    let names: Vec<&str> = told.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["POST /webhooks/stripe", "gap opened"], "{told:?}");
    let (refused, gap) = (&told[0], &told[1]);
    assert!(
        has(refused, "http.response.status_code", "400"),
        "{refused:?}"
    );
    assert!(refused.attributes.contains_key("error.type"), "{refused:?}");
    // Nobody knows who wrote the header.
    assert!(!CALLER.contains(&refused.trace) && refused.parent.is_empty());
    assert!(has(gap, "trueup.gap.kind", "orphan_payment"), "{gap:?}");
    assert!(has(gap, "order_id", "orphan"), "{gap:?}");
    let all = format!("{told:?}");
    for secret in ["secret", "v1=00", "whsec"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

#[test]
fn a_collector_that_is_away_for_a_moment_costs_no_span_and_holds_nobody_up() {
    let collector = Collector::start().unwrap();
    collector.refuse_next(2);
    let mut dev = Dev::start(&["--otlp-endpoint", &collector.url()]);
    assert!(dev.send(&[success("mug", 1)]).status.success());
    dev.statuses("mug", |held| !held.is_empty());
    assert_eq!(dev.process.terminate(LIMIT).code(), Some(0));
    let told = spans(&collector, 3, |span| has(span, "order_id", "mug"));
    assert_eq!(told.len(), 3, "{told:?}");
}
