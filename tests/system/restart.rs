//! `kill -9` of the processor, at every moment of its work: no record is missing, none is told
//! twice, and the store has it all in the end.

use std::collections::BTreeMap;

use serde_json::Value;
use trueup_schemas::records::OrderStatusChanged;
use trueup_testkit::wait_until;

use crate::support::LIMIT;
use crate::support::bench::Bench;
use crate::support::http::metric_becomes;
use crate::support::shop::{now_s, success};

const ORDERS: usize = 8;
const ROUNDS: usize = 5;

/// One more payment for every order; each event changes what its order received.
fn round(number: usize) -> Vec<Value> {
    let of = |order: usize| success(&format!("R-{order}"), number, now_s());
    (0..ORDERS).map(of).collect()
}

#[test]
fn killed_between_sends_the_processor_tells_every_change_once() {
    let bench = Bench::applied("restart");
    let mut ingest = bench.ingest();
    let mut process = bench.process(&[]);
    let gateway = ingest.ready(LIMIT);
    process.ready(LIMIT);
    for number in 0..ROUNDS {
        bench.send(&gateway, &round(number));
        let told = || bench.records(&bench.topics.orders_status()).len();
        match number {
            // In the middle of its work, or before it saw anything.
            0 => {}
            // Told, and not yet in the store.
            1 => assert!(
                wait_until(LIMIT, || (told() >= 2 * ORDERS).then_some(())).is_some(),
                "{} records",
                told()
            ),
            // While it recovers.
            2 => process.restart().unwrap(),
            // Once it serves again.
            3 => {
                process.restart().unwrap();
                process.ready(LIMIT);
            }
            _ => break,
        }
        process.restart().unwrap();
    }
    process.ready(LIMIT);
    for order in 0..ORDERS {
        let order = format!("R-{order}");
        let told = bench.statuses_once(&order, ROUNDS);
        every_change_is_told_once(&order, told.into_iter().map(|(_, told)| told));
        let stored = wait_until(LIMIT, || {
            let found = bench.look_up("order", &order)?;
            (found["version"].as_u64() == u64::try_from(ROUNDS).ok()).then_some(found)
        });
        let stored = stored.unwrap_or_else(|| panic!("the store lacks facts of {order}"));
        assert_eq!(stored["amount_received"], 1000 * ROUNDS);
    }
    assert!(bench.letters().is_empty(), "{:?}", bench.letters());
}

fn every_change_is_told_once(order: &str, told: impl Iterator<Item = OrderStatusChanged>) {
    let mut causes = BTreeMap::new();
    let (mut version, mut received, mut before) = (0, 0, "pending");
    for told in told {
        assert!(
            told.version > version,
            "{order}: {told:?} after version {version}"
        );
        assert_eq!(told.amount_received, received + 1000, "{order}: {told:?}");
        assert_eq!(told.from.as_str(), before, "{order}: {told:?}");
        (version, received, before) = (told.version, told.amount_received, told.to.as_str());
        *causes.entry(told.event_id).or_insert(0) += 1;
    }
    let wanted = (0..ROUNDS).map(|number| (format!("evt_{order}_{number}"), 1));
    assert_eq!(causes, wanted.collect(), "{order}");
}

#[test]
fn facts_folded_again_and_never_stored_are_seen_to_be_caught() {
    let bench = Bench::applied("unstored");
    let mut ingest = bench.ingest();
    let gateway = ingest.ready(LIMIT);
    let launch = bench.processor().env("TRUEUP_PLANT", "refolded-clean");
    let mut process = launch.start().unwrap();
    let ops = process.ready(LIMIT).ops.unwrap();
    bench.send(&gateway, &[success("R-0", 0, now_s())]);
    // Counted once it is committed; the store is written half a second later.
    let counted = "payments_webhook_events_total{type=\"payment_intent.succeeded\"}";
    metric_becomes(&ops, counted, 1.0);
    process.restart().unwrap();
    process.ready(LIMIT);
    // An order that comes later reaches the store; the one that was folded again never does.
    bench.send(&gateway, &[success("R-1", 0, now_s())]);
    let later = wait_until(LIMIT, || bench.look_up("order", "R-1"));
    assert!(later.is_some(), "nothing reaches the store");
    assert_eq!(
        bench.look_up("order", "R-0"),
        None,
        "the plant does nothing"
    );
}
