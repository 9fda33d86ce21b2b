//! The digest of facts: ledgers hold it, so it must stay what it is, and it must see every fact.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "lifecycles/line.rs"]
mod line;

use std::collections::BTreeSet;

use line::{Said, said};
use trueup_domain::digest::{of_event, of_snapshot};
use trueup_domain::event::Event;
use trueup_domain::ledger::FactsDigest;

fn event(at_s: i64, line: &str) -> Event {
    match said("evt_1", at_s, line).unwrap() {
        Said::Event(event) => event,
        Said::Snapshot(_) => panic!("no event: {line}"),
    }
}

fn snapshot(at_s: i64, line: &str) -> FactsDigest {
    match said("", at_s, line).unwrap() {
        Said::Snapshot(snapshot) => of_snapshot(&snapshot),
        Said::Event(_) => panic!("no snapshot: {line}"),
    }
}

fn hex(digest: FactsDigest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn digests_stay_what_they_are() {
    // Worked out by hand with another implementation of SHA-256.
    let lines = [
        (
            "payment_intent.succeeded pi_1 1000 eur",
            "f7b4d13a6eb2ba3407c586788b239e0c",
        ),
        (
            "checkout.session.completed cs_1 1000 eur paid payment=pi_1",
            "d9e1906bb9d4ccc698805af99cdb6505",
        ),
        (
            "charge.refunded ch_1 1000 eur captured=1000 refunded=300 payment=pi_1",
            "490209f02539f42d0f61fa2dc1d77c56",
        ),
        (
            "refund.created re_1 300 eur pending charge=ch_1",
            "97d3427af8d85404c2b262fd847b8c03",
        ),
        (
            "charge.dispute.closed dp_1 1000 eur lost charge=ch_1 payment=pi_1",
            "b45b17ceef8739d19442115e5402884a",
        ),
    ];
    for (line, expected) in lines {
        assert_eq!(hex(of_event(&event(10, line))), expected, "{line}");
    }
    assert_eq!(
        hex(snapshot(10, "shop pending 1000 eur version=1")),
        "e69cb7ca8fe53e6db87df57de7d201aa"
    );
}

/// No two of these lines have one digest.
fn all_differ(lines: &[&str]) {
    let digests: BTreeSet<FactsDigest> = lines
        .iter()
        .map(|line| of_event(&event(10, line)))
        .collect();
    assert_eq!(digests.len(), lines.len());
}

#[test]
fn every_fact_of_every_object_is_seen() {
    all_differ(&[
        "payment_intent.succeeded pi_1 1000 eur",
        "payment_intent.processing pi_1 1000 eur received=1000",
        "payment_intent.succeeded pi_2 1000 eur",
        "payment_intent.succeeded pi_1 1001 eur received=1000",
        "payment_intent.succeeded pi_1 1000 eur received=999",
        "payment_intent.succeeded pi_1 1000 usd",
        "checkout.session.completed cs_1 1000 eur paid payment=pi_1",
        "checkout.session.completed cs_2 1000 eur paid payment=pi_1",
        "checkout.session.completed cs_1 1000 eur paid payment=pi_2",
        "checkout.session.completed cs_1 1000 eur paid",
        "checkout.session.completed cs_1 1001 eur paid payment=pi_1",
        "checkout.session.completed cs_1 1000 - paid payment=pi_1",
        "checkout.session.completed cs_1 1000 eur unpaid payment=pi_1",
        "checkout.session.completed cs_1 1000 eur no_payment_required payment=pi_1",
        "charge.succeeded ch_1 1000 eur captured=0",
        "charge.succeeded ch_1 1000 eur",
        "charge.succeeded ch_2 1000 eur",
        "charge.succeeded ch_1 1001 eur",
        "charge.succeeded ch_1 1000 usd",
        "charge.succeeded ch_1 1000 eur captured=1",
        "charge.succeeded ch_1 1000 eur refunded=1",
        "charge.succeeded ch_1 1000 eur payment=pi_1",
        "refund.created re_1 300 eur pending",
        "refund.created re_2 300 eur pending",
        "refund.created re_1 301 eur pending",
        "refund.created re_1 300 usd pending",
        "refund.created re_1 300 eur requires_action",
        "refund.created re_1 300 eur succeeded",
        "refund.created re_1 300 eur canceled",
        "refund.created re_1 300 eur failed",
        "refund.created re_1 300 eur pending charge=x_1",
        "refund.created re_1 300 eur pending payment=x_1",
        "charge.dispute.created dp_1 300 eur needs_response",
        "charge.dispute.created dp_2 300 eur needs_response",
        "charge.dispute.created dp_1 301 eur needs_response",
        "charge.dispute.created dp_1 300 usd needs_response",
        "charge.dispute.created dp_1 300 eur under_review",
        "charge.dispute.created dp_1 300 eur warning_closed",
        "charge.dispute.created dp_1 300 eur prevented",
        "charge.dispute.created dp_1 300 eur won",
        "charge.dispute.created dp_1 300 eur lost",
        "charge.dispute.created dp_1 300 eur needs_response charge=x_1",
        "charge.dispute.created dp_1 300 eur needs_response payment=x_1",
    ]);
}

#[test]
fn the_second_and_the_livemode_are_seen_and_the_id_is_not() {
    let known = event(10, "payment_intent.succeeded pi_1 1000 eur");
    let later = event(11, "payment_intent.succeeded pi_1 1000 eur");
    assert_ne!(of_event(&known), of_event(&later));
    let live = Event {
        livemode: Some(true),
        ..known.clone()
    };
    let untold = Event {
        livemode: None,
        ..known.clone()
    };
    assert_ne!(of_event(&known), of_event(&live));
    assert_ne!(of_event(&known), of_event(&untold));
    assert_ne!(of_event(&live), of_event(&untold));
    let other = Event {
        id: "evt_2".try_into().unwrap(),
        ..known.clone()
    };
    assert_eq!(of_event(&known), of_event(&other));
}

#[test]
fn everything_a_snapshot_says_but_its_version_is_seen() {
    let digests = BTreeSet::from([
        snapshot(10, "shop pending 1000 eur version=1"),
        snapshot(10, "shop paid 1000 eur version=1"),
        snapshot(10, "shop canceled 1000 eur version=1"),
        snapshot(10, "shop refunded 1000 eur version=1"),
        snapshot(10, "shop pending 1001 eur version=1"),
        snapshot(10, "shop pending 1000 usd version=1"),
        snapshot(11, "shop pending 1000 eur version=1"),
    ]);
    assert_eq!(digests.len(), 7);
    let next = snapshot(10, "shop pending 1000 eur version=2");
    assert!(digests.contains(&next));
}
