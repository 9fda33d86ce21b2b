//! What the linker does with one record: pure, from the rows of the objects that it speaks of.
//!
//! Every record goes the same way: what it adds is written and acknowledged, *then* the rows are
//! read, and only what was read then decides. Of a link and an event that come at the same time,
//! whoever reads second sees the other, whichever process and partition each is in: so nothing
//! here rests on who owns a row, and no link can pass its event by.

use std::collections::BTreeMap;

use trueup_domain::digest;
use trueup_domain::event::{EventType, Facts, SessionPaymentStatus, Success, UnixMillis};
use trueup_domain::ids::{ObjectId, OrderId};

use crate::limits::{MAX_CLAIMS, MAX_PARKED_EVENTS};
use crate::row::{Change, Item, Parked, ParkedId, Row};

/// The rows that a record speaks of. One that is not there is empty.
pub type Rows = BTreeMap<ObjectId, Row>;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// An order claims an object.
    Link {
        object: ObjectId,
        order: OrderId,
        at: UnixMillis,
    },
    /// An event whose order is not known.
    Event(Box<Parked>),
    /// The same event, once it is over age.
    Overdue(Box<Parked>),
}

/// What is to be said, in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The event, to its order.
    Forward { order: OrderId, parked: Box<Parked> },
    /// An object of a forwarded event, to whom it may help.
    Teach {
        object: ObjectId,
        order: OrderId,
        learned_from: String,
        at: UnixMillis,
    },
    /// No order was found in time for what waits under `object`.
    Unlinked {
        object: ObjectId,
        success: Option<Success>,
        since: UnixMillis,
    },
    /// It was found after all; `at` is when the event came.
    Linked {
        object: ObjectId,
        order: OrderId,
        at: UnixMillis,
    },
    /// `other` claims the payment of `order` too.
    ClaimedTwice {
        order: OrderId,
        other: OrderId,
        payment: ObjectId,
        at: UnixMillis,
    },
}

/// What to say, and what to write once that is acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    pub said: Vec<Said>,
    pub then: Vec<Change>,
}

/// A list of an object is at its limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    #[error(
        "object `{object}` has {MAX_PARKED_EVENTS} events that wait for its order, which is the \
         limit; replay this one once the object is linked"
    )]
    Parked { object: ObjectId },
    #[error(
        "object `{object}` is claimed by {MAX_CLAIMS} orders, which is the limit; find out which \
         of them was paid, then discard this letter"
    )]
    Claims { object: ObjectId },
}

/// The objects whose order would be the event's: its key among them, each once.
#[must_use]
pub fn objects(parked: &Parked) -> Vec<ObjectId> {
    let (first, second) = match &parked.event.event.facts {
        Facts::Payment(payment) => (Some(&payment.id), None),
        Facts::Session(session) => (Some(&session.id), session.payment.as_ref()),
        Facts::Charge(charge) => (Some(&charge.id), charge.payment.as_ref()),
        Facts::Refund(refund) => (refund.charge.as_ref(), refund.payment.as_ref()),
        Facts::Dispute(dispute) => (dispute.charge.as_ref(), dispute.payment.as_ref()),
        // Never parked: opening refuses them.
        Facts::Unlinked(_) | Facts::Linked(_) | Facts::ClaimedTwice(_) => (None, None),
    };
    let mut objects = vec![parked.key.clone()];
    for object in [second, first].into_iter().flatten() {
        if !objects.contains(object) {
            objects.push(object.clone());
        }
    }
    objects
}

#[must_use]
pub fn parked_id(parked: &Parked) -> ParkedId {
    let event = &parked.event.event;
    let facts = digest::of_event(event);
    ParkedId(format!("{}/{}", hex::encode(facts), event.id))
}

impl Told {
    /// The rows to read.
    #[must_use]
    pub fn objects(&self) -> Vec<ObjectId> {
        match self {
            Self::Link { object, .. } => vec![object.clone()],
            Self::Event(parked) | Self::Overdue(parked) => objects(parked),
        }
    }

    /// What the record adds to the rows: to be written before they are read to decide.
    ///
    /// # Errors
    /// [`Full`] when a list is at its limit; then nothing is added.
    pub fn additions(&self, rows: &Rows) -> Result<Vec<Change>, Full> {
        match self {
            Self::Link { object, order, at } => claim(object, order, *at, rows),
            Self::Event(parked) => park(parked, rows),
            Self::Overdue(parked) => {
                // A list that is full has refused the event, and its letter is written.
                let Ok(mut additions) = park(parked, rows) else {
                    return Ok(Vec::new());
                };
                let id = parked_id(parked);
                if owner(&objects(parked), rows).is_none() {
                    for object in objects(parked) {
                        if !holds(rows, &object, |row| row.overdue.contains(&id)) {
                            additions.push(Change::Put(object, Item::Overdue(id.clone())));
                        }
                    }
                }
                Ok(additions)
            }
        }
    }

    /// What to do, from rows read after the additions were acknowledged.
    #[must_use]
    pub fn decide(&self, rows: &Rows) -> Decision {
        let mut decision = Decision::default();
        match self {
            Self::Link { object, .. } => {
                let empty = Row::default();
                let row = rows.get(object).unwrap_or(&empty);
                if let Some(order) = row.owner() {
                    for (id, parked) in &row.parked {
                        release(parked, id, order, rows, &mut decision);
                    }
                }
                tell_of_claims(object, row, &mut decision);
            }
            Self::Event(parked) => {
                if let Some(order) = owner(&objects(parked), rows) {
                    release(parked, &parked_id(parked), order, rows, &mut decision);
                }
            }
            Self::Overdue(parked) => {
                let id = parked_id(parked);
                if let Some(order) = owner(&objects(parked), rows) {
                    // A link that came meanwhile may have read the rows before they said so.
                    if holds(rows, &parked.key, |row| row.parked.contains_key(&id)) {
                        release(parked, &id, order, rows, &mut decision);
                    }
                } else if let Some(row) = rows.get(&parked.key) {
                    decision.said.extend(unlinked(&parked.key, &id, row));
                }
            }
        }
        decision
    }
}

fn holds(rows: &Rows, object: &ObjectId, test: impl Fn(&Row) -> bool) -> bool {
    rows.get(object).is_some_and(test)
}

/// The order of the first of `objects` that has one.
fn owner<'a>(objects: &[ObjectId], rows: &'a Rows) -> Option<&'a OrderId> {
    objects
        .iter()
        .find_map(|object| rows.get(object).and_then(Row::owner))
}

fn claim(
    object: &ObjectId,
    order: &OrderId,
    at: UnixMillis,
    rows: &Rows,
) -> Result<Vec<Change>, Full> {
    if let Some(row) = rows.get(object) {
        if row.claims.contains_key(order) {
            return Ok(Vec::new());
        }
        if row.claims.len() >= MAX_CLAIMS {
            let object = object.clone();
            return Err(Full::Claims { object });
        }
    }
    let claim = Item::Claim(order.clone(), at);
    Ok(vec![Change::Put(object.clone(), claim)])
}

/// Under every object of the event, so that whichever is linked first releases it.
fn park(parked: &Parked, rows: &Rows) -> Result<Vec<Change>, Full> {
    let objects = objects(parked);
    if owner(&objects, rows).is_some() {
        return Ok(Vec::new());
    }
    let id = parked_id(parked);
    let mut additions = Vec::new();
    for object in objects {
        if let Some(row) = rows.get(&object) {
            if row.parked.contains_key(&id) {
                continue;
            }
            if row.parked.len() >= MAX_PARKED_EVENTS {
                return Err(Full::Parked { object });
            }
        }
        let item = Item::Parked(id.clone(), Box::new(parked.clone()));
        additions.push(Change::Put(object, item));
    }
    Ok(additions)
}

fn release(parked: &Parked, id: &ParkedId, order: &OrderId, rows: &Rows, decision: &mut Decision) {
    decision.said.push(Said::Forward {
        order: order.clone(),
        parked: Box::new(parked.clone()),
    });
    let objects = objects(parked);
    for object in &objects {
        if holds(rows, object, |row| !row.claims.is_empty()) {
            continue;
        }
        decision.said.push(Said::Teach {
            object: object.clone(),
            order: order.clone(),
            learned_from: parked.event.event.id.to_string(),
            at: parked.event.received_at,
        });
    }
    if objects
        .iter()
        .any(|object| holds(rows, object, |row| row.overdue.contains(id)))
    {
        decision.said.push(Said::Linked {
            object: parked.key.clone(),
            order: order.clone(),
            at: parked.event.received_at,
        });
    }
    for object in objects {
        decision.then.push(Change::Release(object, id.clone()));
    }
}

/// Said once of an object, by the first of its events that is over age: what a later one knows
/// more would be another story under the same id.
fn unlinked(object: &ObjectId, id: &ParkedId, row: &Row) -> Option<Said> {
    let waiting = || {
        row.parked
            .iter()
            .filter(|(_, parked)| parked.key == *object)
    };
    let overdue = waiting().filter(|(id, _)| row.overdue.contains(*id));
    let (first, _) = overdue.min_by_key(|(id, parked)| (parked.event.received_at, *id))?;
    if first != id {
        return None;
    }
    let since = waiting()
        .map(|(_, parked)| parked.event.received_at)
        .min()?;
    let proven = waiting().filter_map(|(_, parked)| success(parked));
    Some(Said::Unlinked {
        object: object.clone(),
        success: proven.max_by_key(|success| (success.amount, success.currency)),
        since,
    })
}

/// The money that an event proves to have come in.
fn success(parked: &Parked) -> Option<Success> {
    let event = &parked.event.event;
    let (amount, currency) = match &event.facts {
        Facts::Payment(payment) if event.kind == EventType::PaymentIntentSucceeded => {
            (payment.amount_received, payment.currency)
        }
        Facts::Charge(charge) if charge.captured => (charge.amount_captured, charge.currency),
        Facts::Session(session) if session.payment_status == SessionPaymentStatus::Paid => {
            (session.amount_total, session.currency?)
        }
        Facts::Payment(_)
        | Facts::Session(_)
        | Facts::Charge(_)
        | Facts::Refund(_)
        | Facts::Dispute(_)
        | Facts::Unlinked(_)
        | Facts::Linked(_)
        | Facts::ClaimedTwice(_) => return None,
    };
    Some(Success { amount, currency })
}

/// Only of payments: an order that claims another's charge or session claims its payment too.
fn tell_of_claims(object: &ObjectId, row: &Row, decision: &mut Decision) {
    if row.claims.len() < 2 || !object.as_str().starts_with("pi_") {
        return;
    }
    let Some(first) = row.owner() else { return };
    // The first hears of the one that came next, every other of the first.
    let others = row.claims.iter().filter(|(order, _)| *order != first);
    let next = others.min_by_key(|(order, since)| (**since, *order));
    for (order, since) in &row.claims {
        if row.twice.contains(order) {
            continue;
        }
        let Some((next, next_since)) = next else {
            return;
        };
        let (other, at) = if order == first {
            (next, next_since)
        } else {
            (first, since)
        };
        decision.said.push(Said::ClaimedTwice {
            order: order.clone(),
            other: other.clone(),
            payment: object.clone(),
            at: *at,
        });
        let said = Item::Twice(order.clone());
        decision.then.push(Change::Put(object.clone(), said));
    }
}
