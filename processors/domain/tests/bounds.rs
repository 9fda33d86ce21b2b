//! What one order may hold, what happens beyond, and that no sum of it overflows.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "lifecycles/line.rs"]
mod line;

use line::{Said, said};
use trueup_domain::event::{Event, Snapshot};
use trueup_domain::fold::{OrderFull, Verdict, fold_event, fold_snapshot};
use trueup_domain::ledger::{KEPT_SNAPSHOTS, Ledger, MAX_EVENTS_PER_ORDER};
use trueup_domain::money::MAX_MINOR_UNITS;
use trueup_domain::status::OrderStatus;
use trueup_domain::view::view;

fn event(id: usize, line: &str) -> Event {
    match said(&format!("evt_{id}"), 10, line).unwrap() {
        Said::Event(event) => event,
        Said::Snapshot(_) => panic!("no event: {line}"),
    }
}

fn snapshot(version: i64, due: i64) -> Snapshot {
    match said("", 10, &format!("shop pending {due} eur version={version}")).unwrap() {
        Said::Snapshot(snapshot) => snapshot,
        Said::Event(_) => panic!("no snapshot"),
    }
}

fn full() -> Ledger {
    let mut ledger = Ledger::default();
    for id in 0..MAX_EVENTS_PER_ORDER {
        let event = event(id, &format!("payment_intent.succeeded pi_{id} 10 eur"));
        assert_eq!(fold_event(&mut ledger, &event, 100), Ok(Verdict::Fresh));
    }
    ledger
}

#[test]
fn a_full_order_refuses_what_is_new_and_does_not_change() {
    let mut ledger = full();
    let before = ledger.clone();
    let unknown = event(MAX_EVENTS_PER_ORDER, "payment_intent.succeeded pi_x 10 eur");
    assert_eq!(fold_event(&mut ledger, &unknown, 0), Err(OrderFull));
    let other_facts = event(0, "payment_intent.succeeded pi_0 99 eur");
    assert_eq!(fold_event(&mut ledger, &other_facts, 0), Err(OrderFull));
    assert_eq!(ledger, before);
}

#[test]
fn a_full_order_still_knows_a_duplicate_and_its_least_offset() {
    let mut ledger = full();
    let known = event(7, "payment_intent.succeeded pi_7 10 eur");
    assert_eq!(fold_event(&mut ledger, &known, 200), Ok(Verdict::Duplicate));
    assert_eq!(fold_event(&mut ledger, &known, 5), Ok(Verdict::Duplicate));
    let seen = ledger
        .events
        .iter()
        .find(|seen| seen.id == known.id)
        .unwrap();
    assert_eq!(seen.offset, 5);
}

#[test]
fn a_full_order_still_hears_its_shop() {
    let mut ledger = full();
    assert_eq!(
        fold_snapshot(&mut ledger, &snapshot(1, 5120)),
        Verdict::Fresh
    );
    assert_eq!(ledger.version(), 513);
    assert_eq!(view(&ledger).status, OrderStatus::Paid);
}

#[test]
fn the_largest_amounts_that_an_order_can_hold_are_summed_exactly() {
    let mut ledger = Ledger::default();
    let half = MAX_EVENTS_PER_ORDER / 2;
    for id in 0..MAX_EVENTS_PER_ORDER {
        let line = if id < half {
            format!("payment_intent.succeeded pi_{id} {MAX_MINOR_UNITS} eur")
        } else {
            format!("refund.created re_{id} {MAX_MINOR_UNITS} eur succeeded")
        };
        fold_event(&mut ledger, &event(id, &line), 0).unwrap();
    }
    let view = view(&ledger);
    let expected = MAX_MINOR_UNITS * i64::try_from(half).unwrap();
    assert_eq!((view.received, view.refunded), (expected, expected));
    assert_eq!(view.status, OrderStatus::Refunded);
    // The bound on which the sums rely: all of an order's amounts on one side.
    assert!(MAX_MINOR_UNITS.checked_mul(512).is_some());
}

#[test]
fn of_more_snapshots_than_are_kept_the_latest_hold_and_older_ones_are_ignored() {
    let mut ledger = Ledger::default();
    for version in 1..=20 {
        assert_eq!(
            fold_snapshot(&mut ledger, &snapshot(version, 1000 + version)),
            Verdict::Fresh
        );
    }
    assert_eq!(ledger.snapshots.kept.len(), KEPT_SNAPSHOTS);
    assert_eq!((ledger.snapshots.seen, ledger.version()), (20, 20));
    let before = ledger.clone();
    // One that was kept once, one that never came, and one that is still kept.
    assert_eq!(
        fold_snapshot(&mut ledger, &snapshot(3, 1003)),
        Verdict::Duplicate
    );
    assert_eq!(
        fold_snapshot(&mut ledger, &snapshot(0, 1)),
        Verdict::Duplicate
    );
    assert_eq!(
        fold_snapshot(&mut ledger, &snapshot(13, 1013)),
        Verdict::Duplicate
    );
    assert_eq!(ledger, before);
    assert_eq!(
        fold_snapshot(&mut ledger, &snapshot(15, 7)),
        Verdict::Conflict
    );
    assert_eq!(
        (ledger.version(), view(&ledger).due.unwrap().get()),
        (21, 1020)
    );
}

#[test]
fn a_conflict_of_the_latest_version_is_settled_alike_in_both_orders() {
    let fold_both = |one: &Snapshot, two: &Snapshot| {
        let mut ledger = Ledger::default();
        assert_eq!(fold_snapshot(&mut ledger, one), Verdict::Fresh);
        assert_eq!(fold_snapshot(&mut ledger, two), Verdict::Conflict);
        ledger
    };
    let (one, two) = (snapshot(4, 1000), snapshot(4, 2000));
    assert_eq!(fold_both(&one, &two), fold_both(&two, &one));
}
