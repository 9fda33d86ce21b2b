//! Orders that no shop would have: ids, seconds, ranks, amounts and currencies from pools so
//! small that they collide, one event id with several contents, words that contradict each other.
//!
//! It leaves out what only a digest settles: one event id, second and rank, or one snapshot
//! version and time, with two contents of which each says something else.

use serde_json::{Value, json};
use trueup_load_tests::oracle::reading::USED_TYPES;
use trueup_load_tests::random::Random;

/// More are kept by count only, and then the order of arrival may decide.
const MOST_SNAPSHOTS: u64 = 8;

/// One record of an order's log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Event(Value),
    Shop(Value),
}

/// What is said of one order, in the order of arrival, some of it twice.
pub(crate) fn order(seed: u64) -> Vec<Said> {
    let mut random = Random::fork(seed, 0x0c0f_fee0);
    let mut said: Vec<Said> = Vec::new();
    let few = random.between(1, 14);
    for number in 0..few {
        let event = event(&mut random, number);
        if random.percent(15) {
            said.push(Said::Event(contradiction(&mut random, &event)));
        }
        said.push(Said::Event(event));
    }
    if random.percent(60) {
        let count = random.below(MOST_SNAPSHOTS);
        // A time of its own for each, so that versions may be equal.
        for number in 0..i64::try_from(count).unwrap() {
            said.push(Said::Shop(snapshot(&mut random, number)));
        }
    }
    for _ in 0..random.below(4) {
        let again = random.pick(&said).cloned();
        said.extend(again.map(|again| delivered_again(&mut random, again)));
    }
    random.shuffle(&mut said);
    said
}

fn one<'a>(random: &mut Random, of: &[&'a str]) -> &'a str {
    random.pick(of).unwrap()
}

fn amount(random: &mut Random) -> i64 {
    *random
        .pick(&[0, 1, 300, 400, 700, 1000, 1000, 1000])
        .unwrap()
}

/// Mostly euros, so that amounts meet.
fn currency(random: &mut Random) -> &'static str {
    if random.percent(85) { "eur" } else { "usd" }
}

fn id(random: &mut Random, prefix: &str, of: u64) -> String {
    format!("{prefix}_{}", random.below(of))
}

fn maybe(random: &mut Random, prefix: &str, percent: u64) -> Value {
    if !random.percent(percent) {
        return Value::Null;
    }
    let id = id(random, prefix, 2);
    // A reference may be expanded.
    if random.percent(10) {
        json!({ "id": id })
    } else {
        json!(id)
    }
}

fn event(random: &mut Random, number: i64) -> Value {
    // Success and the money of it often enough for refunds and disputes to matter.
    let event_type = match random.below(10) {
        0 | 1 => "payment_intent.succeeded",
        2 => "checkout.session.completed",
        3 => "charge.succeeded",
        _ => one(random, USED_TYPES),
    };
    // Few seconds, so that ranks and ids decide; ids in another order than arrival.
    let created = random.between(10, 13);
    let id = format!("evt_{:02}_{number}", random.below(20));
    json!({
        "id": id, "object": "event", "type": event_type, "created": created,
        "livemode": random.pick(&[json!(true), json!(false), Value::Null]),
        "pending_webhooks": random.below(3),
        "data": { "object": object(random, event_type) },
    })
}

fn object(random: &mut Random, event_type: &str) -> Value {
    let currency = currency(random);
    if event_type.starts_with("payment_intent.") {
        let amount = amount(random);
        let received = if event_type.ends_with(".succeeded") && random.percent(80) {
            amount
        } else if event_type.ends_with(".partially_funded") || random.percent(10) {
            self::amount(random)
        } else {
            0
        };
        json!({ "object": "payment_intent", "id": id(random, "pi", 3), "amount": amount,
            "amount_received": received, "currency": currency })
    } else if event_type.starts_with("checkout.session.") {
        json!({ "object": "checkout.session", "id": id(random, "cs", 3),
            "mode": if random.percent(93) { "payment" } else { "subscription" },
            "payment_intent": maybe(random, "pi", 60),
            "amount_total": amount(random),
            "currency": if random.percent(90) { json!(currency) } else { Value::Null },
            "payment_status": one(random, &["paid", "unpaid", "no_payment_required"]),
            "status": one(random, &["complete", "expired", "open"]) })
    } else if event_type.starts_with("charge.dispute.") {
        let statuses = [
            "warning_needs_response",
            "warning_under_review",
            "warning_closed",
            "prevented",
            "needs_response",
            "under_review",
            "won",
            "lost",
        ];
        json!({ "object": "dispute", "id": id(random, "dp", 2), "amount": amount(random),
            "charge": maybe(random, "ch", 80), "payment_intent": maybe(random, "pi", 50),
            "currency": currency, "status": one(random, &statuses) })
    } else if event_type.starts_with("refund.") || event_type == "charge.refund.updated" {
        let statuses = [
            "pending",
            "requires_action",
            "succeeded",
            "failed",
            "canceled",
        ];
        json!({ "object": "refund", "id": id(random, "re", 3), "amount": amount(random),
            "charge": maybe(random, "ch", 60), "payment_intent": maybe(random, "pi", 60),
            "currency": currency, "status": one(random, &statuses) })
    } else {
        let amount = amount(random);
        let captured = random.percent(70);
        json!({ "object": "charge", "id": id(random, "ch", 3), "amount": amount,
            "amount_captured": if captured { self::amount(random).min(amount) } else { 0 },
            "amount_refunded": if random.percent(30) { self::amount(random) } else { 0 },
            "captured": captured,
            "status": if random.percent(85) { "succeeded" } else { "failed" },
            "payment_intent": maybe(random, "pi", 70), "currency": currency })
    }
}

/// The same event id with other facts. A currency is left as it is, and a dispute's second
/// changes with its status, since only a digest would tell which of two holds.
fn contradiction(random: &mut Random, event: &Value) -> Value {
    let mut other = event.clone();
    let object = &mut other["data"]["object"];
    match object["object"].as_str().unwrap() {
        "payment_intent" => {
            object["amount"] = json!(amount(random));
            object["amount_received"] = json!(amount(random));
        }
        "charge" => {
            object["amount_captured"] = json!(amount(random));
            object["amount_refunded"] = json!(amount(random));
            object["payment_intent"] = maybe(random, "pi", 70);
        }
        "checkout.session" => {
            object["amount_total"] = json!(amount(random));
            object["payment_status"] = json!(one(random, &["paid", "unpaid"]));
        }
        "refund" => object["status"] = json!(one(random, &["failed", "succeeded", "pending"])),
        _ => {
            object["status"] = json!(one(random, &["won", "lost", "under_review"]));
            other["created"] = json!(random.between(20, 23));
        }
    }
    if random.percent(30) {
        other["created"] = json!(random.between(30, 33));
    }
    other
}

fn snapshot(random: &mut Random, number: i64) -> Value {
    json!({ "order_id": "o", "version": random.between(1, 4),
        "status": one(random, &["pending", "pending", "paid", "canceled", "refunded"]),
        "amount_due": amount(random), "currency": currency(random),
        // Around the seconds of the events, never two alike.
        "updated_at": random.between(9, 14) * 1000 + number })
}

/// What may differ between two deliveries is no fact.
fn delivered_again(random: &mut Random, said: Said) -> Said {
    match said {
        Said::Event(mut event) => {
            event["pending_webhooks"] = json!(random.below(9));
            event["request"] = json!({ "id": random.token(6) });
            Said::Event(event)
        }
        Said::Shop(shop) => Said::Shop(shop),
    }
}
