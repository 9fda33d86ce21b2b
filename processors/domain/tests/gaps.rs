//! When a paid order counts as one that its shop did not mark, and what every gap has in common.
//! The other kinds are in the tables beside.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "lifecycles/line.rs"]
mod line;

use line::{Said, said};
use trueup_domain::fold::{fold_event, fold_snapshot};
use trueup_domain::gap::{Gap, GapKind, GapSet, GapStatus, Grace, Times, next_gaps};
use trueup_domain::ids::ObjectId;
use trueup_domain::ledger::Ledger;
use trueup_domain::money::Currency;
use trueup_domain::view::view;

const GRACE: Grace = Grace::STANDARD;
const AT_60_S: Times = Times {
    at: 60_000,
    clock: 60_000,
};
const PAID: (i64, &str) = (10, "payment_intent.succeeded pi_1 1000 eur");

fn ledger_of(told: &[(i64, &str)]) -> Ledger {
    let mut ledger = Ledger::default();
    for ((at_s, line), number) in told.iter().zip(0..) {
        match said(&format!("evt_{number}"), *at_s, line).unwrap() {
            Said::Event(event) => {
                fold_event(&mut ledger, &event, number).unwrap();
            }
            Said::Snapshot(snapshot) => {
                fold_snapshot(&mut ledger, &snapshot);
            }
        }
    }
    ledger
}

/// The gaps of this kind of what was told, known at `at`, read at `clock`.
fn gaps(told: &[(i64, &str)], before: &GapSet, at: i64, clock: i64) -> GapSet {
    let ledger = ledger_of(told);
    let times = Times { at, clock };
    let mut set = next_gaps(&ledger, &view(&ledger), before, times, GRACE, false);
    set.gaps.retain(|gap| gap.kind == GapKind::PaidNotMarked);
    set
}

fn first(told: &[(i64, &str)]) -> GapSet {
    gaps(told, &GapSet::default(), 50_000, 50_000)
}

#[test]
fn a_paid_order_that_its_shop_says_is_pending_awaits_its_grace() {
    let found = first(&[PAID, (20, "shop pending 1000 eur version=1")]);
    let expected = Gap {
        kind: GapKind::PaidNotMarked,
        status: GapStatus::Awaiting,
        amount: 1000,
        currency: Currency::try_from("eur").unwrap(),
        payment: Some("pi_1".try_into().unwrap()),
        unpaid: true,
        since: 50_000,
        deadline: 350_000,
    };
    assert_eq!(found.gaps, [expected]);
    assert_eq!(found.next_deadline(), Some(350_000));
}

#[test]
fn a_gap_opens_at_its_deadline_and_not_a_millisecond_before() {
    let told = [PAID, (20, "shop pending 1000 eur version=1")];
    let awaiting = first(&told);
    let before = gaps(&told, &awaiting, 349_999, 349_999);
    assert_eq!(before, awaiting);
    let open = gaps(&told, &before, 350_000, 350_000);
    assert_eq!(open.gaps[0].status, GapStatus::Open);
    assert_eq!(
        (open.gaps[0].since, open.gaps[0].deadline),
        (50_000, 350_000)
    );
    assert_eq!(open.next_deadline(), None);
}

#[test]
fn an_open_gap_stays_open_when_the_clock_falls_back() {
    let told = [PAID, (20, "shop pending 1000 eur version=1")];
    let open = gaps(&told, &first(&told), 350_000, 350_000);
    assert_eq!(gaps(&told, &open, 1_000, 1_000), open);
}

#[test]
fn a_gap_keeps_its_start_and_takes_the_new_amount_while_it_lasts() {
    let before = first(&[PAID, (20, "shop pending 1000 eur version=1")]);
    let told = [
        PAID,
        (20, "shop pending 1000 eur version=1"),
        (15, "payment_intent.succeeded pi_2 500 eur"),
        (30, "shop pending 1200 eur version=2"),
    ];
    let after = gaps(&told, &before, 90_000, 90_000);
    assert_eq!(after.gaps[0].amount, 1500);
    assert_eq!(
        (after.gaps[0].since, after.gaps[0].deadline),
        (50_000, 350_000)
    );
}

#[test]
fn a_gap_closes_when_the_shop_marks_the_order_and_a_new_one_starts_anew() {
    let pending = [PAID, (20, "shop pending 1000 eur version=1")];
    let open = gaps(&pending, &first(&pending), 350_000, 350_000);
    let marked = [PAID, (30, "shop paid 1000 eur version=2")];
    let closed = gaps(&marked, &open, 400_000, 400_000);
    assert!(closed.is_empty());
    let again = gaps(
        &[PAID, (40, "shop pending 1000 eur version=3")],
        &closed,
        500_000,
        500_000,
    );
    assert_eq!(
        (again.gaps[0].status, again.gaps[0].since),
        (GapStatus::Awaiting, 500_000)
    );
}

#[test]
fn a_gap_closes_when_the_money_goes_back() {
    let pending = [PAID, (20, "shop pending 1000 eur version=1")];
    let refunded = [
        pending[0],
        pending[1],
        (30, "refund.created re_1 1000 eur pending payment=pi_1"),
    ];
    assert!(gaps(&refunded, &first(&pending), 90_000, 90_000).is_empty());
}

#[test]
fn a_shop_that_says_nothing_has_no_gap() {
    assert!(first(&[PAID]).is_empty());
}

#[test]
fn an_order_that_is_not_paid_has_no_gap() {
    assert!(first(&[(20, "shop pending 1000 eur version=1")]).is_empty());
    assert!(first(&[PAID, (20, "shop pending 1200 eur version=1")]).is_empty());
}

#[test]
fn an_order_canceled_after_its_success_is_a_gap_and_one_canceled_before_is_another_kind() {
    let canceled_at = |at_s| first(&[PAID, (at_s, "shop canceled 1000 eur version=1")]);
    assert_eq!(canceled_at(11).gaps.len(), 1);
    assert!(canceled_at(10).is_empty());
    assert!(canceled_at(9).is_empty());
}

#[test]
fn the_earliest_success_decides_whether_a_cancellation_was_later() {
    let told = [
        (30, "payment_intent.succeeded pi_2 1000 eur"),
        PAID,
        (20, "shop canceled 1000 eur version=1"),
    ];
    assert_eq!(first(&told).gaps.len(), 1);
}

#[test]
fn money_of_another_currency_neither_decides_whether_a_cancellation_was_later_nor_is_named() {
    let told = [
        (10, "payment_intent.succeeded pi_2 1100 usd"),
        (20, "shop canceled 1000 eur version=1"),
        (30, "payment_intent.succeeded pi_1 1000 eur"),
    ];
    assert!(first(&told).is_empty());
    let later = [told[0], told[2], (31, "shop canceled 1000 eur version=2")];
    let found = first(&later);
    assert_eq!(
        found.gaps[0].payment.as_ref().map(ObjectId::as_str),
        Some("pi_1")
    );
    assert_eq!(found.gaps[0].amount, 1000);
}

#[test]
fn a_success_that_only_a_charge_or_a_session_proves_is_one_to_mark() {
    for line in [
        "charge.captured ch_1 1000 eur captured=1000 payment=pi_1",
        "checkout.session.completed cs_1 1000 eur paid payment=pi_1",
    ] {
        let told = |shop| [(10, line), shop];
        let pending = first(&told((5, "shop pending 1000 eur version=1")));
        let payment = pending.gaps[0].payment.as_ref().map(ObjectId::as_str);
        assert_eq!((pending.gaps[0].amount, payment), (1000, Some("pi_1")));
        assert_eq!(
            first(&told((11, "shop canceled 1000 eur version=1")))
                .gaps
                .len(),
            1
        );
        assert!(first(&told((9, "shop canceled 1000 eur version=1"))).is_empty());
    }
}

#[test]
fn a_gap_closes_when_the_order_is_disputed_and_comes_back_when_the_dispute_is_won() {
    let pending = [PAID, (20, "shop pending 1000 eur version=1")];
    let dispute = (30, "charge.dispute.created dp_1 1000 eur needs_response");
    let disputed = [pending[0], pending[1], dispute];
    let closed = gaps(&disputed, &first(&pending), 60_000, 60_000);
    assert!(closed.is_empty());
    let won = (40, "charge.dispute.closed dp_1 1000 eur won");
    let again = gaps(
        &[pending[0], pending[1], dispute, won],
        &closed,
        70_000,
        70_000,
    );
    assert_eq!(
        (again.gaps[0].status, again.gaps[0].since),
        (GapStatus::Awaiting, 70_000)
    );
}

#[test]
fn a_gap_closes_when_the_shop_says_that_more_is_due_or_that_it_gave_the_money_back() {
    let pending = [PAID, (20, "shop pending 1000 eur version=1")];
    let open = gaps(&pending, &first(&pending), 350_000, 350_000);
    for shop in [
        "shop pending 1200 eur version=2",
        "shop refunded 1000 eur version=2",
        "shop paid 1000 eur version=2",
    ] {
        let told = [pending[0], pending[1], (30, shop)];
        assert!(gaps(&told, &open, 360_000, 360_000).is_empty(), "{shop}");
    }
}

#[test]
fn a_gap_whose_record_was_received_long_ago_opens_at_once() {
    // A snapshot's receipt is its own `updated_at`; the clock stands where the log was read to.
    let told = [PAID, (20, "shop pending 1000 eur version=1")];
    let found = gaps(&told, &GapSet::default(), 20_000, 320_000);
    assert_eq!(
        (
            found.gaps[0].status,
            found.gaps[0].since,
            found.gaps[0].deadline
        ),
        (GapStatus::Open, 20_000, 320_000)
    );
    let sooner = gaps(&told, &GapSet::default(), 20_000, 319_999);
    assert_eq!(sooner.gaps[0].status, GapStatus::Awaiting);
}

#[test]
fn a_grace_that_is_set_anew_leaves_deadlines_that_were_told() {
    let told = [PAID, (20, "shop pending 1000 eur version=1")];
    let ledger = ledger_of(&told);
    let before = first(&told);
    let none = Grace::of_all(0);
    let found = next_gaps(&ledger, &view(&ledger), &before, AT_60_S, none, false);
    assert_eq!(found, before);
}

#[test]
fn a_free_order_is_marked_too_or_it_is_a_gap_of_nothing() {
    let free = (
        10,
        "checkout.session.completed cs_1 0 eur no_payment_required",
    );
    let found = first(&[free, (20, "shop pending 0 eur version=1")]);
    assert_eq!(
        (found.gaps[0].amount, found.gaps[0].payment.as_ref()),
        (0, None)
    );
    assert!(first(&[free, (20, "shop canceled 0 eur version=1")]).is_empty());
}

#[test]
fn a_gap_names_the_payment_that_brought_the_money_and_none_that_did_not() {
    let shop = (20, "shop pending 1000 eur version=1");
    let named = |told: &[(i64, &str)]| {
        let found = first(told);
        let payment = found.gaps[0].payment.as_ref();
        payment.map(|id| id.as_str().to_owned())
    };
    let failed = (5, "payment_intent.payment_failed pi_1 1000 eur");
    let parts = (
        10,
        "payment_intent.partially_funded pi_2 1000 eur received=1000",
    );
    assert_eq!(named(&[failed, parts, shop]), Some("pi_2".to_owned()));
    let free = (
        10,
        "checkout.session.completed cs_1 0 eur no_payment_required",
    );
    let costs_nothing = (20, "shop pending 0 eur version=1");
    assert_eq!(named(&[failed, free, costs_nothing]), None);
}

#[test]
fn a_charge_that_stands_for_a_payment_is_not_named_as_one() {
    let charge = (10, "charge.succeeded ch_1 1000 eur captured=1000");
    let found = first(&[charge, (20, "shop pending 1000 eur version=1")]);
    assert_eq!(found.gaps[0].payment, None);
}

#[test]
fn without_a_grace_a_gap_is_open_at_once() {
    let ledger = ledger_of(&[PAID, (20, "shop pending 1000 eur version=1")]);
    let none = Grace::of_all(0);
    let found = next_gaps(
        &ledger,
        &view(&ledger),
        &GapSet::default(),
        AT_60_S,
        none,
        false,
    );
    assert_eq!(found.gaps[0].status, GapStatus::Open);
}

#[test]
fn disputes_and_what_is_refused_have_no_grace_and_what_is_processing_has_two_weeks() {
    let minutes = |kind: GapKind| GRACE.of(kind) / 60_000;
    let waits: Vec<i64> = GapKind::ALL.iter().map(|kind| minutes(*kind)).collect();
    let two_weeks = 14 * 24 * 60;
    assert_eq!(waits, [5, 5, 5, 5, 5, 5, 5, 5, 0, 0, two_weeks, 0, 0, 0]);
    // One grace for all, but what is unlinked has waited for its age.
    let of_all = Grace::of_all(7);
    let others = GapKind::ALL
        .iter()
        .filter(|kind| **kind != GapKind::Unlinked);
    assert!(others.clone().all(|kind| of_all.of(*kind) == 7));
    assert_eq!(of_all.of(GapKind::Unlinked), 0);
}

#[test]
fn a_gap_that_opens_while_another_closes_is_one_more() {
    let gap = |kind, payment: &str, status| Gap {
        kind,
        status,
        amount: 1,
        currency: Currency::try_from("eur").unwrap(),
        payment: Some(payment.try_into().unwrap()),
        unpaid: false,
        since: 0,
        deadline: 0,
    };
    let set = |gaps: &[&Gap]| GapSet {
        gaps: gaps.iter().map(|gap| (*gap).clone()).collect(),
    };
    let open = |kind, payment| gap(kind, payment, GapStatus::Open);
    let first = open(GapKind::DisputeOpen, "pi_1");
    let second = open(GapKind::DisputeLost, "pi_1");
    let waits = gap(GapKind::DisputeLost, "pi_1", GapStatus::Awaiting);
    let none = set(&[]);
    assert_eq!(set(&[&second]).newly_open(&set(&[&first])).count(), 1);
    assert_eq!(none.newly_open(&set(&[&first])).count(), 0);
    assert_eq!(set(&[&second]).newly_open(&set(&[&second])).count(), 0);
    assert_eq!(set(&[&second]).newly_open(&set(&[&waits])).count(), 1);
    assert_eq!(set(&[&waits]).newly_open(&none).count(), 0);
    // Two disputes of one payment are two.
    let twice = set(&[&first, &first]);
    let once = set(&[&first]);
    assert_eq!(
        (
            twice.newly_open(&none).count(),
            twice.newly_open(&once).count()
        ),
        (2, 1)
    );
}

#[test]
fn every_kind_has_a_word_of_its_own() {
    let words: std::collections::BTreeSet<&str> =
        GapKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!((words.len(), GapKind::ALL.len()), (14, 14));
    assert!(words.contains("paid_not_marked"));
}
