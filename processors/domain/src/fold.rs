//! The fold: one fact joins into the ledger of its order.
//!
//! It refuses what would grow a ledger beyond its bound, and nothing else: a fact that
//! contradicts an earlier one is joined like any other, and said to be a conflict.

use thiserror::Error;

use crate::digest;
use crate::event::{Event, Facts, Snapshot, Subject};
use crate::join::join_into;
use crate::ledger::{
    ChargeCell, ClaimCell, DisputeCell, FactsDigest, KEPT_SNAPSHOTS, LatestSnapshot, Ledger,
    MAX_EVENTS_PER_ORDER, PaymentCell, RefundCell, SeenEvent, SessionCell, UnlinkedCell,
};

/// What folding one record meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not seen before: joined.
    Fresh,
    /// Seen before with the same facts, or a snapshot older than all that are kept: nothing changed.
    Duplicate,
    /// The id is known with other facts: joined all the same, counted and alerted.
    Conflict,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the order holds {MAX_EVENTS_PER_ORDER} events, the most one order may hold; give further \
     payments an order id of their own"
)]
pub struct OrderFull;

/// Joins `event`, read at `offset` of `payments.events`.
///
/// # Errors
/// [`OrderFull`] when the event is not known and the order holds the most it may.
pub fn fold_event(ledger: &mut Ledger, event: &Event, offset: i64) -> Result<Verdict, OrderFull> {
    let digest = digest::of_event(event);
    let place = ledger.events.binary_search_by(|seen| {
        seen.id
            .cmp(&event.id)
            .then_with(|| seen.digest.cmp(&digest))
    });
    let place = match place {
        Ok(known) => {
            if let Some(seen) = ledger.events.get_mut(known) {
                seen.offset = seen.offset.min(offset);
            }
            return Ok(Verdict::Duplicate);
        }
        Err(place) => place,
    };
    if ledger.events.len() >= MAX_EVENTS_PER_ORDER {
        return Err(OrderFull);
    }
    // Other facts of the same id lie on either side of the place.
    let has_id = |at: usize| {
        ledger
            .events
            .get(at)
            .is_some_and(|seen| seen.id == event.id)
    };
    let conflict = has_id(place) || place.checked_sub(1).is_some_and(has_id);
    ledger.events.insert(
        place,
        SeenEvent {
            id: event.id.clone(),
            digest,
            kind: event.kind,
            created: event.created,
            offset,
        },
    );
    // `None` < `Some(false)` < `Some(true)`.
    ledger.livemode = ledger.livemode.max(event.livemode);
    join_facts(ledger, event, digest);
    Ok(if conflict {
        Verdict::Conflict
    } else {
        Verdict::Fresh
    })
}

/// A type that does not go with its facts is remembered as seen and says nothing.
fn join_facts(ledger: &mut Ledger, event: &Event, digest: FactsDigest) {
    match (event.kind.subject(), &event.facts) {
        (Subject::Payment(step), Facts::Payment(facts)) => {
            join_into(
                &mut ledger.payments,
                PaymentCell::of(event, digest, step, facts),
            );
        }
        (Subject::Session(step), Facts::Session(facts)) => {
            join_into(
                &mut ledger.sessions,
                SessionCell::of(event, digest, step, facts),
            );
        }
        (Subject::Charge | Subject::FailedCharge, Facts::Charge(facts)) => {
            join_into(&mut ledger.charges, ChargeCell::of(event, digest, facts));
        }
        (Subject::Refund, Facts::Refund(facts)) => {
            join_into(&mut ledger.refunds, RefundCell::of(event, digest, facts));
        }
        (Subject::Dispute, Facts::Dispute(facts)) => {
            join_into(&mut ledger.disputes, DisputeCell::of(event, digest, facts));
        }
        (Subject::Unlinked, Facts::Unlinked(facts)) => {
            join_into(&mut ledger.unlinked, UnlinkedCell::waiting(facts));
        }
        (Subject::Linked, Facts::Linked(facts)) => {
            join_into(&mut ledger.unlinked, UnlinkedCell::found(facts));
        }
        (Subject::ClaimedTwice, Facts::ClaimedTwice(facts)) => {
            join_into(&mut ledger.claims, ClaimCell::of(facts));
        }
        (
            Subject::Unlinked
            | Subject::Linked
            | Subject::ClaimedTwice
            | Subject::Payment(_)
            | Subject::Session(_)
            | Subject::Charge
            | Subject::FailedCharge
            | Subject::Refund
            | Subject::Dispute,
            Facts::Payment(_)
            | Facts::Session(_)
            | Facts::Charge(_)
            | Facts::Refund(_)
            | Facts::Dispute(_)
            | Facts::Unlinked(_)
            | Facts::Linked(_)
            | Facts::ClaimedTwice(_),
        ) => {}
    }
}

/// Joins what the order service says. The greatest (version, `updated_at`, digest) holds: an
/// order service that says two things under one version means the later. A (version, digest)
/// that is lower than all that are kept is ignored, and so is one that was let go before.
pub fn fold_snapshot(ledger: &mut Ledger, snapshot: &Snapshot) -> Verdict {
    let snapshots = &mut ledger.snapshots;
    let pair = (snapshot.version, digest::of_snapshot(snapshot));
    let Err(place) = snapshots.kept.binary_search(&pair) else {
        return Verdict::Duplicate;
    };
    let full = snapshots.kept.len() >= KEPT_SNAPSHOTS;
    if full && place == 0 {
        return Verdict::Duplicate;
    }
    let conflict = snapshots
        .kept
        .iter()
        .any(|(version, _)| *version == snapshot.version);
    let told = (snapshot.version, snapshot.updated_at, pair.1);
    let known = snapshots.latest.as_ref();
    if known.is_none_or(|known| told > (known.version, known.updated_at, known.digest)) {
        snapshots.latest = Some(LatestSnapshot {
            version: snapshot.version,
            digest: pair.1,
            status: snapshot.status,
            amount_due: snapshot.amount_due,
            currency: snapshot.currency,
            updated_at: snapshot.updated_at,
        });
    }
    snapshots.kept.insert(place, pair);
    if full {
        snapshots.kept.remove(0);
    }
    snapshots.seen = snapshots.seen.saturating_add(1);
    if conflict {
        Verdict::Conflict
    } else {
        Verdict::Fresh
    }
}
