//! One event id told with several contents, in one second and of one rank: only the digest is
//! left to order them, and every order of arrival must still come to the same ledger.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "lifecycles/line.rs"]
mod line;

use line::{Said, said};
use trueup_domain::event::Event;
use trueup_domain::fold::{Verdict, fold_event};
use trueup_domain::ledger::Ledger;
use trueup_domain::view::view;

fn ledger_of(contents: &[&Event]) -> Ledger {
    let mut ledger = Ledger::default();
    for (event, number) in contents.iter().zip(0_i64..) {
        let verdict = fold_event(&mut ledger, event, 0).unwrap();
        let expected = if number == 0 {
            Verdict::Fresh
        } else {
            Verdict::Conflict
        };
        assert_eq!(verdict, expected);
    }
    ledger
}

/// All orders of three contents of `evt_1` come to one ledger and one view.
fn settles(lines: [&str; 3]) {
    let [one, two, three] = lines.map(|line| match said("evt_1", 10, line).unwrap() {
        Said::Event(event) => event,
        Said::Snapshot(snapshot) => panic!("no event: {snapshot:?}"),
    });
    let expected = ledger_of(&[&one, &two, &three]);
    for order in [
        [&one, &three, &two],
        [&two, &one, &three],
        [&two, &three, &one],
        [&three, &one, &two],
        [&three, &two, &one],
    ] {
        let found = ledger_of(&order);
        assert_eq!(found, expected);
        assert_eq!(view(&found), view(&expected));
    }
}

#[test]
fn contents_of_a_payment_settle() {
    settles([
        "payment_intent.processing pi_1 1000 eur",
        "payment_intent.partially_funded pi_1 900 usd received=300",
        "payment_intent.processing pi_1 1000 gbp received=1",
    ]);
}

#[test]
fn contents_of_a_charge_settle() {
    settles([
        "charge.succeeded ch_1 1000 eur captured=1000 payment=pi_1",
        "charge.updated ch_1 1000 usd captured=900 refunded=3 payment=pi_2",
        "charge.succeeded ch_1 1000 gbp",
    ]);
}

#[test]
fn contents_of_a_session_settle() {
    settles([
        "checkout.session.completed cs_1 1000 eur paid payment=pi_1",
        "checkout.session.completed cs_1 1000 usd unpaid payment=pi_2",
        "checkout.session.completed cs_1 1000 - no_payment_required",
    ]);
}

#[test]
fn contents_of_a_refund_settle() {
    settles([
        "refund.updated re_1 1000 eur succeeded charge=ch_1",
        "refund.updated re_1 900 usd succeeded payment=pi_1",
        "refund.updated re_1 800 gbp succeeded charge=ch_2",
    ]);
}

#[test]
fn contents_of_an_open_dispute_settle() {
    settles([
        "charge.dispute.updated dp_1 1000 eur under_review charge=ch_1",
        "charge.dispute.updated dp_1 900 usd under_review payment=pi_1",
        "charge.dispute.created dp_1 900 gbp under_review",
    ]);
}

#[test]
fn contents_of_a_closed_dispute_settle() {
    settles([
        "charge.dispute.closed dp_1 1000 eur won charge=ch_1",
        "charge.dispute.closed dp_1 1000 usd lost charge=ch_1",
        "charge.dispute.created dp_1 1000 gbp needs_response",
    ]);
}

#[test]
fn contents_of_different_objects_settle() {
    settles([
        "payment_intent.succeeded pi_1 1000 eur",
        "charge.succeeded ch_1 1000 eur captured=1000 payment=pi_1",
        "refund.created re_1 1000 eur succeeded payment=pi_1",
    ]);
}
