//! The join of each kind of cell: what is known, together with what is new.
//!
//! Every field is a maximum, a minimum or a register, so a join does not care which side came
//! first, nor how often. What an event says is a cell of its own; the fold only joins it in.

use trueup_plants::{Plant, planted};

use crate::event::{
    ChargeFacts, ClaimedTwiceFacts, DisputeFacts, DisputeStatus, Event, EventType, LinkedFacts,
    PaymentFacts, PaymentStep, RefundFacts, RefundStatus, SessionFacts, SessionPaymentStatus,
    SessionStep, UnixSeconds, UnlinkedFacts,
};
use crate::ids::ObjectId;
use crate::ledger::{
    ChargeCell, ClaimCell, DisputeCell, FactsDigest, PaymentCell, RefundCell, SessionCell,
    SessionProgress, Stamp, UnlinkedCell,
};
use crate::money::MinorUnits;

/// A cell of a ledger: found by its id, joined with another of the same id.
pub(crate) trait Cell {
    fn id(&self) -> &ObjectId;
    fn join(&mut self, other: Self);
}

/// Joins `cell` into `cells`, which stay sorted by id.
pub(crate) fn join_into<C: Cell>(cells: &mut Vec<C>, cell: C) {
    match cells.binary_search_by(|known| known.id().cmp(cell.id())) {
        Ok(place) => {
            if let Some(known) = cells.get_mut(place) {
                known.join(cell);
            }
        }
        Err(place) => cells.insert(place, cell),
    }
}

/// The cell of `id` among `cells`, which are sorted by id.
pub(crate) fn find<'a, C: Cell>(cells: &'a [C], id: &ObjectId) -> Option<&'a C> {
    let place = cells.binary_search_by(|known| known.id().cmp(id)).ok()?;
    cells.get(place)
}

/// The lesser of two times of which either may be unknown.
pub(crate) fn earliest(one: Option<UnixSeconds>, two: Option<UnixSeconds>) -> Option<UnixSeconds> {
    one.into_iter().chain(two).min()
}

fn stamp(event: &Event, rank: u8, digest: FactsDigest) -> Stamp {
    Stamp {
        created: event.created,
        rank,
        event: event.id.clone(),
        digest,
    }
}

/// A link that is told beats one that is not; of two that differ the greater holds.
fn link(known: &mut Option<ObjectId>, told: Option<ObjectId>) {
    if told > *known {
        *known = told;
    }
}

fn raise(known: &mut MinorUnits, told: MinorUnits) {
    *known = (*known).max(told);
}

impl PaymentCell {
    pub(crate) fn of(
        event: &Event,
        digest: FactsDigest,
        step: PaymentStep,
        facts: &PaymentFacts,
    ) -> Self {
        Self {
            id: facts.id.clone(),
            latest: (stamp(event, step.rank(), digest), event.kind),
            first_seen: event.created,
            succeeded_at: (step == PaymentStep::Succeeded).then_some(event.created),
            amount: facts.amount,
            amount_received: facts.amount_received,
            currency: facts.currency,
        }
    }
}

impl Cell for PaymentCell {
    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn join(&mut self, other: Self) {
        if planted(Plant::CreatedBeatsSucceeded) {
            if other.latest.0.created >= self.latest.0.created {
                *self = other;
            }
            return;
        }
        self.first_seen = self.first_seen.min(other.first_seen);
        // Final whatever `latest` says: nothing takes a success back.
        self.succeeded_at = earliest(self.succeeded_at, other.succeeded_at);
        raise(&mut self.amount, other.amount);
        raise(&mut self.amount_received, other.amount_received);
        if other.latest.0 > self.latest.0 {
            self.latest = other.latest;
            self.currency = other.currency;
        }
    }
}

impl ChargeCell {
    pub(crate) fn of(event: &Event, digest: FactsDigest, facts: &ChargeFacts) -> Self {
        let captured = facts.captured && event.kind != EventType::ChargeFailed;
        Self {
            id: facts.id.clone(),
            payment: facts.payment.clone(),
            latest: stamp(event, 0, digest),
            first_seen: event.created,
            captured_at: captured.then_some(event.created),
            amount: facts.amount,
            amount_captured: if captured {
                facts.amount_captured
            } else {
                MinorUnits::ZERO
            },
            amount_refunded: facts.amount_refunded,
            currency: facts.currency,
        }
    }
}

impl Cell for ChargeCell {
    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn join(&mut self, other: Self) {
        link(&mut self.payment, other.payment);
        self.first_seen = self.first_seen.min(other.first_seen);
        self.captured_at = earliest(self.captured_at, other.captured_at);
        raise(&mut self.amount, other.amount);
        raise(&mut self.amount_captured, other.amount_captured);
        raise(&mut self.amount_refunded, other.amount_refunded);
        if other.latest > self.latest {
            self.latest = other.latest;
            self.currency = other.currency;
        }
    }
}

impl SessionCell {
    pub(crate) fn of(
        event: &Event,
        digest: FactsDigest,
        step: SessionStep,
        facts: &SessionFacts,
    ) -> Self {
        let progress = match (step, facts.payment_status) {
            (SessionStep::Expired, _) => SessionProgress::Expired,
            (SessionStep::AsyncPaymentFailed, _) => SessionProgress::AsyncPaymentFailed,
            (SessionStep::AsyncPaymentSucceeded, _)
            | (SessionStep::Completed, SessionPaymentStatus::Paid) => SessionProgress::Paid,
            (SessionStep::Completed, SessionPaymentStatus::NoPaymentRequired) => {
                SessionProgress::NoPaymentRequired
            }
            (SessionStep::Completed, SessionPaymentStatus::Unpaid) => {
                SessionProgress::CompletedUnpaid
            }
        };
        Self {
            id: facts.id.clone(),
            payment: facts.payment.clone(),
            progress,
            first_seen: event.created,
            paid_at: (progress == SessionProgress::Paid).then_some(event.created),
            latest: stamp(event, 0, digest),
            amount_total: facts.amount_total,
            currency: facts.currency,
        }
    }
}

impl Cell for SessionCell {
    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn join(&mut self, other: Self) {
        link(&mut self.payment, other.payment);
        self.progress = self.progress.max(other.progress);
        self.first_seen = self.first_seen.min(other.first_seen);
        self.paid_at = earliest(self.paid_at, other.paid_at);
        raise(&mut self.amount_total, other.amount_total);
        let told = (other.currency.is_some(), &other.latest);
        if told > (self.currency.is_some(), &self.latest) {
            self.latest = other.latest;
            self.currency = other.currency;
        }
    }
}

impl RefundCell {
    pub(crate) fn of(event: &Event, digest: FactsDigest, facts: &RefundFacts) -> Self {
        let rank = match facts.status {
            RefundStatus::Pending => 0,
            RefundStatus::RequiresAction => 1,
            RefundStatus::Succeeded => 2,
            RefundStatus::Canceled => 3,
            RefundStatus::Failed => 4,
        };
        Self {
            id: facts.id.clone(),
            charge: facts.charge.clone(),
            payment: facts.payment.clone(),
            latest: (stamp(event, rank, digest), facts.status),
            amount: facts.amount,
            currency: facts.currency,
        }
    }
}

impl Cell for RefundCell {
    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn join(&mut self, other: Self) {
        link(&mut self.charge, other.charge);
        link(&mut self.payment, other.payment);
        raise(&mut self.amount, other.amount);
        if other.latest.0 > self.latest.0 {
            self.latest = other.latest;
            self.currency = other.currency;
        }
    }
}

impl DisputeCell {
    pub(crate) fn of(event: &Event, digest: FactsDigest, facts: &DisputeFacts) -> Self {
        let (rank, closed) = match facts.status {
            DisputeStatus::Warning => (0, false),
            DisputeStatus::Prevented => (1, false),
            DisputeStatus::NeedsResponse => (2, false),
            DisputeStatus::UnderReview => (3, false),
            DisputeStatus::Won | DisputeStatus::Lost => (0, true),
        };
        let told = (stamp(event, rank, digest), facts.status);
        let (latest, closed) = if closed {
            (None, Some(told))
        } else {
            (Some(told), None)
        };
        Self {
            id: facts.id.clone(),
            charge: facts.charge.clone(),
            payment: facts.payment.clone(),
            latest,
            closed,
            amount: facts.amount,
            currency: facts.currency,
        }
    }

    /// Of the latest of all its facts, open or closed: it orders the currency.
    fn stamp(&self) -> Option<&Stamp> {
        let told = self.latest.iter().chain(&self.closed);
        told.map(|(stamp, _)| stamp).max()
    }
}

impl Cell for DisputeCell {
    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn join(&mut self, other: Self) {
        if other.stamp() > self.stamp() {
            self.currency = other.currency;
        }
        link(&mut self.charge, other.charge);
        link(&mut self.payment, other.payment);
        raise(&mut self.amount, other.amount);
        register(&mut self.latest, other.latest);
        register(&mut self.closed, other.closed);
    }
}

fn register(known: &mut Option<(Stamp, DisputeStatus)>, told: Option<(Stamp, DisputeStatus)>) {
    if told > *known {
        *known = told;
    }
}

impl UnlinkedCell {
    pub(crate) fn waiting(facts: &UnlinkedFacts) -> Self {
        Self {
            id: facts.id.clone(),
            since: Some(facts.since),
            success: facts.success,
            found: false,
        }
    }

    pub(crate) fn found(facts: &LinkedFacts) -> Self {
        Self {
            id: facts.id.clone(),
            since: None,
            success: None,
            found: true,
        }
    }
}

impl Cell for UnlinkedCell {
    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn join(&mut self, other: Self) {
        self.since = earliest(self.since, other.since);
        self.success = self.success.max(other.success);
        self.found |= other.found;
    }
}

impl ClaimCell {
    pub(crate) fn of(facts: &ClaimedTwiceFacts) -> Self {
        Self {
            id: facts.payment.clone(),
            other: facts.other.clone(),
        }
    }
}

impl Cell for ClaimCell {
    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn join(&mut self, other: Self) {
        if other.other > self.other {
            self.other = other.other;
        }
    }
}
