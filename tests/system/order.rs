//! Orders from webhook to status record, and what `order` and `event` say of them.

use serde_json::{Value, json};
use trueup_domain::ids::OrderId;
use trueup_domain::money::Currency;
use trueup_domain::status::OrderStatus::{
    self, Canceled, Paid, PartiallyRefunded, PaymentFailed, Pending, Processing,
};
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::OrderStatusChanged;
use trueup_testkit::{Launch, Ready, Trueup, wait_until};

use crate::ops::{is_an_exposition, is_healthy};
use crate::support::bench::{Bench, code, said};
use crate::support::http::{get, metric_becomes};
use crate::support::shop::{charge, event, now_s, payment, session};
use crate::support::{LIMIT, PARTITIONS};

const CARD: &str = "A-1001";
const CHECKOUT: &str = "größe/b 7?";
const GIVEN_UP: &str = "C-1003";

/// Three orders: a card payment that is partly refunded, a checkout paid later, and a payment
/// given up. Deliveries are repeated and out of order, as Stripe's are.
fn deliveries(base: i64) -> Vec<Value> {
    let card = |id, kind, after, status, received| {
        let card = payment(CARD, "pi_card", status, 4200, received);
        event(id, kind, base + after, card)
    };
    let processing = card("evt_a2", "payment_intent.processing", 10, "processing", 0);
    let succeeded = card("evt_a3", "payment_intent.succeeded", 20, "succeeded", 4200);
    let given_up = |id, kind, after, status| {
        let given_up = payment(GIVEN_UP, "pi_given_up", status, 500, 0);
        event(id, kind, base + after, given_up)
    };
    let checkout = |id, kind, after, paid| {
        let checkout = session(CHECKOUT, "cs_checkout", Some("pi_checkout"), paid);
        event(id, kind, base + after, checkout)
    };
    let completed = checkout("evt_b1", "checkout.session.completed", 0, "unpaid");
    let refunded = charge(CARD, "ch_card", "pi_card", 4200, 1200);
    let other = payment("X-0000", "pi_other", "requires_payment_method", 100, 0);
    vec![
        card(
            "evt_a1",
            "payment_intent.created",
            0,
            "requires_payment_method",
            0,
        ),
        processing.clone(),
        completed.clone(),
        processing.clone(),
        succeeded.clone(),
        // Created after the success, and no word against it.
        card(
            "evt_a4",
            "payment_intent.payment_failed",
            25,
            "requires_payment_method",
            0,
        ),
        completed,
        event("evt_a5", "charge.refunded", base + 30, refunded),
        checkout(
            "evt_b2",
            "checkout.session.async_payment_succeeded",
            60,
            "paid",
        ),
        succeeded,
        // The cancellation comes first.
        given_up("evt_c2", "payment_intent.canceled", 9, "canceled"),
        given_up(
            "evt_c1",
            "payment_intent.payment_failed",
            5,
            "requires_payment_method",
        ),
        processing,
        event("evt_x1", "radar.early_fraud_warning.created", base, other),
    ]
}

struct Told {
    order: &'static str,
    version: u64,
    step: (OrderStatus, OrderStatus),
    amounts: (i64, i64, i64),
    currency: &'static str,
    cause: (&'static str, &'static str, i64),
    payment_intent: Option<&'static str>,
    checkout_session: Option<&'static str>,
}

impl Told {
    fn record(&self, base: i64) -> OrderStatusChanged {
        let (amount_due, amount_received, amount_refunded) = self.amounts;
        let (event_id, event_type, after) = self.cause;
        OrderStatusChanged {
            order_id: OrderId::try_from(self.order).unwrap(),
            version: self.version,
            from: self.step.0,
            to: self.step.1,
            amount_due: Some(amount_due),
            amount_received,
            amount_refunded,
            currency: Some(Currency::try_from(self.currency).unwrap()),
            event_id: event_id.to_owned(),
            event_type: event_type.to_owned(),
            payment_intent: self.payment_intent.map(str::to_owned),
            checkout_session: self.checkout_session.map(str::to_owned),
            livemode: Some(false),
            occurred_at: (base + after) * 1000,
        }
    }
}

/// What `orders.status` must say, and nothing else.
fn expected() -> [Told; 6] {
    let card = |version, step, received, refunded, cause| Told {
        order: CARD,
        version,
        step,
        amounts: (4200, received, refunded),
        currency: "usd",
        cause,
        payment_intent: Some("pi_card"),
        checkout_session: None,
    };
    let checkout = |version, step, received, cause| Told {
        order: CHECKOUT,
        version,
        step,
        amounts: (1999, received, 0),
        currency: "eur",
        cause,
        payment_intent: Some("pi_checkout"),
        checkout_session: Some("cs_checkout"),
    };
    let refund = ("evt_a5", "charge.refunded", 30);
    let later = ("evt_b2", "checkout.session.async_payment_succeeded", 60);
    [
        card(
            2,
            (Pending, Processing),
            0,
            0,
            ("evt_a2", "payment_intent.processing", 10),
        ),
        card(
            3,
            (Processing, Paid),
            4200,
            0,
            ("evt_a3", "payment_intent.succeeded", 20),
        ),
        card(5, (Paid, PartiallyRefunded), 4200, 1200, refund),
        checkout(
            1,
            (Pending, Processing),
            0,
            ("evt_b1", "checkout.session.completed", 0),
        ),
        checkout(2, (Processing, Paid), 1999, later),
        Told {
            order: GIVEN_UP,
            version: 1,
            step: (Pending, Canceled),
            amounts: (500, 0, 0),
            currency: "usd",
            cause: ("evt_c2", "payment_intent.canceled", 9),
            payment_intent: Some("pi_given_up"),
            checkout_session: None,
        },
    ]
}

struct Running {
    bench: Bench,
    base: i64,
    _ingest: Trueup,
    gateway: Ready,
    process: Trueup,
    ops: String,
}

fn start(name: &str, adapt: impl Fn(Launch) -> Launch) -> Running {
    let bench = Bench::applied(name);
    let ports = ["--http", "127.0.0.1:0", "--ops", "127.0.0.1:0"];
    let ingest = bench.logged().args(["ingest"]).args(ports);
    let mut ingest = adapt(ingest).start().unwrap();
    let mut process = adapt(bench.processor()).start().unwrap();
    let gateway = ingest.ready(LIMIT);
    let ops = process.ready(LIMIT).ops.unwrap();
    Running {
        bench,
        base: now_s() - 3600,
        _ingest: ingest,
        gateway,
        process,
        ops,
    }
}

impl Running {
    fn order(&self, id: &str) -> Option<Value> {
        let found = get(&self.ops, &format!("/api/v1/orders/{}", escaped(id)));
        (found.status == 200).then(|| found.json())
    }
}

fn escaped(id: &str) -> String {
    id.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn an_orders_whole_way_is_told_once_and_can_be_looked_up() {
    let running = start("order", |launch| {
        launch.env("RUST_LOG", "info,trueup_reconciler=debug")
    });
    let bench = &running.bench;
    let sent = bench.send(&running.gateway, &deliveries(running.base));
    for delivery in &sent {
        assert_eq!(delivery["status"], 200, "{delivery}");
        let answer = json!({"received": true, "id": delivery["id"]});
        assert_eq!(delivery["answer"], answer);
    }
    statuses_are_as_expected(&running);
    orders_can_be_looked_up(&running);
    events_can_be_looked_up(&running);
    unknown_ids_are_not_found(&running);
    what_happened_was_counted(&running);
    is_healthy(
        &running.ops,
        "process",
        &["linker", "store", "topics", "workers"],
    );
    for ops in [&running.ops, running.gateway.ops.as_ref().unwrap()] {
        is_an_exposition(&get(ops, "/metrics").body);
    }
    logs_name_what_they_are_about(&running);
}

fn statuses_are_as_expected(running: &Running) {
    let bench = &running.bench;
    for order in [CARD, CHECKOUT, GIVEN_UP] {
        let mut wanted = expected();
        wanted.sort_by_key(|told| told.version);
        let wanted: Vec<_> = wanted
            .iter()
            .filter(|told| told.order == order)
            .map(|told| told.record(running.base))
            .collect();
        // Versions count what changed nothing too: when the last is known, nothing is to come.
        let last = [(CARD, 5), (CHECKOUT, 2), (GIVEN_UP, 2)]
            .into_iter()
            .find_map(|(id, version)| (id == order).then_some(version));
        let settled = wait_until(LIMIT, || {
            running
                .order(order)
                .filter(|found| found["version"].as_u64() == last)
        });
        assert!(settled.is_some(), "{order}: {:?}", running.order(order));
        let told = bench.statuses_once(order, wanted.len());
        for (record, told) in &told {
            assert_eq!(
                record.partition,
                partition_for(order.as_bytes(), PARTITIONS)
            );
            assert_eq!(record.header("event-id"), Some(told.event_id.as_bytes()));
            assert_eq!(
                record.header("event-type"),
                Some(told.event_type.as_bytes())
            );
            let trace = record.header("traceparent").map(<[u8]>::len);
            assert_eq!(trace, Some(55), "{record:?}");
        }
        let told: Vec<_> = told.into_iter().map(|(_, told)| told).collect();
        assert_eq!(told, wanted);
    }
    assert_eq!(
        bench.records(&bench.topics.orders_status()).len(),
        expected().len()
    );
    assert!(bench.letters().is_empty(), "{:?}", bench.letters());
}

fn orders_can_be_looked_up(running: &Running) {
    let found = running.order(CARD).unwrap();
    assert_eq!(Some(&found), running.bench.look_up("order", CARD).as_ref());
    let by_ops = Bench::plain().args(["order", CARD, "--json", "--ops", &running.ops]);
    let by_ops: Value = serde_json::from_slice(&by_ops.output().stdout).unwrap();
    assert_eq!(found, by_ops);

    assert_eq!(
        (&found["order_id"], &found["status"], &found["version"]),
        (&json!(CARD), &json!("partially_refunded"), &json!(5))
    );
    let amounts = [
        "amount_due",
        "amount_received",
        "amount_refunded",
        "currency",
    ];
    let amounts: Vec<&Value> = amounts.iter().map(|name| &found[name]).collect();
    assert_eq!(
        amounts,
        [&json!(4200), &json!(4200), &json!(1200), &json!("usd")]
    );
    let card = json!({
        "payment_intent": "pi_card", "status": "succeeded",
        "amount_received": 4200, "currency": "usd",
    });
    assert_eq!(found["payments"], json!([card]));
    assert_eq!(found["gaps"], json!([]));

    let steps: Vec<[&Value; 5]> = found["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| ["kind", "event_id", "from", "to", "version"].map(|name| &at[name]))
        .collect();
    let step = |id: &str, from: &str, to: &str, version: u64| {
        [
            json!("event"),
            json!(id),
            json!(from),
            json!(to),
            json!(version),
        ]
    };
    let wanted = [
        step("evt_a1", "pending", "pending", 1),
        step("evt_a2", "pending", "processing", 2),
        step("evt_a3", "processing", "paid", 3),
        step("evt_a4", "paid", "paid", 4),
        step("evt_a5", "paid", "partially_refunded", 5),
    ];
    assert_eq!(steps, wanted.each_ref().map(|step| step.each_ref()));
    for at in found["timeline"].as_array().unwrap() {
        assert_eq!(
            at["position"]["topic"],
            running.bench.topics.payments_events()
        );
        assert_eq!(at["trace_id"].as_str().map(str::len), Some(32), "{at}");
        assert_eq!(
            at["at"].as_str().map(str::len),
            Some("2023-11-14T22:13:20.000Z".len())
        );
    }

    let text = running.bench.both().args(["order", CHECKOUT]).output();
    let text = said(&text);
    for part in [
        CHECKOUT,
        "paid (version 2)",
        "due 1999, received 1999, refunded 0 eur",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    let paid = "checkout.session.async_payment_succeeded";
    assert!(
        text.lines()
            .any(|line| line.contains(paid) && line.contains("evt_b2")),
        "{text}"
    );
}

fn events_can_be_looked_up(running: &Running) {
    let found = get(&running.ops, "/api/v1/events/evt_a3").json();
    assert_eq!(
        Some(&found),
        running.bench.look_up("event", "evt_a3").as_ref()
    );
    assert_eq!(
        (&found["event_id"], &found["event_type"], &found["order_id"]),
        (
            &json!("evt_a3"),
            &json!("payment_intent.succeeded"),
            &json!(CARD)
        )
    );
    assert_eq!(found["signature_valid"], true);
    assert_eq!(found["facts"]["id"], "pi_card");
    assert_eq!(found["facts"]["amount_received"], 4200);

    // The first of its two deliveries is the one that counts.
    let position = &found["position"];
    let lies = running
        .bench
        .records(&running.bench.topics.payments_events());
    let first = lies
        .iter()
        .find(|record| record.header("event-id") == Some(b"evt_a3"))
        .unwrap();
    assert_eq!(
        (
            &position["topic"],
            &position["partition"],
            &position["offset"]
        ),
        (
            &json!(running.bench.topics.payments_events()),
            &json!(first.partition),
            &json!(first.offset)
        )
    );

    let body = &found["body"];
    assert_eq!(
        (&body["id"], &body["data"]["object"]["amount"]),
        (&json!("evt_a3"), &json!(4200))
    );
    let masked = body["data"]["object"]["client_secret"].as_str().unwrap();
    assert_eq!(masked.len(), "pi_card_secret_q7Xv0n2kLwZp".len());
    assert!(!masked.contains("q7Xv0n2kLwZp"), "{masked}");

    let text = said(&running.bench.both().args(["event", "evt_a3"]).output());
    for part in [
        "payment_intent.succeeded",
        CARD,
        "signature valid",
        "\"amount_received\": 4200",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    // Whoever has other keys cannot call the signature good.
    let stranger = running.bench.both().env(
        "TRUEUP_SIGNING_KEYS",
        "test:b3RoZXIga2V5cyB0aGFuIHRoZSBnYXRld2F5J3M=",
    );
    let found = stranger.args(["event", "evt_a3", "--json"]).output();
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["signature_valid"], false);
}

fn unknown_ids_are_not_found(running: &Running) {
    for (what, id) in [
        ("order", "nobody"),
        ("event", "evt_nothing"),
        ("event", "evt_x1"),
    ] {
        let here = Bench::plain()
            .args([what, id, "--ops", &running.ops])
            .output();
        let there = running.bench.both().args([what, id]).output();
        for output in [here, there] {
            assert_eq!(code(&output), 1, "{}", said(&output));
            assert!(output.stdout.is_empty(), "{}", said(&output));
            assert!(said(&output).contains(id), "{}", said(&output));
        }
        let found = get(&running.ops, &format!("/api/v1/{what}s/{id}"));
        assert_eq!(found.status, 404, "{found:?}");
        assert_eq!(found.json()["error"]["code"], "not_found");
        assert!(found.json()["error"]["message"].is_string(), "{found:?}");
    }
}

fn what_happened_was_counted(running: &Running) {
    for (series, value) in [
        (
            "payments_webhook_events_total{type=\"payment_intent.processing\"}",
            3.0,
        ),
        (
            "payments_webhook_events_total{type=\"charge.refunded\"}",
            1.0,
        ),
        ("payments_idempotency_hits_total", 4.0),
        ("payments_webhook_idempotency_conflicts_total", 0.0),
        ("payments_total{status=\"succeeded\"}", 2.0),
        ("payments_total{status=\"canceled\"}", 1.0),
        ("payments_reconciled_total", 2.0),
        ("payments_reconcile_gap", 0.0),
    ] {
        metric_becomes(&running.ops, series, value);
    }
    let ingest = running.gateway.ops.as_deref().unwrap();
    for (series, value) in [
        (
            "webhook_events_total{type=\"payment_intent.processing\",result=\"ok\"}",
            3.0,
        ),
        ("webhook_events_total{type=\"other\",result=\"ok\"}", 1.0),
        ("webhook_events_total{type=\"other\",result=\"error\"}", 0.0),
    ] {
        metric_becomes(ingest, series, value);
    }
}

fn logs_name_what_they_are_about(running: &Running) {
    let lines = |log: String| -> Vec<Value> {
        let lines = log.lines().map(str::to_owned).collect::<Vec<_>>();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    };
    let about = |lines: &[Value], id: &str| {
        let named = ["order_id", "payment_intent_id", "session_id", "event_id"];
        let line = lines
            .iter()
            .find(|line| line["event_id"] == id)
            .unwrap()
            .clone();
        named.map(|name| line[name].as_str().unwrap_or_default().to_owned())
    };
    let checkout = [CHECKOUT, "pi_checkout", "cs_checkout", "evt_b2"];
    assert_eq!(about(&lines(running._ingest.log()), "evt_b2"), checkout);
    assert_eq!(about(&lines(running.process.log()), "evt_b2"), checkout);
}

#[test]
fn a_failure_that_is_created_after_the_success_is_seen_to_be_caught() {
    let planted = start("planted", |launch| {
        launch.env("TRUEUP_PLANT", "created-beats-succeeded")
    });
    planted
        .bench
        .send(&planted.gateway, &deliveries(planted.base));
    let told = planted.bench.statuses_once(CARD, 3);
    assert_eq!(told[2].1.to, PaymentFailed, "the plant does nothing");
}
