//! Money that goes back: refunds (whole, in parts, failed, canceled, told by the charge alone)
//! and disputes (open, won, lost, mere inquiries).

use crate::teller::{Payment, Teller};

const CREATED: &str = "refund.created";

/// What follows a payment that brought in `received`; true if all of it was refunded.
pub(crate) fn after(teller: &mut Teller, payment: &Payment, received: i64) -> bool {
    match teller.random.below(100) {
        0..=17 => refund(teller, payment, received),
        18..=24 => {
            teller.pass(400_000);
            dispute(teller, payment, received);
            false
        }
        _ => false,
    }
}

fn refund(teller: &mut Teller, payment: &Payment, received: i64) -> bool {
    teller.pass(200_000);
    match teller.random.below(10) {
        0..=3 => {
            let refund = teller.part_of("re", received);
            let pending = teller.random.percent(30);
            let first = if pending { "pending" } else { "succeeded" };
            teller.refund(CREATED, payment, &refund, first);
            teller.charge("charge.refunded", payment, "succeeded", received, received);
            teller.refund("refund.updated", payment, &refund, "succeeded");
            true
        }
        4..=5 if received > 3 => {
            let parts = [received / 3, received / 4];
            let mut total = 0;
            for amount in parts.into_iter().filter(|amount| *amount > 0) {
                total += amount;
                let refund = teller.part_of("re", amount);
                teller.refund(CREATED, payment, &refund, "succeeded");
                teller.charge("charge.refunded", payment, "succeeded", received, total);
                teller.pass(90_000);
            }
            false
        }
        6..=7 => {
            let refund = teller.part_of("re", received);
            teller.refund(CREATED, payment, &refund, "succeeded");
            teller.charge("charge.refunded", payment, "succeeded", received, received);
            teller.pass(90_000);
            teller.refund("refund.failed", payment, &refund, "failed");
            teller.refund("charge.refund.updated", payment, &refund, "failed");
            false
        }
        8 => {
            let refund = teller.part_of("re", received);
            teller.refund(CREATED, payment, &refund, "requires_action");
            teller.pass(90_000);
            teller.refund("refund.updated", payment, &refund, "canceled");
            false
        }
        _ => {
            // Some refunds are told by the charge alone.
            teller.charge("charge.refunded", payment, "succeeded", received, received);
            true
        }
    }
}

fn dispute(teller: &mut Teller, payment: &Payment, received: i64) {
    let partly = teller.random.percent(20) && received > 1;
    let amount = if partly { received / 2 } else { received };
    let dispute = teller.part_of("dp", amount);
    let created = "charge.dispute.created";
    let closed = "charge.dispute.closed";
    if teller.random.percent(15) {
        teller.dispute(created, payment, &dispute, "warning_needs_response");
        teller.pass(400_000);
        teller.dispute(closed, payment, &dispute, "warning_closed");
        return;
    }
    if teller.random.percent(5) {
        teller.dispute(created, payment, &dispute, "prevented");
        return;
    }
    teller.dispute(created, payment, &dispute, "needs_response");
    teller.dispute(
        "charge.dispute.funds_withdrawn",
        payment,
        &dispute,
        "needs_response",
    );
    if teller.random.percent(50) {
        teller.pass(400_000);
        teller.dispute("charge.dispute.updated", payment, &dispute, "under_review");
    }
    teller.pass(4_000_000);
    match teller.random.below(3) {
        0 => {}
        1 => {
            teller.dispute(closed, payment, &dispute, "won");
            teller.dispute("charge.dispute.funds_reinstated", payment, &dispute, "won");
        }
        _ => teller.dispute(closed, payment, &dispute, "lost"),
    }
}
