//! Refunds and disputes that name no order find it, whatever comes first and whenever `dev` is
//! killed.

use serde_json::{Value, json};

use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, said, success};

/// A refund of the payment of `success(order, 1)`, which names charge and payment alone.
fn refund(order: &str) -> Value {
    let object = json!({
        "id": format!("re_{order}"), "object": "refund", "amount": 400, "currency": "eur",
        "charge": format!("ch_{order}"), "payment_intent": format!("pi_{order}1"),
        "status": "succeeded", "created": 1_700_000_100, "metadata": {},
    });
    event(&format!("evt_refund_{order}"), "refund.created", &object)
}

/// A dispute that names its charge alone.
fn dispute(order: &str) -> Value {
    let object = json!({
        "id": format!("dp_{order}"), "object": "dispute", "amount": 400, "currency": "eur",
        "charge": format!("ch_{order}"), "payment_intent": null, "status": "needs_response",
        "reason": "fraudulent", "created": 1_700_000_200, "metadata": {},
    });
    event(
        &format!("evt_dispute_{order}"),
        "charge.dispute.created",
        &object,
    )
}

/// The charge of the payment, made without metadata: it alone tells whose the dispute is.
fn charge(order: &str) -> Value {
    let object = json!({
        "id": format!("ch_{order}"), "object": "charge", "amount": 1_000, "amount_captured": 1_000,
        "amount_refunded": 0, "currency": "eur", "captured": true, "paid": true,
        "status": "succeeded", "payment_intent": format!("pi_{order}1"),
        "created": 1_700_000_000, "metadata": {},
    });
    event(&format!("evt_charge_{order}"), "charge.succeeded", &object)
}

fn event(id: &str, kind: &str, object: &Value) -> Value {
    json!({
        "id": id, "object": "event", "created": 1_700_000_300,
        "api_version": "2026-07-29.dahlia", "livemode": false, "pending_webhooks": 1,
        "type": kind, "data": {"object": object},
    })
}

/// Every order of arrival of {payment, refund, dispute, charge}; the link comes with the payment.
fn arrivals() -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for first in 0..4 {
        for second in (0..4).filter(|second| *second != first) {
            for third in (0..4).filter(|third| ![first, second].contains(third)) {
                let last = 6 - first - second - third;
                all.push(vec![first, second, third, last]);
            }
        }
    }
    all
}

/// What an order holds once everything reached it, by the ids of the events in its timeline.
fn ids(answer: &Value) -> Vec<String> {
    let timeline = answer["timeline"].as_array().unwrap();
    let mut ids: Vec<String> = timeline
        .iter()
        .map(|moment| moment["event_id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

fn complete(order: &str) -> Vec<String> {
    let mut ids = vec![
        format!("evt_{order}1"),
        format!("evt_charge_{order}"),
        format!("evt_dispute_{order}"),
        format!("evt_refund_{order}"),
    ];
    ids.sort();
    ids
}

/// Waits until every order holds all of its events, and says that each counts once.
fn expect_all(dev: &Dev, orders: &[String]) {
    for order in orders {
        dev.statuses(order, |held| {
            held.last()
                .is_some_and(|last| last.to.as_str() == "disputed" && last.amount_refunded == 400)
        });
        // The ledger follows the log.
        let answer = wait_until(LIMIT, || {
            let found = dev.look_up("order", order)?;
            (ids(&found) == complete(order)).then_some(found)
        });
        let answer = answer.unwrap_or_else(|| panic!("{:?}", dev.look_up("order", order)));
        assert_eq!(answer["amount_received"], 1_000, "{answer}");
        assert_eq!(answer["amount_refunded"], 400, "{answer}");
        assert_eq!(answer["version"], 4, "each event counts once: {answer}");
        // Each status record is another event's: none was told twice.
        let held = dev.statuses(order, |held| !held.is_empty());
        let mut causes: Vec<&str> = held.iter().map(|record| record.event_id.as_str()).collect();
        let all = causes.len();
        causes.sort_unstable();
        causes.dedup();
        assert_eq!(causes.len(), all, "{held:?}");
    }
}

#[test]
fn a_refund_and_a_dispute_without_metadata_find_their_order_in_all_arrival_orders() {
    let dev = Dev::start(&[]);
    let arrivals = arrivals();
    assert_eq!(arrivals.len(), 24);
    let orders: Vec<String> = (0..arrivals.len())
        .map(|place| format!("o{place}"))
        .collect();
    // One place of all arrivals after the other, so that what is early waits indeed.
    for place in 0..4 {
        let events: Vec<Value> = arrivals
            .iter()
            .zip(&orders)
            .map(|(arrival, order)| one(arrival[place], order))
            .collect();
        let sent = dev.send(&events);
        assert!(sent.status.success(), "{}", said(&sent));
    }
    expect_all(&dev, &orders);
    let found = dev.look_up("payment", "ch_o3").unwrap();
    assert_eq!(found, json!({"object_id": "ch_o3", "order_id": "o3"}));
    assert_eq!(dev.look_up("payment", "pi_nobodys"), None);
}

fn one(which: usize, order: &str) -> Value {
    match which {
        0 => success(order, 1),
        1 => refund(order),
        2 => dispute(order),
        _ => charge(order),
    }
}

#[test]
fn killed_between_any_two_arrivals_every_effect_still_counts_once() {
    let mut dev = Dev::start(&[]);
    let arrivals = arrivals();
    let orders: Vec<String> = (0..arrivals.len())
        .map(|place| format!("k{place}"))
        .collect();
    for place in 0..4 {
        let events: Vec<Value> = arrivals
            .iter()
            .zip(&orders)
            .map(|(arrival, order)| one(arrival[place], order))
            .collect();
        let sent = dev.send(&events);
        assert!(sent.status.success(), "{}", said(&sent));
        // Nothing is waited for: some are parked, forwarded or folded, and some are not.
        dev.kill_and_restart();
    }
    expect_all(&dev, &orders);
}
