//! What the linker found: money without an order, and a payment that two orders claim.

use super::{Condition, GapKind};
use crate::ledger::Ledger;
use crate::money::Currency;
use crate::view::View;

/// Over age, and its order is still not known. Money counts as come in where a success was told.
pub(super) fn unlinked(ledger: &Ledger) -> impl Iterator<Item = Condition> + '_ {
    let waiting = ledger
        .unlinked
        .iter()
        .filter(|object| object.since.is_some() && !object.found);
    waiting.map(|object| Condition {
        kind: GapKind::Unlinked,
        amount: object.success.map_or(0, |success| success.amount.get()),
        currency: object
            .success
            .map_or(Currency::NONE, |success| success.currency),
        payment: Some(object.id.clone()),
        unpaid: object.success.is_some(),
    })
}

/// One for each such payment, of what it brought this order.
pub(super) fn claimed_twice(ledger: &Ledger, view: &View) -> Vec<Condition> {
    let claims = ledger.claims.iter();
    let claimed = claims.map(|claim| {
        let own = view.payments.iter().find(|payment| payment.id == claim.id);
        Condition {
            kind: GapKind::PaymentClaimedTwice,
            amount: own.map_or(0, |payment| payment.received.get()),
            currency: own
                .and_then(|payment| payment.currency)
                .or(view.currency)
                .unwrap_or(Currency::NONE),
            payment: Some(claim.id.clone()),
            unpaid: false,
        }
    });
    claimed.collect()
}
