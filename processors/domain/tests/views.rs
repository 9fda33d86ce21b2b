//! Which payment leads an order, which statuses payments enter, and what is worth telling.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

#[path = "lifecycles/line.rs"]
mod line;

use line::{Said, said};
use trueup_domain::event::{Event, EventType};
use trueup_domain::fold::{fold_event, fold_snapshot};
use trueup_domain::ids::ObjectId;
use trueup_domain::ledger::Ledger;
use trueup_domain::view::{NamedBy, PaymentStatus, View, entered, publishes, view};

fn view_of(told: &[(i64, &str)]) -> View {
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
    view(&ledger)
}

fn event(line: &str) -> Event {
    match said("evt_1", 10, line).unwrap() {
        Said::Event(event) => event,
        Said::Snapshot(_) => panic!("no event: {line}"),
    }
}

fn leading(view: &View) -> Option<&str> {
    view.leading_payment().map(|payment| payment.id.as_str())
}

#[test]
fn the_earliest_success_leads_else_the_first_that_was_seen() {
    let attempts = [
        (20, "payment_intent.created pi_1 1000 eur"),
        (10, "payment_intent.payment_failed pi_2 1000 eur"),
    ];
    assert_eq!(leading(&view_of(&[])), None);
    assert_eq!(leading(&view_of(&attempts)), Some("pi_2"));
    let later = (40, "payment_intent.succeeded pi_3 1000 eur");
    let earlier = (30, "payment_intent.succeeded pi_4 1000 eur");
    assert_eq!(
        leading(&view_of(&[attempts[0], attempts[1], later])),
        Some("pi_3")
    );
    assert_eq!(
        leading(&view_of(&[attempts[0], attempts[1], later, earlier])),
        Some("pi_4")
    );
}

#[test]
fn of_payments_of_one_second_the_lesser_id_leads() {
    let told = [
        (10, "payment_intent.succeeded pi_b 1000 eur"),
        (10, "payment_intent.succeeded pi_a 1000 eur"),
    ];
    assert_eq!(leading(&view_of(&told)), Some("pi_a"));
}

#[test]
fn a_success_in_the_orders_currency_leads_before_an_earlier_one_in_another() {
    let told = [
        (10, "payment_intent.succeeded pi_1 1100 usd"),
        (20, "payment_intent.succeeded pi_2 1000 eur"),
        (30, "shop pending 1000 eur version=1"),
    ];
    assert_eq!(leading(&view_of(&told[..2])), Some("pi_1"));
    assert_eq!(leading(&view_of(&told)), Some("pi_2"));
    assert_eq!(leading(&view_of(&[told[0], told[2]])), Some("pi_1"));
    assert_eq!(view_of(&told[..2]).succeeded_at(), Some(10));
    assert_eq!(view_of(&told).succeeded_at(), Some(20));
}

#[test]
fn a_payment_shows_the_session_that_came_furthest() {
    let told = [
        (10, "payment_intent.succeeded pi_1 1000 eur"),
        (
            11,
            "checkout.session.expired cs_1 1000 eur unpaid payment=pi_1",
        ),
        (
            12,
            "checkout.session.completed cs_2 1000 eur paid payment=pi_1",
        ),
        (
            13,
            "checkout.session.completed cs_3 1000 eur paid payment=pi_1",
        ),
    ];
    let view = view_of(&told);
    let session = view.payments[0].session.as_ref().map(ObjectId::as_str);
    assert_eq!((view.payments.len(), session), (1, Some("cs_2")));
}

#[test]
fn two_sessions_of_a_silent_payment_are_one_payment() {
    let told = [
        (
            11,
            "checkout.session.completed cs_1 1000 eur unpaid payment=pi_1",
        ),
        (
            12,
            "checkout.session.completed cs_2 1000 eur paid payment=pi_1",
        ),
    ];
    let view = view_of(&told);
    assert_eq!((view.payments.len(), view.received), (1, 1000));
    assert_eq!(
        view.payments[0].session.as_ref().map(ObjectId::as_str),
        Some("cs_2")
    );
    assert_eq!(
        (view.payments[0].first_seen, view.payments[0].succeeded_at),
        (11, Some(12))
    );
}

#[test]
fn of_two_paid_sessions_the_earlier_payment_tells_when_the_money_came() {
    let told = [
        (
            10,
            "checkout.session.completed cs_1 1000 eur unpaid payment=pi_1",
        ),
        (
            12,
            "checkout.session.completed cs_2 1000 eur paid payment=pi_1",
        ),
        (
            20,
            "checkout.session.async_payment_succeeded cs_1 1000 eur paid payment=pi_1",
        ),
    ];
    let view = view_of(&told);
    assert_eq!(
        view.payments[0].session.as_ref().map(ObjectId::as_str),
        Some("cs_1")
    );
    assert_eq!(view.succeeded_at(), Some(12));
}

#[test]
fn a_charge_tells_when_its_payment_began_and_succeeded_if_it_was_earlier() {
    let charge = (
        9,
        "charge.succeeded ch_1 1000 eur captured=1000 payment=pi_1",
    );
    let own = (11, "payment_intent.succeeded pi_1 1000 eur");
    for told in [[charge, own], [own, charge]] {
        let payment = &view_of(&told).payments[0];
        assert_eq!((payment.first_seen, payment.succeeded_at), (9, Some(9)));
    }
}

#[test]
fn only_a_payment_that_told_its_id_has_one() {
    let named = |line| {
        let view = view_of(&[(10, line)]);
        let payment = view.leading_payment().unwrap();
        (
            payment.named_by,
            payment.intent().map(|id| id.as_str().to_owned()),
        )
    };
    let pi_1 = || Some("pi_1".to_owned());
    assert_eq!(
        named("payment_intent.created pi_1 1000 eur"),
        (NamedBy::Payment, pi_1())
    );
    assert_eq!(
        named("charge.succeeded ch_1 1000 eur captured=1000 payment=pi_1"),
        (NamedBy::Payment, pi_1())
    );
    assert_eq!(
        named("charge.succeeded ch_1 1000 eur captured=1000"),
        (NamedBy::Charge, None)
    );
    assert_eq!(
        named("checkout.session.completed cs_1 1000 eur paid payment=pi_1"),
        (NamedBy::Payment, pi_1())
    );
    assert_eq!(
        named("checkout.session.completed cs_1 1000 eur paid"),
        (NamedBy::Session, None)
    );
}

#[test]
fn each_step_of_a_payment_has_one_of_the_five_words() {
    let of = |kind: &str| {
        let line = format!("{kind} pi_1 1000 eur");
        view_of(&[(10, &line)]).payments[0].status
    };
    assert_eq!(of("payment_intent.created"), PaymentStatus::Pending);
    assert_eq!(of("payment_intent.requires_action"), PaymentStatus::Pending);
    assert_eq!(of("payment_intent.processing"), PaymentStatus::Processing);
    assert_eq!(
        of("payment_intent.partially_funded"),
        PaymentStatus::Processing
    );
    assert_eq!(
        of("payment_intent.amount_capturable_updated"),
        PaymentStatus::Processing
    );
    assert_eq!(of("payment_intent.payment_failed"), PaymentStatus::Failed);
    assert_eq!(of("payment_intent.canceled"), PaymentStatus::Canceled);
    assert_eq!(of("payment_intent.succeeded"), PaymentStatus::Succeeded);
}

#[test]
fn a_payment_enters_a_status_once() {
    let created = view_of(&[(10, "payment_intent.created pi_1 1000 eur")]);
    assert_eq!(entered(&view_of(&[]), &created), [PaymentStatus::Pending]);
    let action = view_of(&[
        (10, "payment_intent.created pi_1 1000 eur"),
        (11, "payment_intent.requires_action pi_1 1000 eur"),
    ]);
    assert_eq!(entered(&created, &action), []);
    let paid = view_of(&[(12, "payment_intent.succeeded pi_1 1000 eur")]);
    assert_eq!(entered(&action, &paid), [PaymentStatus::Succeeded]);
    assert_eq!(entered(&paid, &paid), []);
}

#[test]
fn a_payment_that_only_got_its_name_enters_nothing() {
    let session = (10, "checkout.session.completed cs_1 1000 eur paid");
    let unnamed = view_of(&[session]);
    let named = view_of(&[
        session,
        (
            11,
            "checkout.session.async_payment_succeeded cs_1 1000 eur paid payment=pi_1",
        ),
    ]);
    assert_eq!(
        (leading(&unnamed), leading(&named)),
        (Some("cs_1"), Some("pi_1"))
    );
    assert_eq!(entered(&unnamed, &named), []);
}

#[test]
fn a_change_of_money_is_told_and_one_of_the_price_alone_is_not() {
    let part = (
        10,
        "payment_intent.partially_funded pi_1 1000 eur received=400",
    );
    let before = view_of(&[part]);
    let more = view_of(&[
        part,
        (
            20,
            "payment_intent.partially_funded pi_1 1000 eur received=500",
        ),
    ]);
    assert_eq!(before.status, more.status);
    assert!(publishes(&before, &more));
    let dearer = view_of(&[part, (20, "shop pending 2000 eur version=1")]);
    assert_ne!(before.due, dearer.due);
    assert!(!publishes(&before, &dearer));
}

#[test]
fn facts_name_the_payment_and_the_session_they_speak_of() {
    let named = |line: &str| {
        let facts = event(line).facts;
        let text = |id: Option<&ObjectId>| id.map(|id| id.as_str().to_owned());
        (text(facts.payment_id()), text(facts.session_id()))
    };
    let some = |id: &str| Some(id.to_owned());
    assert_eq!(
        named("payment_intent.created pi_1 1 eur"),
        (some("pi_1"), None)
    );
    assert_eq!(
        named("checkout.session.completed cs_1 1 eur paid payment=pi_1"),
        (some("pi_1"), some("cs_1"))
    );
    assert_eq!(
        named("charge.updated ch_1 1 eur payment=pi_1"),
        (some("pi_1"), None)
    );
    assert_eq!(
        named("refund.created re_1 1 eur failed charge=ch_1"),
        (None, None)
    );
    assert_eq!(
        named("charge.dispute.created dp_1 1 eur lost payment=pi_1"),
        (some("pi_1"), None)
    );
}

#[test]
fn every_type_is_found_by_its_name() {
    for kind in EventType::ALL {
        assert_eq!(EventType::from_name(kind.as_str()), Some(*kind));
    }
    assert_eq!(EventType::from_name("payout.paid"), None);
}

#[test]
fn an_order_is_live_once_any_of_its_events_is() {
    let told = |livemodes: &[Option<bool>]| {
        let mut ledger = Ledger::default();
        for (livemode, number) in livemodes.iter().zip(0..) {
            let event = Event {
                livemode: *livemode,
                ..event("payment_intent.created pi_1 1 eur")
            };
            fold_event(&mut ledger, &event, number).unwrap();
        }
        ledger.livemode
    };
    assert_eq!(told(&[None]), None);
    assert_eq!(told(&[Some(false), None]), Some(false));
    assert_eq!(told(&[None, Some(true), Some(false)]), Some(true));
}
