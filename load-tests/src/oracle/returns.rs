//! The oracle's account of money that went back: refunds by charge, and disputes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reading::{kind, number, object, reference, text};

/// What one refund or dispute was last said to be.
struct Last<'a> {
    standing: (bool, i64, u8, &'a str),
    object: &'a Value,
}

/// Everything that went back in `currency`, in minor units.
pub(super) fn refunded(events: &[&Value], currency: Option<&str>) -> i64 {
    let Some(currency) = currency else { return 0 };
    let mut cumulative: BTreeMap<String, i64> = BTreeMap::new();
    for event in events.iter().filter(|event| kind(event) == "charge") {
        let charge = object(event);
        if text(charge, "currency") == currency {
            let known = cumulative.entry(text(charge, "id").to_owned()).or_insert(0);
            *known = (*known).max(number(charge, "amount_refunded"));
        }
    }
    let mut held: BTreeMap<String, i64> = BTreeMap::new();
    let mut failed: BTreeMap<String, i64> = BTreeMap::new();
    for last in last_of(events, "refund", refund_rank).values() {
        if text(last.object, "currency") != currency {
            continue;
        }
        let charge = reference(last.object, "charge")
            .or_else(|| reference(last.object, "payment_intent"))
            .unwrap_or_default();
        let sum = match text(last.object, "status") {
            "failed" => failed.entry(charge).or_insert(0),
            "canceled" => continue,
            _ => held.entry(charge).or_insert(0),
        };
        *sum += number(last.object, "amount");
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
        .filter(|last| text(last.object, "status") == "lost")
        .filter(|last| text(last.object, "currency") == currency)
        .map(|last| number(last.object, "amount"));
    by_charge.chain(lost).sum()
}

/// True while a dispute waits for an answer or a judgement.
pub(super) fn open_dispute(events: &[&Value]) -> bool {
    last_of(events, "dispute", dispute_rank)
        .values()
        .any(|last| {
            matches!(
                text(last.object, "status"),
                "needs_response" | "under_review"
            )
        })
}

/// Of each object of one kind what holds: the final word before any other, then the latest.
fn last_of<'a>(
    events: &[&'a Value],
    of: &str,
    rank: fn(&str) -> (bool, u8),
) -> BTreeMap<&'a str, Last<'a>> {
    let mut last: BTreeMap<&str, Last<'_>> = BTreeMap::new();
    for event in events.iter().filter(|event| kind(event) == of) {
        let object = object(event);
        let (terminal, rank) = rank(text(object, "status"));
        // Among final words time decides and not rank, so rank counts only before them.
        let rank = if terminal { 0 } else { rank };
        let standing = (terminal, number(event, "created"), rank, text(event, "id"));
        let next = Last { standing, object };
        match last.get(text(object, "id")) {
            Some(known) if known.standing >= standing => {}
            _ => {
                last.insert(text(object, "id"), next);
            }
        }
    }
    last
}

/// A refund may fail after it succeeded, so no word on it is final.
fn refund_rank(status: &str) -> (bool, u8) {
    match status {
        "pending" => (false, 0),
        "requires_action" => (false, 1),
        "succeeded" => (false, 2),
        "canceled" => (false, 3),
        _ => (false, 4),
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
