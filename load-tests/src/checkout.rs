//! The Checkout track: sessions that are paid at once, later, never, or need no payment, with
//! and without the events of the PaymentIntent behind them.

use serde_json::Value;

use crate::scenario::{Ending, fail, succeed};
use crate::teller::{Payment, Session, Teller};

const COMPLETED: &str = "checkout.session.completed";

pub(crate) fn track(teller: &mut Teller, amount: i64, currency: &'static str) -> Ending {
    let payment = teller.payment(amount, currency);
    let session = teller.session_of(&payment);
    match teller.random.below(100) {
        0..=39 => {
            if teller.random.percent(20) {
                fail(teller, &payment);
            }
            let ending = succeed(teller, payment, true);
            teller.pass(2);
            teller.session(COMPLETED, &session, "complete", "paid");
            ending
        }
        40..=49 => {
            teller.session(COMPLETED, &session, "complete", "paid");
            Ending::Paid {
                payment,
                received: amount,
            }
        }
        50..=69 => paid_later(teller, payment, &session),
        70..=79 => failed_later(teller, &payment, &session),
        80..=88 => expired(teller, payment, session),
        89..=93 => {
            let free = Session {
                payment: None,
                amount: 0,
                ..session
            };
            teller.session(COMPLETED, &free, "complete", "no_payment_required");
            Ending::Unpaid
        }
        94..=96 => {
            subscription(teller, &session);
            Ending::Unpaid
        }
        _ => {
            teller.session(COMPLETED, &session, "complete", "unpaid");
            Ending::Unpaid
        }
    }
}

fn paid_later(teller: &mut Teller, payment: Payment, session: &Session) -> Ending {
    let with_intent = teller.random.percent(60);
    teller.session(COMPLETED, session, "complete", "unpaid");
    if with_intent {
        teller.intent("payment_intent.processing", &payment, "processing", 0);
    }
    teller.pass(300_000);
    teller.session(
        "checkout.session.async_payment_succeeded",
        session,
        "complete",
        "paid",
    );
    if with_intent {
        return succeed(teller, payment, false);
    }
    let received = payment.amount;
    Ending::Paid { payment, received }
}

fn failed_later(teller: &mut Teller, payment: &Payment, session: &Session) -> Ending {
    let with_intent = teller.random.percent(50);
    teller.session(COMPLETED, session, "complete", "unpaid");
    if with_intent {
        teller.intent("payment_intent.processing", payment, "processing", 0);
    }
    teller.pass(300_000);
    teller.session(
        "checkout.session.async_payment_failed",
        session,
        "complete",
        "unpaid",
    );
    if with_intent {
        fail(teller, payment);
    }
    Ending::Unpaid
}

/// The session runs out; some customers come back to a new one.
fn expired(teller: &mut Teller, payment: Payment, session: Session) -> Ending {
    teller.clock += 86_400;
    let abandoned = Session {
        payment: None,
        ..session
    };
    teller.session("checkout.session.expired", &abandoned, "expired", "unpaid");
    if teller.random.percent(40) {
        teller.clock += 3_600;
        let again = teller.session_of(&payment);
        teller.session(COMPLETED, &again, "complete", "paid");
        let received = payment.amount;
        return Ending::Paid { payment, received };
    }
    Ending::Canceled
}

/// A session that starts a subscription: no order of ours.
fn subscription(teller: &mut Teller, session: &Session) {
    teller.session(COMPLETED, session, "complete", "paid");
    if let Some(event) = teller.events.last_mut() {
        event.fields.insert("mode".into(), "subscription".into());
        event.fields.insert("payment_intent".into(), Value::Null);
    }
}
