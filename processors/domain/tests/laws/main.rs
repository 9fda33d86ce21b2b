//! The laws of the fold, over events that collide in ids, seconds, ranks and contents.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod arbitrary;

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Said, retold, sayings};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use trueup_domain::event::{EventType, Facts};
use trueup_domain::fold::{Verdict, fold_event, fold_snapshot};
use trueup_domain::ids::ObjectId;
use trueup_domain::ledger::Ledger;
use trueup_domain::money::MinorUnits;
use trueup_domain::status::OrderStatus;
use trueup_domain::view::{PaymentStatus, entered, publishes, view};
use trueup_plants::Plant;

fn fold(ledger: &mut Ledger, said: &Said) -> Verdict {
    match said {
        Said::Event(event, offset) => fold_event(ledger, event, *offset).unwrap(),
        Said::Snapshot(snapshot) => fold_snapshot(ledger, snapshot),
    }
}

fn fold_all(said: &[Said]) -> Ledger {
    let mut ledger = Ledger::default();
    for said in said {
        fold(&mut ledger, said);
    }
    ledger
}

/// Distinct things said, counted without the domain's digests.
fn distinct(said: &[Said]) -> u64 {
    let distinct: BTreeSet<String> = said
        .iter()
        .map(|said| match said {
            Said::Event(event, _) => format!("{event:?}"),
            Said::Snapshot(snapshot) => format!("{snapshot:?}"),
        })
        .collect();
    u64::try_from(distinct.len()).unwrap()
}

/// What was proved by a payment's own event stays proved, with at least the same money.
fn successes_stay(said: &[Said]) -> Result<(), TestCaseError> {
    let mut ledger = Ledger::default();
    let mut proved: BTreeMap<ObjectId, MinorUnits> = BTreeMap::new();
    for said in said {
        fold(&mut ledger, said);
        if let Said::Event(event, _) = said
            && event.kind == EventType::PaymentIntentSucceeded
            && let Facts::Payment(facts) = &event.facts
        {
            let received = proved
                .entry(facts.id.clone())
                .or_insert(facts.amount_received);
            *received = (*received).max(facts.amount_received);
        }
        let now = view(&ledger);
        for (id, received) in &proved {
            let payment = now.payments.iter().find(|payment| payment.id == *id);
            prop_assert_eq!(
                payment.map(|payment| payment.status),
                Some(PaymentStatus::Succeeded)
            );
            prop_assert!(payment.is_some_and(|payment| payment.received >= *received));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_order_and_any_repetition_come_to_the_same_ledger(
        (said, retold) in sayings().prop_flat_map(retold),
    ) {
        let (one, two) = (fold_all(&said), fold_all(&retold));
        prop_assert_eq!(format!("{one:?}"), format!("{two:?}"));
        prop_assert_eq!(one, two);
    }

    #[test]
    fn folding_again_from_any_earlier_point_changes_nothing(
        said in sayings(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let (from, to) = (from.index(said.len() + 1), to.index(said.len() + 1));
        // A store that is ahead of its checkpoint: what lies between is folded twice.
        let mut ledger = fold_all(&said[..to]);
        for said in &said[from.min(to)..] {
            fold(&mut ledger, said);
        }
        prop_assert_eq!(ledger, fold_all(&said));
    }

    #[test]
    fn what_was_said_is_a_duplicate_ever_after(said in sayings()) {
        let folded = fold_all(&said);
        let mut again = folded.clone();
        for said in &said {
            prop_assert_eq!(fold(&mut again, said), Verdict::Duplicate);
        }
        prop_assert_eq!(again, folded);
    }

    #[test]
    fn the_version_counts_what_is_distinct_and_every_step_forward_raises_it(said in sayings()) {
        let mut ledger = Ledger::default();
        for said in &said {
            let before = ledger.version();
            let verdict = fold(&mut ledger, said);
            let step = u64::from(verdict != Verdict::Duplicate);
            prop_assert_eq!(ledger.version(), before + step);
        }
        prop_assert_eq!(ledger.version(), distinct(&said));
    }

    #[test]
    fn every_list_is_sorted_without_repetition(said in sayings()) {
        let ledger = fold_all(&said);
        prop_assert!(ledger.events.is_sorted_by(|one, two| (&one.id, one.digest) < (&two.id, two.digest)));
        prop_assert!(ledger.payments.is_sorted_by(|one, two| one.id < two.id));
        prop_assert!(ledger.charges.is_sorted_by(|one, two| one.id < two.id));
        prop_assert!(ledger.sessions.is_sorted_by(|one, two| one.id < two.id));
        prop_assert!(ledger.refunds.is_sorted_by(|one, two| one.id < two.id));
        prop_assert!(ledger.disputes.is_sorted_by(|one, two| one.id < two.id));
        prop_assert!(ledger.snapshots.kept.is_sorted_by(|one, two| one < two));
        prop_assert!(view(&ledger).payments.is_sorted_by(|one, two| one.id < two.id));
    }

    #[test]
    fn received_is_the_sum_of_the_payments_and_nothing_is_counted_that_nobody_told(
        said in sayings(),
    ) {
        let told = view(&fold_all(&said));
        let ours = told.payments.iter().filter(|payment| {
            payment.currency.is_some() && payment.currency == told.currency
        });
        let sum: i64 = ours.map(|payment| payment.received.get()).sum();
        prop_assert_eq!(told.received, sum);
        // Each object's largest amount, once.
        let mut most: BTreeMap<&ObjectId, i64> = BTreeMap::new();
        let mut back: BTreeMap<&ObjectId, i64> = BTreeMap::new();
        for said in &said {
            let Said::Event(event, _) = said else { continue };
            let (sums, id, amount) = match &event.facts {
                Facts::Payment(payment) => (&mut most, &payment.id, payment.amount_received),
                Facts::Session(session) => (&mut most, &session.id, session.amount_total),
                Facts::Charge(charge) => {
                    let known = back.entry(&charge.id).or_default();
                    *known = charge.amount_refunded.get().max(*known);
                    (&mut most, &charge.id, charge.amount_captured)
                }
                Facts::Refund(refund) => (&mut back, &refund.id, refund.amount),
                Facts::Dispute(dispute) => (&mut back, &dispute.id, dispute.amount),
                Facts::Unlinked(_) | Facts::Linked(_) | Facts::ClaimedTwice(_) => continue,
            };
            let known = sums.entry(id).or_default();
            *known = amount.get().max(*known);
        }
        prop_assert!(told.received <= most.values().sum());
        prop_assert!((0..=back.values().sum()).contains(&told.refunded));
    }

    #[test]
    fn money_that_payments_tell_of_themselves_is_received_exactly_once(said in sayings()) {
        let of_payments: Vec<Said> = said
            .into_iter()
            .filter(|said| matches!(said, Said::Event(event, _) if matches!(event.facts, Facts::Payment(_))))
            .collect();
        let told = view(&fold_all(&of_payments));
        let mut most: BTreeMap<ObjectId, i64> = BTreeMap::new();
        for said in &of_payments {
            let Said::Event(event, _) = said else { continue };
            let Facts::Payment(payment) = &event.facts else { continue };
            let known = most.entry(payment.id.clone()).or_default();
            *known = payment.amount_received.get().max(*known);
        }
        let received: BTreeMap<ObjectId, i64> = told
            .payments
            .into_iter()
            .map(|payment| (payment.id, payment.received.get()))
            .collect();
        prop_assert_eq!(received, most);
    }

    #[test]
    fn a_success_is_undone_by_no_later_event(said in sayings()) {
        successes_stay(&said)?;
    }

    #[test]
    fn only_refunds_and_disputes_take_paid_back(said in sayings()) {
        let mut ledger = Ledger::default();
        // One currency: a payment that changes its own may leave that of the order.
        let harmless = said.iter().filter(|said| {
            matches!(said, Said::Event(event, _)
                if matches!(&event.facts, Facts::Payment(facts) if facts.currency.as_str() == "eur"))
        });
        let mut was_paid = None;
        for said in harmless {
            fold(&mut ledger, said);
            let now = view(&ledger);
            // A success of a larger amount may raise what is due.
            let price = now.due;
            prop_assert!(
                was_paid != Some(price) || now.status == OrderStatus::Paid,
                "{:?} after paid", now.status
            );
            was_paid = (now.status == OrderStatus::Paid).then_some(price);
        }
    }

    #[test]
    fn a_status_is_entered_by_what_changed_and_nothing_is_published_otherwise(said in sayings()) {
        let mut ledger = Ledger::default();
        for said in &said {
            let before = view(&ledger);
            let verdict = fold(&mut ledger, said);
            let after = view(&ledger);
            if verdict == Verdict::Duplicate {
                prop_assert_eq!(&before, &after);
            }
            if before == after {
                prop_assert!(!publishes(&before, &after));
                prop_assert!(entered(&before, &after).is_empty());
            }
            prop_assert_eq!(
                publishes(&before, &after),
                before.status != after.status
                    || before.received != after.received
                    || before.refunded != after.refunded
            );
        }
    }
}

#[test]
fn a_success_overridden_by_created_would_be_seen() {
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    });
    let caught = trueup_plants::with(Plant::CreatedBeatsSucceeded, || {
        runner.run(&sayings(), |said| successes_stay(&said))
    });
    assert!(caught.is_err());
}

#[test]
fn an_order_of_arrival_that_decides_would_be_seen() {
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    });
    let caught = trueup_plants::with(Plant::CreatedBeatsSucceeded, || {
        runner.run(&sayings().prop_flat_map(retold), |(said, retold)| {
            prop_assert_eq!(fold_all(&said), fold_all(&retold));
            Ok(())
        })
    });
    assert!(caught.is_err());
}
