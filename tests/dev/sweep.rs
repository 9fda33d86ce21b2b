//! What Stripe could not deliver comes by sweep, and Stripe is asked about gaps that last: by `dev`
//! itself where it has a key, and by `trueup sweep` beside it.

use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};
use trueup_testkit::{API_KEY, ApiTrouble, Launch, StripeApi, wait_until};

use crate::bench::{Dev, LIMIT, said, success, trueup};

#[expect(
    clippy::disallowed_methods,
    reason = "Stripe lists events by when they were created, up to the present"
)]
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
    let found = dev.known("order", "lost", |found| found["status"] == "paid");
    assert_eq!(
        (&found["amount_received"], &found["version"]),
        (&json!(1_000), &json!(1))
    );

    // Its webhook comes after all, and counts as the same.
    assert!(dev.send(std::slice::from_ref(&lost)).status.success());
    let one_more = recent("after");
    assert!(dev.send(&[one_more]).status.success());
    dev.known("order", "after", |found| found["status"] == "paid");
    assert_eq!(dev.known("order", "lost", |_| true)["version"], 1);

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
    let found = dev.known("order", "beside", |found| found["status"] == "paid");
    assert_eq!(found["version"], 1, "each event counts once: {found}");
    let event = dev.known("event", "evt_beside1", |_| true);
    assert!(event["body"].is_object(), "{event}");
}

/// What the order service says: it still waits for its money.
fn still_pending(dev: &Dev, order: &str) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", dev.ready.kafka.as_deref().unwrap())
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    let body = json!({
        "order_id": order, "status": "pending", "amount_due": 1_000, "currency": "eur",
        "version": 1, "updated_at": now_s() * 1_000,
    });
    let body = body.to_string();
    let record = BaseRecord::to("orders").key(order).payload(&body);
    producer.send(record).unwrap();
    producer.flush(LIMIT).unwrap();
}

#[test]
fn a_gap_that_no_payment_can_heal_is_explained_and_probing_it_again_changes_nothing() {
    let api = StripeApi::start().unwrap();
    let dev = Dev::start(&["--grace", "200ms", "--orders-feed", "on"]);
    still_pending(&dev, "unmarked");
    let event = recent("unmarked");
    api.put_payment(event["data"]["object"].clone());
    assert!(dev.send(&[event]).status.success());
    dev.known("order", "unmarked", |found| found["status"] == "paid");
    // Once the gap is there it is probed; until then there is none old enough.
    let probed = |expected: &Value| {
        let found = wait_until(LIMIT, || {
            let swept = sweep_once(&dev, &api, &["--json", "--probe-after", "300ms"]);
            assert!(swept.status.success(), "{}", said(&swept));
            let report: Value = serde_json::from_slice(&swept.stdout).unwrap();
            (report["probed"] == *expected).then_some(())
        });
        assert!(found.is_some(), "{expected}");
    };
    probed(&json!({"succeeded": 1}));
    let asked = api
        .asked()
        .into_iter()
        .find(|target| target.contains("/pi_unmarked1?"));
    assert!(asked.is_some(), "{:?}", api.asked());
    let with_probe = |found: &Value| {
        let timeline = found["timeline"].as_array().unwrap();
        let ids = timeline
            .iter()
            .filter_map(|moment| moment["event_id"].as_str());
        ids.filter(|id| id.starts_with("probe:pi_unmarked1:"))
            .count()
            == 1
    };
    let found = dev.known("order", "unmarked", with_probe);
    assert_eq!(
        (&found["amount_received"], &found["status"]),
        (&json!(1_000), &json!("paid"))
    );
    // It is the order service that has to act.
    assert_eq!(found["gaps"][0]["kind"], "paid_not_marked", "{found}");

    // Another process says the same, which is the same event.
    probed(&json!({"succeeded": 1}));
    let one_more = recent("onemore");
    assert!(dev.send(&[one_more]).status.success());
    dev.known("order", "onemore", |found| found["status"] == "paid");
    let again = dev.known("order", "unmarked", with_probe);
    assert_eq!(again["version"], found["version"], "{again}");
}

/// Whether the order has a gap of this kind that is open.
fn has_open(found: &Value, kind: &str) -> bool {
    let gaps = found["gaps"].as_array().unwrap().iter();
    gaps.filter(|gap| gap["status"] == "open")
        .any(|gap| gap["kind"] == kind)
}

#[test]
fn a_probe_closes_the_gap_of_a_payment_whose_success_stripe_never_told() {
    let api = StripeApi::start().unwrap();
    let dev = Dev::start(&["--grace", "200ms", "--orders-feed", "off"]);
    let told = recent("slow");
    api.put_payment(told["data"]["object"].clone());
    let mut processing = told;
    processing["id"] = json!("evt_slow_processing");
    processing["type"] = json!("payment_intent.processing");
    processing["data"]["object"]["status"] = json!("processing");
    processing["data"]["object"]["amount_received"] = json!(0);
    assert!(dev.send(&[processing]).status.success());
    let open = dev.known("order", "slow", |found| has_open(found, "stuck_processing"));
    assert_eq!(open["status"], "processing", "{open}");

    // Young gaps are left alone.
    let report = |arguments: &[&str]| -> Value {
        let swept = sweep_once(&dev, &api, arguments);
        assert!(swept.status.success(), "{}", said(&swept));
        serde_json::from_slice(&swept.stdout).unwrap()
    };
    assert_eq!(report(&["--json"])["probed"], json!({}));
    assert_eq!(
        report(&["--json", "--probe-after", "1ms"])["probed"],
        json!({"succeeded": 1})
    );
    // The gaps are the log's, the status the ledger's, which follows it.
    let healed = |found: &Value| found["gaps"] == json!([]) && found["status"] == "paid";
    assert_eq!(dev.known("order", "slow", healed)["amount_received"], 1_000);
}

#[test]
fn a_probe_finds_the_order_of_a_payment_that_named_none_before() {
    let api = StripeApi::start().unwrap();
    let dev = Dev::start(&["--orders-feed", "off", "--unlinked-age", "200ms"]);
    let mut nameless = recent("named");
    api.put_payment(nameless["data"]["object"].clone());
    nameless["data"]["object"]["metadata"] = json!({});
    assert!(dev.send(&[nameless]).status.success());
    let own = "pi:pi_named1";
    dev.known("order", own, |found| has_open(found, "unlinked"));
    let swept = sweep_once(&dev, &api, &["--json", "--probe-after", "1ms"]);
    assert!(swept.status.success(), "{}", said(&swept));
    dev.known("order", own, |found| found["gaps"] == json!([]));
    let found = dev.known("order", "named", |found| found["status"] == "paid");
    assert_eq!(found["amount_received"], 1_000, "{found}");
}

#[test]
fn a_sweep_of_its_own_says_when_it_serves_how_it_is_and_ends_although_stripe_is_silent() {
    let api = StripeApi::start().unwrap();
    api.add_event(recent("own"), false);
    let dev = Dev::start(&[]);
    let keys = dev.data().join("signing-keys");
    let kafka = dev.ready.kafka.as_deref().unwrap();
    let mut sweep = keyed(trueup(), &api)
        .args(["sweep", "--kafka", kafka, "--ops", "127.0.0.1:0"])
        .args(["--signing-keys-file", keys.to_str().unwrap()])
        .args(["--sweep-every", "100ms"])
        .start()
        .unwrap();
    let ready = sweep.ready(LIMIT);
    let ops = ready.ops.unwrap();
    dev.known("order", "own", |found| found["status"] == "paid");
    let get = |path: &str| {
        let mut answer = ureq::get(format!("http://{ops}{path}")).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    };
    let swept = "payments_sweep_last_success_timestamp_seconds{pass=\"undelivered\"} 1";
    let shown = wait_until(LIMIT, || get("/metrics").contains(swept).then_some(()));
    assert!(shown.is_some(), "{}", get("/metrics"));
    let metrics = get("/metrics");
    let fed = "payments_sweep_events_total{pass=\"undelivered\",result=\"fed\"} 1";
    for line in [
        fed,
        "payments_probes_total{result=\"missing\"} 0",
        "webhook_retries_total 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let health = get("/actuator/health");
    assert!(
        health.contains("\"sweeper\":{\"status\":\"UP\"}"),
        "{health}"
    );

    let asked = api.asked().len();
    api.answer_always(Some(ApiTrouble::Silence));
    let waits = wait_until(LIMIT, || (api.asked().len() > asked).then_some(()));
    assert!(waits.is_some());
    assert!(
        sweep.terminate(Duration::from_secs(15)).success(),
        "{}",
        sweep.log()
    );
    assert!(!sweep.log().contains(API_KEY));
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
