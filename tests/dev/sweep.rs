//! What Stripe could not deliver comes by sweep, and Stripe is asked about gaps that last: by `dev`
//! itself where it has a key, and by `trueup sweep` beside it.

use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use trueup_testkit::{API_KEY, ApiTrouble, Launch, StripeApi, wait_until};

use crate::bench::{Dev, LIMIT, said, success, trueup};

fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// The success of an order's payment, a few minutes ago.
fn recent(order: &str) -> Value {
    let mut event = success(order, 1);
    event["created"] = json!(now_s() - 300);
    event
}

fn keyed(launch: Launch, api: &StripeApi) -> Launch {
    launch
        .env("STRIPE_API_KEY", API_KEY)
        .env("STRIPE_API_BASE", api.url())
}

/// `trueup sweep --once` beside `dev`, which has the ledger for itself: by its Kafka alone.
fn sweep_once(dev: &Dev, api: &StripeApi, arguments: &[&str]) -> Output {
    let keys = dev.data().join("signing-keys");
    let kafka = dev.ready.kafka.as_deref().unwrap();
    keyed(trueup(), api)
        .args(["sweep", "--once", "--kafka", kafka])
        .args(["--signing-keys-file", keys.to_str().unwrap()])
        .args(arguments.iter().copied())
        .output()
}

/// The order, once `until` holds of it: the ledger follows the log.
fn order(dev: &Dev, id: &str, until: impl Fn(&Value) -> bool) -> Value {
    let found = wait_until(LIMIT, || dev.look_up("order", id).filter(&until));
    found.unwrap_or_else(|| panic!("{id}: {:?}", dev.look_up("order", id)))
}

#[test]
fn an_event_that_was_never_delivered_comes_by_sweep_and_its_order_turns_paid() {
    let api = StripeApi::start().unwrap();
    // Trouble at first loses nothing.
    api.answer_next([ApiTrouble::Garbage, ApiTrouble::Status(503)]);
    let lost = recent("lost");
    api.add_event(lost.clone(), false);
    let mut elsewhere = recent("elsewhere");
    elsewhere["created"] = json!(now_s() - 7_200);
    api.add_event(elsewhere, true);
    let mut dev = Dev::launch(keyed(trueup(), &api), &["--sweep-every", "200ms"]);
    for id in ["lost", "elsewhere"] {
        dev.statuses(id, |held| {
            held.last().is_some_and(|last| last.to.as_str() == "paid")
        });
    }
    let found = order(&dev, "lost", |found| found["status"] == "paid");
    assert_eq!(
        (&found["amount_received"], &found["version"]),
        (&json!(1_000), &json!(1))
    );

    // Its webhook comes after all, and counts as the same.
    assert!(dev.send(std::slice::from_ref(&lost)).status.success());
    let one_more = recent("after");
    assert!(dev.send(&[one_more]).status.success());
    order(&dev, "after", |found| found["status"] == "paid");
    assert_eq!(order(&dev, "lost", |_| true)["version"], 1);

    // A new process goes on where the old one came to.
    let asked = api.asked().len();
    dev.kill_and_restart();
    let again = wait_until(LIMIT, || {
        let asked = api.asked().split_off(asked);
        asked
            .into_iter()
            .find(|target| target.contains("delivery_success=false"))
    });
    let again = again.expect("nothing is swept after a restart");
    let from = again
        .split("gte%5D=")
        .nth(1)
        .and_then(|rest| rest.split('&').next());
    let from: i64 = from.unwrap().parse().unwrap();
    assert!(from > now_s() - 300, "it begins anew: {again}");
}

#[test]
fn sweeping_beside_dev_needs_its_kafka_alone_and_may_be_repeated() {
    let api = StripeApi::start().unwrap();
    api.add_event(recent("beside"), false);
    let dev = Dev::start(&[]);
    for _ in 0..2 {
        let swept = sweep_once(&dev, &api, &["--json", "--since", "1h"]);
        assert!(swept.status.success(), "{}", said(&swept));
        let report: Value = serde_json::from_slice(&swept.stdout).unwrap();
        let pass = json!({"fed": 1, "ignored": 0, "refused": 0});
        assert_eq!(
            report,
            json!({"undelivered": pass, "full": pass, "probed": {}})
        );
    }
    let found = order(&dev, "beside", |found| found["status"] == "paid");
    assert_eq!(found["version"], 1, "each event counts once: {found}");
    let event = dev.look_up("event", "evt_beside1").unwrap();
    assert!(event["body"].is_object(), "{event}");
}

#[test]
fn a_key_that_stripe_refuses_is_exit_1_with_its_name_and_never_shown() {
    let api = StripeApi::start().unwrap();
    api.answer_always(Some(ApiTrouble::Status(401)));
    let dev = Dev::start(&[]);
    let swept = sweep_once(&dev, &api, &[]);
    let said = said(&swept);
    assert_eq!(swept.status.code(), Some(1), "{said}");
    assert!(
        said.contains("401") && said.contains("STRIPE_API_KEY"),
        "{said}"
    );
    assert!(!said.contains(API_KEY), "{said}");
}

#[test]
fn without_a_key_or_with_an_address_in_the_clear_there_is_no_start() {
    let secrets = [("TRUEUP_SIGNING_KEYS", trueup_testkit::SIGNING_KEYS)];
    let launch = secrets
        .iter()
        .fold(trueup(), |launch, (name, value)| launch.env(name, *value));
    let launch = launch.args(["sweep", "--once", "--kafka", "127.0.0.1:9"]);
    let keyless = launch.output();
    assert_eq!(keyless.status.code(), Some(2), "{}", said(&keyless));
    assert!(
        said(&keyless).contains("STRIPE_API_KEY"),
        "{}",
        said(&keyless)
    );
    let clear = launch
        .env("STRIPE_API_KEY", API_KEY)
        .env("STRIPE_API_BASE", "http://api.stripe.com")
        .output();
    assert_eq!(clear.status.code(), Some(2), "{}", said(&clear));
    assert!(!said(&clear).contains(API_KEY), "{}", said(&clear));
}
