//! Internal events: what only the linker can see, said to the ledger like any other event.
//!
//! The same facts make the same event, so that a linker which repeats itself says nothing new.
//! Nothing here comes from outside: a gateway refuses these types by their names.

use sha2::{Digest, Sha256};

use crate::event::{
    ClaimedTwiceFacts, Event, EventType, Facts, LinkedFacts, UnixSeconds, UnlinkedFacts,
};
use crate::ids::{EventId, InvalidId, ObjectId, OrderId};

/// The pseudo-order under which an object without an order is spoken of: `pi:<id>`.
///
/// # Errors
/// [`InvalidId::TooLong`] for an object id that leaves no room in an order id.
pub fn pseudo_order(object: &ObjectId) -> Result<OrderId, InvalidId> {
    OrderId::try_from(format!("pi:{object}").as_str())
}

/// Says that `facts.id` has waited over age. Goes to [`pseudo_order`] of it.
///
/// # Errors
/// None that ids of this form can have; the check is that of every id.
pub fn unlinked(facts: UnlinkedFacts) -> Result<Event, InvalidId> {
    let id = event_id(EventType::Unlinked, &[facts.id.as_str()])?;
    let created = facts.since.div_euclid(MILLIS_PER_SECOND);
    Ok(event(
        id,
        EventType::Unlinked,
        created,
        Facts::Unlinked(facts),
    ))
}

/// Says that the order of `facts.id` was found. Goes to [`pseudo_order`] of it. `created` has to
/// be a time that a repetition knows too, such as that of the parked event.
///
/// # Errors
/// As [`unlinked`].
pub fn linked(facts: LinkedFacts, created: UnixSeconds) -> Result<Event, InvalidId> {
    let id = event_id(
        EventType::Linked,
        &[facts.id.as_str(), facts.order.as_str()],
    )?;
    Ok(event(id, EventType::Linked, created, Facts::Linked(facts)))
}

/// Says to the order `to` that `facts.other` claims its payment too. `created` as for [`linked`].
///
/// # Errors
/// As [`unlinked`].
pub fn claimed_twice(
    to: &OrderId,
    facts: ClaimedTwiceFacts,
    created: UnixSeconds,
) -> Result<Event, InvalidId> {
    let told = [facts.payment.as_str(), to.as_str(), facts.other.as_str()];
    let id = event_id(EventType::ClaimedTwice, &told)?;
    let facts = Facts::ClaimedTwice(facts);
    Ok(event(id, EventType::ClaimedTwice, created, facts))
}

fn event(id: EventId, kind: EventType, created: UnixSeconds, facts: Facts) -> Event {
    Event {
        id,
        kind,
        created,
        livemode: None,
        facts,
    }
}

/// `<type>:` and a digest of what is told: ids of orders and objects together may be longer than
/// an event's id.
fn event_id(kind: EventType, told: &[&str]) -> Result<EventId, InvalidId> {
    let mut form = Sha256::new();
    for part in told {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        form.update(length.to_be_bytes());
        form.update(part.as_bytes());
    }
    let digest: [u8; 32] = form.finalize().into();
    let digits = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    let digits: String = digits.collect();
    EventId::try_from(format!("{}:{digits}", kind.as_str()).as_str())
}

const MILLIS_PER_SECOND: i64 = 1000;
