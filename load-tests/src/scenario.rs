//! What happens to orders in a shop: payments by PaymentIntent and by Checkout, failures,
//! captures, refunds, disputes, in the shares a shop would call lively.

use crate::random::Random;
use crate::story::Story;
use crate::teller::{Payment, Reference, Teller};
use crate::{checkout, returns, shop};

/// Orders of a run begin here and follow one another; a constant, so that bytes repeat.
const FIRST_CREATED_S: i64 = 1_782_000_000;
const SECONDS_BETWEEN_ORDERS: i64 = 7;

/// How the payment part of a story ended.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    /// Money came in by this payment; `received` of it.
    Paid {
        payment: Payment,
        received: i64,
    },
    Unpaid,
    Canceled,
}

/// The story of order number `number` in the stream of `seed`.
#[must_use]
pub fn story(seed: u64, number: u64) -> Story {
    let mut random = Random::fork(seed, number);
    let foreign = random.percent(1);
    let offset = i64::try_from(number)
        .unwrap_or(0)
        .saturating_mul(SECONDS_BETWEEN_ORDERS);
    let mut teller = Teller {
        order_id: order_id(&mut random, number),
        reference: if foreign {
            Reference::Nothing
        } else {
            Reference::Metadata
        },
        clock: FIRST_CREATED_S.saturating_add(offset),
        events: Vec::new(),
        random,
    };
    let currency = currency(&mut teller.random);
    let amount = amount(&mut teller.random);
    let begun_s = teller.clock;
    let ending = if teller.random.percent(60) {
        intent_track(&mut teller, amount, currency)
    } else {
        checkout::track(&mut teller, amount, currency)
    };
    let paid_s = teller.clock;
    let refunded = match &ending {
        Ending::Paid { payment, received } => returns::after(&mut teller, payment, *received),
        Ending::Unpaid | Ending::Canceled => false,
    };
    noise(&mut teller);
    let snapshots = if foreign {
        Vec::new()
    } else {
        let times = shop::Times { begun_s, paid_s };
        shop::snapshots(&mut teller, &ending, amount, currency, refunded, times)
    };
    Story {
        order_id: (!foreign).then_some(teller.order_id),
        events: teller.events,
        snapshots,
    }
}

fn order_id(random: &mut Random, number: u64) -> String {
    match random.below(40) {
        0 => format!("Bestellung № {number} \u{1F6D2}"),
        1 => format!("b\"q\\{number}/ü"),
        2 => format!("{number}-{}", "x".repeat(150)),
        3..=9 => format!("{}-{}-{number}", random.token(8), random.token(4)),
        _ => format!("order-{number:08}"),
    }
}

fn currency(random: &mut Random) -> &'static str {
    match random.below(20) {
        0 => "jpy",
        1 => "krw",
        2 => "kwd",
        3..=5 => "gbp",
        6..=10 => "usd",
        _ => "eur",
    }
}

fn amount(random: &mut Random) -> i64 {
    match random.below(50) {
        0 => random.between(1, 49),
        1 => random.between(10_000_000, 99_999_999),
        2..=20 => random.between(50, 2_000),
        _ => random.between(2_001, 60_000),
    }
}

fn noise(teller: &mut Teller) {
    const TYPES: &[&str] = &[
        "customer.updated",
        "payment_method.attached",
        "radar.early_fraud_warning.created",
        "payout.reconciliation_completed",
        "charge.pending",
        "invoice.paid",
    ];
    if teller.random.percent(15)
        && let Some(event_type) = teller.random.pick(TYPES).copied()
    {
        teller.noise(event_type);
    }
}

fn intent_track(teller: &mut Teller, amount: i64, currency: &'static str) -> Ending {
    let payment = teller.payment(amount, currency);
    match teller.random.below(100) {
        0..=37 => succeed(teller, payment, true),
        38..=49 => {
            teller.intent(
                "payment_intent.created",
                &payment,
                "requires_payment_method",
                0,
            );
            for _ in 0..teller.random.between(1, 3) {
                fail(teller, &payment);
            }
            succeed(teller, payment, false)
        }
        50..=57 => delayed(teller, payment),
        58..=65 => captured_later(teller, payment),
        66..=68 => {
            teller.intent(
                "payment_intent.created",
                &payment,
                "requires_payment_method",
                0,
            );
            teller.pass(60);
            authorise(teller, &payment);
            teller.pass(80_000);
            teller.intent("payment_intent.canceled", &payment, "canceled", 0);
            Ending::Canceled
        }
        69..=73 => {
            teller.intent(
                "payment_intent.created",
                &payment,
                "requires_payment_method",
                0,
            );
            if teller.random.percent(50) {
                fail(teller, &payment);
            }
            teller.pass(80_000);
            teller.intent("payment_intent.canceled", &payment, "canceled", 0);
            Ending::Canceled
        }
        74..=77 => funded_in_parts(teller, payment),
        78..=82 => {
            teller.intent(
                "payment_intent.created",
                &payment,
                "requires_payment_method",
                0,
            );
            for _ in 0..teller.random.between(1, 4) {
                fail(teller, &payment);
            }
            Ending::Unpaid
        }
        83..=88 => second_payment(teller, payment),
        89..=92 => charge_alone(teller, payment),
        93..=96 => by_order_reference(teller, payment),
        _ => {
            teller.intent(
                "payment_intent.created",
                &payment,
                "requires_payment_method",
                0,
            );
            Ending::Unpaid
        }
    }
}

pub(crate) fn succeed(teller: &mut Teller, payment: Payment, begin: bool) -> Ending {
    if begin {
        teller.intent(
            "payment_intent.created",
            &payment,
            "requires_payment_method",
            0,
        );
    }
    if teller.random.percent(30) {
        teller.pass(30);
        teller.intent(
            "payment_intent.requires_action",
            &payment,
            "requires_action",
            0,
        );
    }
    teller.pass(120);
    let received = payment.amount;
    teller.charge("charge.succeeded", &payment, "succeeded", received, 0);
    teller.intent("payment_intent.succeeded", &payment, "succeeded", received);
    if teller.random.percent(60) {
        teller.pass(3);
        teller.charge("charge.updated", &payment, "succeeded", received, 0);
    }
    Ending::Paid { payment, received }
}

pub(crate) fn fail(teller: &mut Teller, payment: &Payment) {
    teller.pass(40);
    if teller.random.percent(70) {
        // Each attempt makes a charge of its own.
        let attempt = Payment {
            charge: teller.payment(0, "eur").charge,
            ..payment.clone()
        };
        teller.charge("charge.failed", &attempt, "failed", 0, 0);
    }
    teller.intent(
        "payment_intent.payment_failed",
        payment,
        "requires_payment_method",
        0,
    );
}

fn authorise(teller: &mut Teller, payment: &Payment) {
    teller.intent(
        "payment_intent.amount_capturable_updated",
        payment,
        "requires_capture",
        0,
    );
    teller.charge("charge.succeeded", payment, "succeeded", 0, 0);
}

fn delayed(teller: &mut Teller, payment: Payment) -> Ending {
    teller.intent(
        "payment_intent.created",
        &payment,
        "requires_payment_method",
        0,
    );
    teller.pass(20);
    teller.intent("payment_intent.processing", &payment, "processing", 0);
    teller.pass(200_000);
    match teller.random.below(10) {
        0..=5 => succeed(teller, payment, false),
        6..=7 => {
            fail(teller, &payment);
            Ending::Unpaid
        }
        _ => Ending::Unpaid,
    }
}

fn captured_later(teller: &mut Teller, payment: Payment) -> Ending {
    teller.intent(
        "payment_intent.created",
        &payment,
        "requires_payment_method",
        0,
    );
    teller.pass(30);
    authorise(teller, &payment);
    teller.pass(90_000);
    let part = teller.random.percent(25) && payment.amount > 1;
    let received = if part {
        payment.amount / 2
    } else {
        payment.amount
    };
    teller.charge("charge.captured", &payment, "succeeded", received, 0);
    teller.intent("payment_intent.succeeded", &payment, "succeeded", received);
    Ending::Paid { payment, received }
}

fn funded_in_parts(teller: &mut Teller, payment: Payment) -> Ending {
    teller.intent(
        "payment_intent.created",
        &payment,
        "requires_payment_method",
        0,
    );
    teller.pass(90_000);
    let part = (payment.amount / 3).max(1);
    teller.intent(
        "payment_intent.partially_funded",
        &payment,
        "requires_action",
        part,
    );
    if teller.random.percent(60) {
        teller.pass(90_000);
        let received = payment.amount;
        teller.intent("payment_intent.succeeded", &payment, "succeeded", received);
        return Ending::Paid { payment, received };
    }
    Ending::Unpaid
}

/// The customer tries again with another PaymentIntent: after a failure, twice by mistake, or
/// in another currency.
fn second_payment(teller: &mut Teller, first: Payment) -> Ending {
    let amount = first.amount;
    let currency = first.currency;
    match teller.random.below(3) {
        0 => {
            teller.intent(
                "payment_intent.created",
                &first,
                "requires_payment_method",
                0,
            );
            fail(teller, &first);
            teller.intent("payment_intent.canceled", &first, "canceled", 0);
        }
        1 => {
            succeed(teller, first, true);
        }
        _ => {
            let elsewhere = Payment {
                currency: if currency == "chf" { "eur" } else { "chf" },
                ..first
            };
            succeed(teller, elsewhere, true);
        }
    }
    teller.clock += 600;
    let second = teller.payment(amount, currency);
    succeed(teller, second, true)
}

/// An endpoint that asks for charges only.
fn charge_alone(teller: &mut Teller, payment: Payment) -> Ending {
    let received = payment.amount;
    teller.charge("charge.succeeded", &payment, "succeeded", received, 0);
    Ending::Paid { payment, received }
}

/// The order is named in `payment_details` only, and charges inherit no name from there, so
/// this shop's endpoint asks for none.
fn by_order_reference(teller: &mut Teller, payment: Payment) -> Ending {
    if teller.reference == Reference::Metadata {
        teller.reference = Reference::PaymentDetails;
    }
    teller.intent(
        "payment_intent.created",
        &payment,
        "requires_payment_method",
        0,
    );
    teller.pass(60);
    let received = payment.amount;
    teller.intent("payment_intent.succeeded", &payment, "succeeded", received);
    Ending::Paid { payment, received }
}
