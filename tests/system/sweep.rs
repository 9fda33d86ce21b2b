//! `trueup sweep` on the real services: what was lost comes in once, its place is kept in the store,
//! and a slice that could not be written is read again by the next process.

use serde_json::{Value, json};
use trueup_testkit::{API_KEY, Launch, StripeApi};

use crate::support::bench::{Bench, code, lines_of, said};
use crate::support::shop::{now_s, success};

/// One pass of each kind, to its end.
fn once(launch: Launch, api: &StripeApi) -> (i32, String, Vec<Value>) {
    let swept = launch
        .env("STRIPE_API_KEY", API_KEY)
        .env("STRIPE_API_BASE", api.url())
        .args(["sweep", "--once", "--json"])
        .output();
    (code(&swept), said(&swept), lines_of(&swept))
}

fn fed(report: &[Value]) -> (&Value, &Value) {
    let report = &report[0];
    (&report["undelivered"]["fed"], &report["full"]["fed"])
}

#[test]
fn what_was_lost_comes_in_and_the_place_is_kept_in_the_store() {
    let bench = Bench::applied("sweep");
    let api = StripeApi::start().unwrap();
    api.add_event(success("W-1", 0, now_s() - 7_200), false);
    api.add_event(success("W-2", 0, now_s() - 7_200), true);

    // No broker answers: nothing is written, and nothing may be passed over.
    let away = bench.both().env("TRUEUP_KAFKA", "127.0.0.1:1");
    let (exit, told, _) = once(away, &api);
    assert_eq!(exit, 1, "{told}");
    let (exit, told, report) = once(bench.both(), &api);
    assert_eq!(exit, 0, "{told}");
    assert_eq!(fed(&report), (&json!(1), &json!(2)), "{told}");

    // Another process begins where this one ended.
    let asked = api.asked().len();
    for _ in 0..2 {
        let (exit, told, report) = once(bench.both(), &api);
        assert_eq!((exit, fed(&report)), (0, (&json!(0), &json!(0))), "{told}");
    }
    for target in api.asked().split_off(asked) {
        let from = target
            .split("gte%5D=")
            .nth(1)
            .and_then(|rest| rest.split('&').next());
        let from: i64 = from.unwrap().parse().unwrap();
        assert!(from > now_s() - 3_600, "{target}");
    }

    let events = bench.records(&bench.topics.payments_events());
    let count = |order: &str| {
        let key = Some(order.as_bytes());
        events
            .iter()
            .filter(|record| record.key.as_deref() == key)
            .count()
    };
    // By both passes the first, by the full one the second: each is one event.
    assert_eq!((count("W-1"), count("W-2")), (2, 1));
    let mut process = bench.process(&[]);
    process.ready(crate::support::LIMIT);
    for order in ["W-1", "W-2"] {
        let told = bench.statuses_once(order, 1);
        assert_eq!(
            (told[0].1.to.as_str(), told[0].1.version, told.len()),
            ("paid", 1, 1)
        );
    }
    assert!(bench.letters().is_empty(), "{:?}", bench.letters());
}
