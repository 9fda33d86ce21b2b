//! Says what an order must look like, from the JSON of the events sent and the snapshots
//! written. A second implementation of the rules, clear and slow, without a line of the
//! domain's or the engine's code: it looks at the whole set at once and keeps no state.

pub mod reading;
mod returns;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use reading::{is_true, kind, number, object, reference, text};

/// What a reader of `orders.status` must find last for an order. Amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    pub status: &'static str,
    pub due: Option<i64>,
    pub received: i64,
    pub refunded: i64,
    pub currency: Option<String>,
    /// Distinct events seen.
    pub events: usize,
}

/// Time and id of an event: the order in which facts of one rank stand.
type Moment = (i64, String);

/// A payment by whatever proves it: its own events, a charge or a session.
#[derive(Debug, Default)]
struct Payment {
    /// Own events: (created, rank, id).
    own: Vec<(i64, u8, String)>,
    own_amount: Option<i64>,
    own_received: i64,
    own_succeeded: Option<Moment>,
    charge_amount: Option<i64>,
    captured: Option<i64>,
    captured_at: Option<Moment>,
    currency: Option<String>,
    first: Option<Moment>,
}

/// How far a session came; the furthest holds, whenever it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Open,
    Expired,
    Unpaid,
    Failed,
    Free,
    Paid,
}

#[derive(Debug)]
struct Session {
    payment: Option<String>,
    amount: i64,
    currency: Option<String>,
    reached: Reached,
    paid_at: Option<Moment>,
    first: Moment,
}

/// One line of the account: a payment, or a session that stands for one.
struct Line {
    state: &'static str,
    amount: i64,
    received: i64,
    currency: Option<String>,
    first: Moment,
    succeeded: Option<Moment>,
}

/// The state of an order of which all of `events` and `snapshots` have been seen. Repeated
/// events and events of unused types change nothing.
#[must_use]
pub fn state(events: &[Value], snapshots: &[Value]) -> OrderState {
    let mut seen = BTreeSet::new();
    let events: Vec<&Value> = events
        .iter()
        .filter(|event| reading::is_used(event) && seen.insert(text(event, "id")))
        .collect();
    let payments = payments(&events);
    let sessions = sessions(&events);
    let lines = lines(&payments, &sessions);
    let snapshot = latest(snapshots);
    let (due, currency) = match snapshot {
        Some(shop) => (
            Some(number(shop, "amount_due")),
            Some(text(shop, "currency").to_owned()),
        ),
        None => due(&lines),
    };
    let ours = |money: &Option<String>| currency.is_some() && *money == currency;
    let received = lines
        .iter()
        .filter(|line| ours(&line.currency))
        .map(|line| line.received)
        .sum();
    let refunded = returns::refunded(&events, currency.as_deref());
    let free = due.is_none_or(|due| due == 0)
        && sessions
            .values()
            .any(|session| session.reached == Reached::Free);
    let status = if returns::open_dispute(&events) && received > 0 {
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
    OrderState {
        status,
        due,
        received,
        refunded,
        currency,
        events: events.len(),
    }
}

/// True where the order is paid and its shop never said so: the gap `paid_not_marked`.
#[must_use]
pub fn paid_not_marked(events: &[Value], snapshots: &[Value]) -> bool {
    let Some(shop) = latest(snapshots) else {
        return false;
    };
    if state(events, snapshots).status != "paid" {
        return false;
    }
    match text(shop, "status") {
        "pending" => true,
        "canceled" => {
            let used: Vec<&Value> = events
                .iter()
                .filter(|event| reading::is_used(event))
                .collect();
            let lines = lines(&payments(&used), &sessions(&used));
            let success_s = lines
                .iter()
                .filter_map(|line| line.succeeded.as_ref())
                .min();
            success_s.is_some_and(|(created_s, _)| updated_at_ms(shop) > created_s * 1000)
        }
        _ => false,
    }
}

/// Of an order's snapshots the one with the highest version.
#[must_use]
pub fn latest(snapshots: &[Value]) -> Option<&Value> {
    snapshots.iter().max_by_key(|shop| number(shop, "version"))
}

fn payments(events: &[&Value]) -> BTreeMap<String, Payment> {
    let mut payments: BTreeMap<String, Payment> = BTreeMap::new();
    for event in events {
        let object = object(event);
        let moment = (number(event, "created"), text(event, "id").to_owned());
        let id = text(object, "id").to_owned();
        let key = match kind(event) {
            "payment_intent" => id,
            "charge" => reference(object, "payment_intent").unwrap_or(id),
            _ => continue,
        };
        let payment = payments.entry(key).or_default();
        payment.currency = Some(text(object, "currency").to_owned());
        payment.first = earlier(payment.first.take(), &moment);
        let amount = number(object, "amount");
        if kind(event) == "payment_intent" {
            let event_type = text(event, "type");
            payment
                .own
                .push((moment.0, rank(event_type), moment.1.clone()));
            payment.own_amount = payment.own_amount.max(Some(amount));
            payment.own_received = payment.own_received.max(number(object, "amount_received"));
            if event_type == "payment_intent.succeeded" {
                payment.own_succeeded = earlier(payment.own_succeeded.take(), &moment);
            }
        } else {
            payment.charge_amount = payment.charge_amount.max(Some(amount));
            if is_true(object, "captured") && text(object, "status") == "succeeded" {
                payment.captured = payment
                    .captured
                    .max(Some(number(object, "amount_captured")));
                payment.captured_at = earlier(payment.captured_at.take(), &moment);
            }
        }
    }
    payments
}

fn earlier(known: Option<Moment>, moment: &Moment) -> Option<Moment> {
    Some(known.map_or_else(|| moment.clone(), |known| known.min(moment.clone())))
}

fn rank(event_type: &str) -> u8 {
    match event_type {
        "payment_intent.created" => 0,
        "payment_intent.requires_action" => 1,
        "payment_intent.processing" | "payment_intent.partially_funded" => 2,
        "payment_intent.amount_capturable_updated" => 3,
        "payment_intent.payment_failed" => 4,
        "payment_intent.canceled" => 5,
        _ => 6,
    }
}

fn sessions(events: &[&Value]) -> BTreeMap<String, Session> {
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    for event in events
        .iter()
        .filter(|event| kind(event) == "checkout.session")
    {
        let object = object(event);
        let moment = (number(event, "created"), text(event, "id").to_owned());
        let reached = reached(text(event, "type"), text(object, "payment_status"));
        let session = sessions
            .entry(text(object, "id").to_owned())
            .or_insert(Session {
                payment: None,
                amount: 0,
                currency: None,
                reached,
                paid_at: None,
                first: moment.clone(),
            });
        session.payment = session
            .payment
            .take()
            .or_else(|| reference(object, "payment_intent"));
        session.amount = session.amount.max(number(object, "amount_total"));
        session.currency = session
            .currency
            .take()
            .or_else(|| reference(object, "currency"));
        session.reached = session.reached.max(reached);
        if reached == Reached::Paid {
            session.paid_at = earlier(session.paid_at.take(), &moment);
        }
        session.first = session.first.clone().min(moment);
    }
    sessions
}

fn reached(event_type: &str, payment_status: &str) -> Reached {
    match (event_type, payment_status) {
        ("checkout.session.expired", _) => Reached::Expired,
        ("checkout.session.async_payment_failed", _) => Reached::Failed,
        ("checkout.session.async_payment_succeeded", _)
        | ("checkout.session.completed", "paid") => Reached::Paid,
        ("checkout.session.completed", "no_payment_required") => Reached::Free,
        ("checkout.session.completed", _) => Reached::Unpaid,
        _ => Reached::Open,
    }
}

fn lines(payments: &BTreeMap<String, Payment>, sessions: &BTreeMap<String, Session>) -> Vec<Line> {
    let mut lines: Vec<Line> = payments.values().filter_map(payment_line).collect();
    for session in sessions.values() {
        let payment = session.payment.as_ref().and_then(|id| payments.get(id));
        // What the payment says of itself holds; the session then adds nothing.
        if payment.is_some_and(|payment| !payment.own.is_empty() || payment.captured.is_some()) {
            continue;
        }
        lines.push(Line {
            state: match session.reached {
                Reached::Open => "pending",
                Reached::Expired => "canceled",
                Reached::Unpaid => "processing",
                Reached::Failed => "payment_failed",
                Reached::Paid => "succeeded",
                Reached::Free => "free",
            },
            amount: session.amount,
            received: if session.reached == Reached::Paid {
                session.amount
            } else {
                0
            },
            currency: session.currency.clone(),
            first: session.first.clone(),
            succeeded: session.paid_at.clone(),
        });
    }
    lines
}

fn payment_line(payment: &Payment) -> Option<Line> {
    let succeeded = [payment.own_succeeded.clone(), payment.captured_at.clone()];
    let succeeded = succeeded.into_iter().flatten().min();
    let state = match payment.own.iter().max().map(|(_, rank, _)| *rank) {
        _ if succeeded.is_some() => "succeeded",
        None | Some(0 | 1) => "pending",
        Some(2 | 3) => "processing",
        Some(4) => "payment_failed",
        Some(_) => "canceled",
    };
    let own_received = payment.own_received > 0 || payment.own_succeeded.is_some();
    Some(Line {
        state,
        amount: payment.own_amount.or(payment.charge_amount)?,
        received: if own_received {
            payment.own_received
        } else {
            payment.captured.unwrap_or(0)
        },
        currency: payment.currency.clone(),
        first: payment.first.clone()?,
        succeeded,
    })
}

/// Without a word from the shop: the largest amount of what succeeded, in the currency of the
/// earliest success; while nothing succeeded, of everything.
fn due(lines: &[Line]) -> (Option<i64>, Option<String>) {
    let priced = lines.iter().filter(|line| line.currency.is_some());
    let all: Vec<&Line> = priced.collect();
    let won: Vec<&Line> = all
        .iter()
        .copied()
        .filter(|line| line.succeeded.is_some())
        .collect();
    let (of, first) = if won.is_empty() {
        let first = all.iter().min_by_key(|line| &line.first).copied();
        (all, first)
    } else {
        let first = won.iter().min_by_key(|line| &line.succeeded).copied();
        (won, first)
    };
    let Some(currency) = first.and_then(|line| line.currency.clone()) else {
        return (None, None);
    };
    let same = of
        .iter()
        .filter(|line| line.currency.as_ref() == Some(&currency));
    (same.map(|line| line.amount).max(), Some(currency))
}

fn updated_at_ms(shop: &Value) -> i64 {
    match shop.get("updated_at") {
        Some(Value::Number(at)) => at.as_i64().unwrap_or(0),
        Some(Value::String(at)) => crate::civil::parse_rfc3339_s(at).unwrap_or(0) * 1000,
        _ => 0,
    }
}
