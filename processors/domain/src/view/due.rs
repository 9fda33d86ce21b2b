//! What an order should receive, and in which currency.

use crate::event::UnixSeconds;
use crate::ids::ObjectId;
use crate::ledger::Ledger;
use crate::money::{Currency, MinorUnits};
use crate::view::PaymentView;

/// Something that names a price, with when it did.
struct Price<'a> {
    at: UnixSeconds,
    id: &'a ObjectId,
    amount: MinorUnits,
    currency: Currency,
}

/// The order service's word; without one the largest amount of the payments that succeeded, in
/// the currency of the earliest of them; while none succeeded, of all payments and sessions.
/// `None` while nobody named a price.
pub(super) fn due(ledger: &Ledger, payments: &[PaymentView]) -> Option<(MinorUnits, Currency)> {
    if let Some(told) = &ledger.snapshots.latest {
        return Some((told.amount_due, told.currency));
    }
    let succeeded = || {
        payments.iter().filter_map(|payment| {
            price(
                payment.succeeded_at?,
                &payment.id,
                payment.amount,
                payment.currency,
            )
        })
    };
    let every = || {
        let payments = payments.iter().filter_map(|payment| {
            price(
                payment.first_seen,
                &payment.id,
                payment.amount,
                payment.currency,
            )
        });
        let sessions = ledger.sessions.iter().filter_map(|session| {
            price(
                session.first_seen,
                &session.id,
                session.amount_total,
                session.currency,
            )
        });
        payments.chain(sessions)
    };
    largest(succeeded).or_else(|| largest(every))
}

fn price(
    at: UnixSeconds,
    id: &ObjectId,
    amount: MinorUnits,
    currency: Option<Currency>,
) -> Option<Price<'_>> {
    currency.map(|currency| Price {
        at,
        id,
        amount,
        currency,
    })
}

/// The largest of the prices in the currency of the earliest by (time, id).
fn largest<'a, P: Iterator<Item = Price<'a>>>(
    prices: impl Fn() -> P,
) -> Option<(MinorUnits, Currency)> {
    let currency = prices().min_by_key(|price| (price.at, price.id))?.currency;
    let amounts = prices()
        .filter(|price| price.currency == currency)
        .map(|price| price.amount);
    amounts.max().map(|amount| (amount, currency))
}
