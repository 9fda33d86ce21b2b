//! Which minutes an order's steps count in, and how minutes roll up.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "lifecycles/line.rs"]
mod line;

use std::collections::BTreeMap;

use line::{Said, said};
use proptest::prelude::*;
use trueup_domain::fold::{fold_event, fold_snapshot};
use trueup_domain::gap::{GapSet, Grace, Times, next_gaps};
use trueup_domain::ledger::Ledger;
use trueup_domain::money::Currency;
use trueup_domain::rolling::{KEPT_MINUTES, Rolling, Span};
use trueup_domain::view::view;
use trueup_domain::window::{MINUTE_MS, Minute, Stages, Step, Totals};

const GRACE: Grace = Grace::STANDARD;
const PAID: &str = "payment_intent.succeeded pi_1 1000 eur";
const PENDING: &str = "shop pending 1000 eur version=1";
const MARKED: &str = "shop paid 1000 eur version=2";

fn eur() -> Currency {
    Currency::try_from("eur").unwrap()
}

/// One order, and the minutes it has counted in.
#[derive(Default)]
struct Order {
    ledger: Ledger,
    gaps: GapSet,
    told: i64,
    minutes: BTreeMap<Minute, Totals>,
    right_since: Vec<i64>,
}

impl Order {
    /// A record received at `at` where the partition's clock is `clock`; no line is a timer.
    fn step(&mut self, line: Option<&str>, at: i64, clock: i64) {
        let (view_before, gaps_before) = (view(&self.ledger), self.gaps.clone());
        if let Some(line) = line {
            self.told += 1;
            match said(&format!("evt_{}", self.told), 10 + self.told, line).unwrap() {
                Said::Event(event) => {
                    fold_event(&mut self.ledger, &event, self.told).unwrap();
                }
                Said::Snapshot(snapshot) => {
                    fold_snapshot(&mut self.ledger, &snapshot);
                }
            }
        }
        let after = view(&self.ledger);
        let times = Times { at, clock };
        self.gaps = next_gaps(&self.ledger, &after, &gaps_before, times, GRACE, false);
        let step = Step {
            before: (&view_before, &gaps_before),
            after: (&after, &self.gaps),
            at,
            clock,
        };
        self.right_since.extend(step.right_since());
        for (minute, change) in step.changes() {
            let totals = self.minutes.entry(minute).or_insert(Totals::ZERO);
            totals.add(&change);
        }
    }

    /// Each minute's number with its counts and its money.
    fn counts(&self) -> Vec<(i64, [i128; 3], [i128; 3])> {
        let numbers = |stages: Stages| [stages.succeeded, stages.reconciled, stages.in_gap];
        let minutes = self.minutes.iter();
        let told = minutes.filter(|(_, totals)| !totals.is_zero());
        told.map(|(minute, totals)| {
            let number = minute.start_ms() / MINUTE_MS;
            (
                number,
                numbers(totals.counts),
                numbers(totals.amount(eur())),
            )
        })
        .collect()
    }
}

#[test]
fn a_success_and_its_gap_count_in_the_minute_of_the_receipt_however_late_it_opens_and_closes() {
    let mut order = Order::default();
    order.step(Some(PENDING), 60_000, 60_000);
    order.step(Some(PAID), 125_000, 125_000);
    assert_eq!(order.counts(), [(2, [1, 0, 0], [1000, 0, 0])]);
    order.step(None, 425_000, 425_000);
    assert_eq!(order.counts(), [(2, [1, 0, 1], [1000, 0, 1000])]);
    order.step(Some(MARKED), 7_200_000, 425_000);
    assert_eq!(order.counts(), [(2, [1, 1, 0], [1000, 1000, 0])]);
    assert_eq!(order.right_since, [125_000]);
}

#[test]
fn an_order_that_is_marked_within_its_grace_was_never_in_a_gap() {
    let mut order = Order::default();
    order.step(Some(PENDING), 60_000, 60_000);
    order.step(Some(PAID), 125_000, 125_000);
    order.step(Some(MARKED), 190_000, 125_000);
    assert_eq!(order.counts(), [(2, [1, 1, 0], [1000, 1000, 0])]);
}

#[test]
fn a_success_that_nothing_else_waits_for_is_reconciled_at_once() {
    let mut order = Order::default();
    order.step(Some(PAID), 125_000, 125_000);
    assert_eq!(order.counts(), [(2, [1, 1, 0], [1000, 1000, 0])]);
    assert_eq!(order.right_since, [125_000]);
}

#[test]
fn what_is_told_twice_counts_once() {
    let mut order = Order::default();
    order.step(Some(PAID), 125_000, 125_000);
    order.step(Some(PAID), 190_000, 190_000);
    assert_eq!(order.counts(), [(2, [1, 1, 0], [1000, 1000, 0])]);
}

#[test]
fn a_receipt_that_is_ahead_of_the_clock_counts_in_the_minute_of_the_clock() {
    let mut order = Order::default();
    order.step(Some(PAID), 900_000, 125_000);
    assert_eq!(order.counts(), [(2, [1, 1, 0], [1000, 1000, 0])]);
}

fn one(number: i64) -> Totals {
    let mut totals = Totals::ZERO;
    totals.counts.succeeded = number.into();
    totals.add_amount(
        eur(),
        Stages {
            succeeded: i128::from(number) * 100,
            ..Stages::ZERO
        },
    );
    totals
}

#[test]
fn a_minute_leaves_each_sum_when_its_span_has_passed_and_memory_after_25_hours() {
    let mut rolling = Rolling::default();
    let first = BTreeMap::from([(Minute::of(0), one(1))]);
    rolling.install(rolling.correct(&first, 0));
    let sums = |rolling: &Rolling| Span::ALL.map(|span| rolling.sum(span).counts.succeeded);
    for (minute, expected) in [
        (4, [1, 1, 1]),
        (5, [0, 1, 1]),
        (59, [0, 1, 1]),
        (60, [0, 0, 1]),
        (1_439, [0, 0, 1]),
        (1_440, [0, 0, 0]),
    ] {
        rolling.advance(minute * MINUTE_MS);
        assert_eq!(sums(&rolling), expected, "minute {minute}");
    }
    let none = BTreeMap::new();
    assert!(rolling.correct(&none, KEPT_MINUTES * MINUTE_MS).is_empty());
    let later = rolling.correct(&first, (KEPT_MINUTES + 1) * MINUTE_MS);
    assert_eq!(later, BTreeMap::from([(Minute::of(0), None)]));
    rolling.install(later);
    assert_eq!(rolling.minutes().count(), 0);
}

proptest! {
    /// Kept sums are what adding up all minutes would give, after any corrections and times.
    #[test]
    fn sums_are_what_the_minutes_say(
        steps in proptest::collection::vec((0_i64..3_000, 0_i64..3_000, -3_i64..4), 1..60),
    ) {
        let mut rolling = Rolling::default();
        for (clock, minute, change) in steps {
            rolling.advance(clock * MINUTE_MS);
            let change = BTreeMap::from([(Minute::of(minute * MINUTE_MS), one(change))]);
            let corrections = rolling.correct(&change, rolling.now().start_ms());
            rolling.install(corrections.clone());
            let once = rolling.clone();
            rolling.install(corrections);
            prop_assert_eq!(&rolling, &once);
            for (span, minutes) in Span::ALL.into_iter().zip([5, 60, 1_440]) {
                let first = rolling.now().back(minutes - 1);
                let mut sum = Totals::ZERO;
                for (minute, totals) in rolling.minutes() {
                    if minute >= first {
                        sum.add(totals);
                    }
                }
                prop_assert_eq!(rolling.sum(span), &sum);
            }
        }
    }
}
