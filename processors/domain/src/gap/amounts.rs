//! How much came in against what is due, by how many payments, and in which money.

use super::shop::payer;
use super::{Condition, GapKind};
use crate::view::{PaymentView, View};

/// A part of what is due came in, or one payment brought more than all of it. Several payments
/// that brought too much are another kind.
pub(super) fn mismatch(view: &View) -> Option<Condition> {
    let (due, currency) = (view.due?.get(), view.currency?);
    let below = 0 < view.received && view.received < due;
    let above = view.received > due && successes(view).count() == 1;
    (below || above).then(|| Condition {
        kind: GapKind::AmountMismatch,
        amount: due.saturating_sub(view.received).saturating_abs(),
        currency,
        payment: payer(view).and_then(|payment| payment.intent().cloned()),
        unpaid: below,
    })
}

/// The customer paid again, and the shop kept it. Named is the payment that succeeded last.
pub(super) fn duplicate(view: &View) -> Option<Condition> {
    let (due, currency) = (view.due?.get(), view.currency?);
    let kept = view.received.saturating_sub(view.refunded);
    let last = successes(view).max_by_key(|payment| (payment.succeeded_at, &payment.id))?;
    (successes(view).count() > 1 && kept > due).then(|| Condition {
        kind: GapKind::DuplicatePayment,
        amount: kept.saturating_sub(due),
        currency,
        payment: last.intent().cloned(),
        unpaid: false,
    })
}

/// Each payment that succeeded in other money than the order's, which never counts for it.
pub(super) fn other_currencies(view: &View) -> impl Iterator<Item = Condition> + '_ {
    view.payments.iter().filter_map(|payment| {
        let currency = payment.currency?;
        let other = payment.succeeded_at.is_some() && Some(currency) != view.currency;
        other.then(|| Condition {
            kind: GapKind::CurrencyMismatch,
            amount: payment.received.get(),
            currency,
            payment: payment.intent().cloned(),
            unpaid: true,
        })
    })
}

/// In the order's own currency.
fn successes(view: &View) -> impl Iterator<Item = &PaymentView> {
    view.payments
        .iter()
        .filter(|payment| payment.succeeded_at.is_some() && payment.currency == view.currency)
}
