//! The oracle's account of money that went back: refunds by charge, and disputes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::account::Account;
use super::reading::{kind, number, object, reference, text};

/// What one refund or dispute was last said to be.
struct Last<'a> {
    /// Whether the word is final, then time, rank and event id.
    standing: (bool, i64, u8, &'a str),
    status: &'a str,
    /// Time, rank and event id of the last word of all, which names the currency.
    latest: (i64, u8, &'a str),
    currency: &'a str,
    /// The largest that was told.
    amount: i64,
    charge: Option<String>,
    payment: Option<String>,
}

/// Everything that went back in `currency`, in minor units.
pub(super) fn refunded(events: &[&Value], account: &Account, currency: Option<&str>) -> i64 {
    let Some(currency) = currency else { return 0 };
    let mut cumulative: BTreeMap<String, i64> = BTreeMap::new();
    for (id, charge) in &account.charges {
        if charge.currency == currency {
            cumulative.insert(id.clone(), charge.refunded);
        }
    }
    let mut held: BTreeMap<String, i64> = BTreeMap::new();
    let mut failed: BTreeMap<String, i64> = BTreeMap::new();
    for (id, last) in last_of(events, "refund", refund_rank) {
        if last.currency != currency {
            continue;
        }
        let charge = charge_of(account, id, &last);
        let sum = match last.status {
            "failed" => failed.entry(charge).or_insert(0),
            "canceled" => continue,
            _ => held.entry(charge).or_insert(0),
        };
        *sum += last.amount;
    }
    let charges = cumulative
        .keys()
        .chain(held.keys())
        .collect::<std::collections::BTreeSet<_>>();
    let by_charge = charges.into_iter().map(|charge| {
        let of = |sums: &BTreeMap<String, i64>| sums.get(charge).copied().unwrap_or(0);
        of(&held).max(of(&cumulative) - of(&failed))
    });
    let lost = last_of(events, "dispute", dispute_rank)
        .into_values()
        .filter(|last| last.status == "lost" && last.currency == currency)
        .map(|last| last.amount);
    by_charge.chain(lost).sum()
}

/// The charge that a refund returns: the one it names, else its payment's, of which the one that
/// told the most refunds is meant, else the payment, else the refund stands for itself.
fn charge_of(account: &Account, refund: &str, last: &Last<'_>) -> String {
    if let Some(charge) = &last.charge {
        return charge.clone();
    }
    let Some(payment) = &last.payment else {
        return refund.to_owned();
    };
    let mut of_payment: Vec<_> = account
        .charges
        .iter()
        .filter(|(_, charge)| charge.payment.as_ref() == Some(payment))
        .collect();
    of_payment.sort_by_key(|(id, charge)| (-charge.refunded, *id));
    let found = of_payment.first().map(|(id, _)| (*id).clone());
    found.unwrap_or_else(|| payment.clone())
}

/// A dispute that is open or lost, with the payment that it is about.
pub(super) struct Dispute {
    pub(super) is_open: bool,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) payment: Option<String>,
}

/// By the disputes' ids.
pub(super) fn disputes(events: &[&Value], account: &Account) -> Vec<Dispute> {
    let last = last_of(events, "dispute", dispute_rank).into_values();
    let counting = last.filter(|last| is_open(last) || last.status == "lost");
    counting
        .map(|last| {
            let charge = last.charge.as_ref();
            let charge = charge.and_then(|charge| account.charges.get(charge));
            let of_charge = charge.and_then(|charge| charge.payment.clone());
            Dispute {
                is_open: is_open(&last),
                amount: last.amount,
                currency: last.currency.to_owned(),
                payment: last.payment.or(of_charge),
            }
        })
        .collect()
}

fn is_open(last: &Last<'_>) -> bool {
    matches!(last.status, "needs_response" | "under_review")
}

/// True while a dispute waits for an answer or a judgement.
pub(super) fn open_dispute(events: &[&Value]) -> bool {
    last_of(events, "dispute", dispute_rank)
        .values()
        .any(is_open)
}

/// Of each object of one kind what holds: the final word before any other, then the latest.
fn last_of<'a>(
    events: &[&'a Value],
    of: &str,
    rank: fn(&str) -> (bool, u8),
) -> BTreeMap<&'a str, Last<'a>> {
    let mut known: BTreeMap<&str, Last<'_>> = BTreeMap::new();
    for event in events.iter().filter(|event| kind(event) == of) {
        let object = object(event);
        let status = text(object, "status");
        let (terminal, rank) = rank(status);
        // Among final words time decides and not rank, so rank counts only before them.
        let rank = if terminal { 0 } else { rank };
        let (created, event_id) = (number(event, "created"), text(event, "id"));
        let told = Last {
            standing: (terminal, created, rank, event_id),
            status,
            latest: (created, rank, event_id),
            currency: text(object, "currency"),
            amount: number(object, "amount"),
            charge: reference(object, "charge"),
            payment: reference(object, "payment_intent"),
        };
        let Some(last) = known.get_mut(text(object, "id")) else {
            known.insert(text(object, "id"), told);
            continue;
        };
        last.amount = last.amount.max(told.amount);
        last.charge = last.charge.take().max(told.charge);
        last.payment = last.payment.take().max(told.payment);
        if told.standing > last.standing {
            (last.standing, last.status) = (told.standing, told.status);
        }
        if told.latest > last.latest {
            (last.latest, last.currency) = (told.latest, told.currency);
        }
    }
    known
}

/// A refund may fail after it succeeded, so no word on it is final.
fn refund_rank(status: &str) -> (bool, u8) {
    match status {
        "requires_action" => (false, 1),
        "succeeded" => (false, 2),
        "canceled" => (false, 3),
        "failed" => (false, 4),
        // Pending, and null, which counts as pending.
        _ => (false, 0),
    }
}

fn dispute_rank(status: &str) -> (bool, u8) {
    match status {
        "won" | "lost" => (true, 0),
        "under_review" => (false, 3),
        "needs_response" => (false, 2),
        "prevented" => (false, 1),
        _ => (false, 0),
    }
}
