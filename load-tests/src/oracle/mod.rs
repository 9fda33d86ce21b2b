//! Says what an order must look like, from the JSON of the events sent and the snapshots
//! written. A second implementation of the rules, clear and slow, without a line of the
//! domain's or the engine's code: it looks at the whole set at once and keeps no state.
//!
//! It knows no digests. Where one event id, second and rank is told with two contents, or one
//! snapshot version and time, the greater digest holds there and either may hold here.

mod account;
mod gaps;
pub mod reading;
mod returns;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use account::{Account, Line, Price};
pub use gaps::{Gap, KINDS, gaps};
use reading::{number, text};

/// What a reader of `orders.status` must find last for an order. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    pub status: &'static str,
    pub due: Option<i64>,
    pub received: i64,
    pub refunded: i64,
    pub currency: Option<String>,
    /// Distinct events and snapshots seen: a known event id with other facts is another event.
    pub version: i64,
}

/// The state of an order of which all of `events` and `snapshots` have been seen. Repeated
/// events and events of unused types change nothing.
#[must_use]
pub fn state(events: &[Value], snapshots: &[Value]) -> OrderState {
    let events: Vec<&Value> = events.iter().filter(|one| reading::is_used(one)).collect();
    worked_out(&events, &Account::of(&events), snapshots).0
}

fn worked_out(
    events: &[&Value],
    account: &Account,
    snapshots: &[Value],
) -> (OrderState, Vec<Line>) {
    let lines = account.lines();
    let (due, currency) = match latest(snapshots) {
        Some(shop) => (
            Some(number(shop, "amount_due")),
            Some(text(shop, "currency").to_owned()),
        ),
        None => due(account, &lines),
    };
    let received = lines
        .iter()
        .filter(|line| currency.is_some() && line.currency == currency)
        .map(|line| line.received)
        .sum();
    let refunded = returns::refunded(events, account, currency.as_deref());
    let free = due.is_none_or(|due| due == 0) && account.is_free();
    let status = if returns::open_dispute(events) && received > 0 {
        "disputed"
    } else if received > 0 && refunded >= received {
        "refunded"
    } else if received > 0 && refunded > 0 {
        "partially_refunded"
    } else if free || due.is_some_and(|due| due > 0 && received >= due) {
        "paid"
    } else if received > 0 {
        "partially_paid"
    } else {
        let best = ["processing", "payment_failed", "pending", "canceled"];
        let known = |word: &&str| lines.iter().any(|line| line.state == *word);
        best.into_iter().find(known).unwrap_or("pending")
    };
    let state = OrderState {
        status,
        due,
        received,
        refunded,
        currency,
        version: version(events, snapshots),
    };
    (state, lines)
}

/// Distinct (event id, facts) and distinct (snapshot version, content).
fn version(events: &[&Value], snapshots: &[Value]) -> i64 {
    let events: BTreeSet<String> = events.iter().map(|event| reading::facts(event)).collect();
    let snapshots: BTreeSet<String> = snapshots
        .iter()
        .map(|shop| {
            let field = |name: &str| shop.get(name).cloned().unwrap_or_default();
            let told = ["version", "status", "amount_due", "currency"].map(field);
            format!("{told:?} {}", updated_at_ms(shop))
        })
        .collect();
    i64::try_from(events.len() + snapshots.len()).unwrap_or(i64::MAX)
}

/// Of an order's snapshots the one with the highest version; of one version's the latest.
#[must_use]
pub fn latest(snapshots: &[Value]) -> Option<&Value> {
    snapshots
        .iter()
        .max_by_key(|shop| (number(shop, "version"), updated_at_ms(shop)))
}

/// Without a word from the shop: the largest amount of what succeeded, in the currency of the
/// earliest success; while nothing succeeded, of every payment and session.
fn due(account: &Account, lines: &[Line]) -> (Option<i64>, Option<String>) {
    let price = |line: &Line, at_s: i64| {
        Some(Price {
            at_s,
            id: line.id.clone(),
            amount: line.amount,
            currency: line.currency.clone()?,
        })
    };
    let mut prices: Vec<Price> = lines
        .iter()
        .filter_map(|line| price(line, line.succeeded_s?))
        .collect();
    if prices.is_empty() {
        prices = lines
            .iter()
            .filter_map(|line| price(line, line.first_s))
            .chain(account.session_prices())
            .collect();
    }
    prices.sort_by(|one, two| (one.at_s, &one.id).cmp(&(two.at_s, &two.id)));
    let Some(currency) = prices.first().map(|price| price.currency.clone()) else {
        return (None, None);
    };
    let same = prices.iter().filter(|price| price.currency == currency);
    (same.map(|price| price.amount).max(), Some(currency))
}

/// A snapshot's time: milliseconds, or RFC 3339 in whole seconds.
#[must_use]
pub fn updated_at_ms(shop: &Value) -> i64 {
    match shop.get("updated_at") {
        Some(Value::Number(at)) => at.as_i64().unwrap_or(0),
        Some(Value::String(at)) => crate::civil::parse_rfc3339_s(at).unwrap_or(0) * 1000,
        _ => 0,
    }
}
