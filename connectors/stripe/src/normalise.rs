//! From a verified body to what Trueup keeps of it: one event with its facts, the order it
//! names, the objects it speaks of, and the masked body with its digest.
//!
//! The audit uses the same way: a body back from the log gives the same facts.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trueup_domain::event::{Event, EventType, Facts};
use trueup_domain::ids::{EventId, ObjectId, OrderId};

use crate::envelope::{BodyFault, Envelope};
use crate::facts::{self, Objects, Told};
use crate::field::{Field, FieldFault};
use crate::limits::MAX_CREATED_S;
use crate::mask::masked;
use crate::signature::Verified;

/// An event's envelope; what its object says is read when [`Notice::normalise`] asks for it.
#[derive(Debug)]
pub struct Notice<'a> {
    pub id: EventId,
    pub event_type: String,
    pub livemode: Option<bool>,
    /// The connected account that the event came from.
    pub account: Option<String>,
    pub api_version: Option<String>,
    created: Field<'a>,
    object: Option<&'a str>,
    masked: Bytes,
}

/// An event that is written to the log.
#[derive(Debug)]
pub struct Normalised {
    pub event: Event,
    /// The order that the object names; `None` leaves the event to the linker.
    pub order_id: Option<OrderId>,
    /// The object names two orders.
    pub order_ids_disagree: bool,
    pub payment: Option<ObjectId>,
    pub charge: Option<ObjectId>,
    pub session: Option<ObjectId>,
    /// The body with every `client_secret` blotted out.
    pub body: Bytes,
    /// Of the masked body.
    pub body_sha256: [u8; 32],
}

impl Normalised {
    /// The key of an event whose order is not known: its payment, else its charge, else its
    /// session, else the object itself.
    #[must_use]
    pub fn unlinked_key(&self) -> &ObjectId {
        let known = self
            .payment
            .as_ref()
            .or(self.charge.as_ref())
            .or(self.session.as_ref());
        known.unwrap_or_else(|| own_id(&self.event.facts))
    }

    /// The objects whose order this event teaches, each once.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectId> {
        [&self.payment, &self.charge, &self.session]
            .into_iter()
            .flatten()
    }
}

impl<'a> Notice<'a> {
    /// Reads the envelope of a verified body.
    ///
    /// # Errors
    /// What keeps it from being an event; the message never quotes the body.
    pub fn read(verified: &'a Verified) -> Result<Self, BodyFault> {
        let body = verified.body();
        let masked = masked(body)?;
        let text = std::str::from_utf8(body).map_err(|_| BodyFault::NotUtf8)?;
        let envelope = Envelope::read(text)?;
        Ok(Self {
            id: envelope.id,
            event_type: envelope.event_type,
            livemode: envelope.livemode,
            account: envelope.account,
            api_version: envelope.api_version,
            created: envelope.created,
            object: envelope.object,
            masked,
        })
    }

    /// Reads the facts. `None` for an event that is only counted: a type that is not used, or a
    /// session that is not a payment.
    ///
    /// # Errors
    /// A field that is needed and is not as Stripe documents it, by name.
    pub fn normalise(self) -> Result<Option<Normalised>, BodyFault> {
        let Some(kind) = EventType::from_name(&self.event_type) else {
            return Ok(None);
        };
        let object = self.object.ok_or(FieldFault::Missing {
            field: "data.object",
        })?;
        let Some(Told {
            facts,
            order,
            objects,
        }) = facts::told(kind, object)?
        else {
            return Ok(None);
        };
        let seconds = "Unix seconds, from 0 to the year 9999";
        let created = self
            .created
            .needed_integer("created", seconds, 0..=MAX_CREATED_S)?;
        let event = Event {
            id: self.id,
            kind,
            created,
            livemode: self.livemode,
            facts,
        };
        let Objects {
            payment,
            charge,
            session,
        } = objects;
        Ok(Some(Normalised {
            event,
            order_id: order.order_id,
            order_ids_disagree: order.disagree,
            payment,
            charge,
            session,
            body_sha256: Sha256::digest(&self.masked).into(),
            body: self.masked,
        }))
    }
}

fn own_id(facts: &Facts) -> &ObjectId {
    match facts {
        Facts::Payment(payment) => &payment.id,
        Facts::Session(session) => &session.id,
        Facts::Charge(charge) => &charge.id,
        Facts::Refund(refund) => &refund.id,
        Facts::Dispute(dispute) => &dispute.id,
        // Never derived from a body: the linker says these.
        Facts::Unlinked(unlinked) => &unlinked.id,
        Facts::Linked(linked) => &linked.id,
        Facts::ClaimedTwice(claim) => &claim.payment,
    }
}

#[cfg(test)]
#[path = "normalise_tests.rs"]
mod tests;
