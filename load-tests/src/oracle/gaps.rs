//! The oracle's account of what is not right about an order: every kind of gap that one order's
//! events and snapshots can cause, whether or not its grace is over. What only the linker sees,
//! and what is refused, is not among them.

use serde_json::Value;

use super::account::{Account, Line};
use super::reading::{self, number, text};
use super::{OrderState, latest, returns, updated_at_ms, worked_out};

/// The kinds, in the order of a set.
pub const KINDS: &[&str] = &[
    "paid_not_marked",
    "late_success",
    "orphan_payment",
    "amount_mismatch",
    "duplicate_payment",
    "currency_mismatch",
    "marked_not_paid",
    "refund_unreflected",
    "dispute_open",
    "dispute_lost",
    "stuck_processing",
];

/// One thing that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub kind: &'static str,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    /// Where its id was told.
    pub payment_intent: Option<String>,
    /// Money came in and the order is not paid.
    pub unpaid: bool,
}

/// What is not right once all of `events` and `snapshots` have been seen; sorted by kind, then by
/// payment, then as the objects' ids are. Whether an order service speaks at all decides if its
/// silence is a gap.
#[must_use]
pub fn gaps(events: &[Value], snapshots: &[Value], is_fed: bool) -> Vec<Gap> {
    let events: Vec<&Value> = events.iter().filter(|one| reading::is_used(one)).collect();
    let account = Account::of(&events);
    let (state, lines) = worked_out(&events, &account, snapshots);
    let shop = latest(snapshots);
    let mut gaps = Vec::new();
    match shop {
        Some(shop) => gaps.extend(against_shop(shop, &state, &lines)),
        None if is_fed && state.received > 0 => {
            gaps.push(ours("orphan_payment", state.received, true, &state, &lines));
        }
        None => {}
    }
    gaps.extend(amounts(&state, &lines));
    for dispute in returns::disputes(&events, &account) {
        let known = shop.is_some_and(|shop| text(shop, "status") == "refunded");
        if dispute.is_open || !known {
            gaps.push(Gap {
                kind: if dispute.is_open {
                    "dispute_open"
                } else {
                    "dispute_lost"
                },
                amount: dispute.amount,
                currency: dispute.currency,
                payment_intent: dispute.payment,
                unpaid: false,
            });
        }
    }
    gaps.extend(stuck(&state, &lines));
    gaps.sort_by_key(|gap| {
        let kind = KINDS.iter().position(|kind| *kind == gap.kind);
        (kind, gap.payment_intent.clone())
    });
    gaps
}

/// What the shop says, held against what came in and went back.
fn against_shop(shop: &Value, state: &OrderState, lines: &[Line]) -> Vec<Gap> {
    let says = text(shop, "status");
    let first_ms = in_order_currency(state, lines)
        .filter_map(|line| line.succeeded_s)
        .min()
        .map(|first_s| first_s * 1000);
    let told_ms = updated_at_ms(shop);
    let after = first_ms.is_some_and(|first_ms| told_ms > first_ms);
    let before = first_ms.is_some_and(|first_ms| told_ms <= first_ms);
    let paid = state.status == "paid";
    let missing = number(shop, "amount_due") - state.received;
    let gap = |kind, amount, unpaid| ours(kind, amount, unpaid, state, lines);
    let mut gaps = Vec::new();
    if paid && (says == "pending" || (says == "canceled" && after)) {
        gaps.push(gap("paid_not_marked", state.received, true));
    }
    if says == "canceled" && before {
        gaps.push(gap("late_success", state.received, true));
    }
    if says == "paid" && missing > 0 {
        gaps.push(gap("marked_not_paid", missing, false));
    }
    if state.status == "refunded" && says != "refunded" {
        gaps.push(gap("refund_unreflected", state.refunded, false));
    }
    gaps
}

/// Too little, too much, too often, in the wrong money.
fn amounts(state: &OrderState, lines: &[Line]) -> Vec<Gap> {
    let (Some(due), Some(_)) = (state.due, &state.currency) else {
        // No price in any currency, and so no success that could be in another one.
        return Vec::new();
    };
    let mut successes: Vec<&Line> = in_order_currency(state, lines)
        .filter(|line| line.succeeded_s.is_some())
        .collect();
    successes.sort_by_key(|line| (line.succeeded_s, &line.id));
    let below = 0 < state.received && state.received < due;
    let kept = state.received - state.refunded;
    let mut gaps = Vec::new();
    if below || (state.received > due && successes.len() == 1) {
        let amount = (due - state.received).abs();
        gaps.push(ours("amount_mismatch", amount, below, state, lines));
    }
    if let (true, Some(last)) = (successes.len() > 1 && kept > due, successes.last()) {
        gaps.push(Gap {
            payment_intent: named(last),
            ..ours("duplicate_payment", kept - due, false, state, lines)
        });
    }
    for line in lines {
        if line.succeeded_s.is_some()
            && let Some(currency) = &line.currency
            && Some(currency) != state.currency.as_ref()
        {
            gaps.push(Gap {
                kind: "currency_mismatch",
                amount: line.received,
                currency: currency.clone(),
                payment_intent: named(line),
                unpaid: true,
            });
        }
    }
    gaps
}

/// Nothing came in, and something is under way.
fn stuck(state: &OrderState, lines: &[Line]) -> Option<Gap> {
    let under_way = lines.iter().filter(|line| line.state == "processing");
    let first = under_way.min_by_key(|line| (line.first_s, &line.id))?;
    (state.status == "processing").then(|| Gap {
        kind: "stuck_processing",
        amount: first.amount,
        currency: first.currency.clone().unwrap_or_else(|| "xxx".to_owned()),
        payment_intent: named(first),
        unpaid: false,
    })
}

/// A gap in the order's own currency, of the payment that brought the money first.
fn ours(kind: &'static str, amount: i64, unpaid: bool, state: &OrderState, lines: &[Line]) -> Gap {
    let brought = in_order_currency(state, lines).filter(|line| line.received > 0);
    let first = brought.min_by_key(|line| {
        let at_s = line.succeeded_s;
        (at_s.is_none(), at_s, line.first_s, &line.id)
    });
    Gap {
        kind,
        amount,
        currency: state.currency.clone().unwrap_or_default(),
        payment_intent: first.and_then(named),
        unpaid,
    }
}

fn in_order_currency<'a>(state: &OrderState, lines: &'a [Line]) -> impl Iterator<Item = &'a Line> {
    let currency = state.currency.clone();
    lines.iter().filter(move |line| line.currency == currency)
}

/// The payment's id; a charge or session that stands for it is none.
fn named(line: &Line) -> Option<String> {
    line.is_payment.then(|| line.id.clone())
}
