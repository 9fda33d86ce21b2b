//! What a payment, as the API shows it, says for good, in the form of an event: its id is made of
//! its facts, so that the same answer is the same event, whoever asked and how often.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use trueup_domain::digest;
use trueup_domain::event::UnixSeconds;
use trueup_domain::ids::{EventId, ObjectId};

use crate::normalise::Notice;
use crate::signature::Verified;

/// What is said, with the event that says it.
#[derive(Debug)]
pub(super) enum Said {
    Succeeded(Body),
    Canceled(Body),
    /// Not final.
    Undecided,
}

#[derive(Debug)]
pub(super) struct Body {
    pub(super) event_id: EventId,
    pub(super) bytes: Bytes,
}

#[derive(Deserialize)]
struct Payment<'a> {
    object: &'a str,
    id: &'a str,
    status: &'a str,
    created: UnixSeconds,
    #[serde(default)]
    canceled_at: Option<UnixSeconds>,
    #[serde(default)]
    livemode: Option<bool>,
    #[serde(default)]
    latest_charge: Option<Expandable<Charge>>,
}

#[derive(Deserialize)]
struct Charge {
    created: UnixSeconds,
    #[serde(default)]
    balance_transaction: Option<Expandable<Transaction>>,
}

#[derive(Deserialize)]
struct Transaction {
    created: UnixSeconds,
}

/// A reference that is an id, or the object itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expandable<T> {
    Object(T),
    Id(#[expect(dead_code, reason = "only told apart from the object")] String),
}

impl<T> Expandable<T> {
    fn object(&self) -> Option<&T> {
        match self {
            Self::Object(object) => Some(object),
            Self::Id(_) => None,
        }
    }
}

impl Payment<'_> {
    /// When the money was there. A success that is told too early would never be put right, since
    /// of two times the earlier holds; so the latest of what Stripe shows of it is taken.
    fn succeeded_at(&self) -> UnixSeconds {
        let charge = self.latest_charge.as_ref().and_then(Expandable::object);
        let money = charge
            .and_then(|charge| charge.balance_transaction.as_ref())
            .and_then(Expandable::object);
        let charged = charge.map_or(self.created, |charge| charge.created);
        let moved = money.map_or(self.created, |money| money.created);
        self.created.max(charged).max(moved)
    }
}

/// An answer that is JSON at all; one that is not is asked for again.
pub(super) fn json(answer: Vec<u8>) -> Result<Box<RawValue>, String> {
    serde_json::from_slice(&answer).map_err(|_| "it is not JSON".to_owned())
}

/// What `answer` says of `payment`.
///
/// # Errors
/// Another object, or fields that are not as Stripe documents them; never quotes the answer.
pub(super) fn read(payment: &ObjectId, answer: &RawValue) -> Result<Said, String> {
    let told: Payment<'_> = serde_json::from_str(answer.get())
        .map_err(|_| "the answer is no payment intent".to_owned())?;
    if told.object != "payment_intent" || told.id != payment.as_str() {
        return Err("the answer is another object".to_owned());
    }
    let event = |kind, created| event(payment, &told, kind, created, answer.get());
    match told.status {
        "succeeded" => event("payment_intent.succeeded", told.succeeded_at()).map(Said::Succeeded),
        "canceled" => {
            let at = told.canceled_at.unwrap_or(told.created);
            event("payment_intent.canceled", at).map(Said::Canceled)
        }
        // Everything else may change, a status that is new to us too.
        _ => Ok(Said::Undecided),
    }
}

fn event(
    payment: &ObjectId,
    told: &Payment<'_>,
    kind: &str,
    created: UnixSeconds,
    object: &str,
) -> Result<Body, String> {
    let livemode = match told.livemode {
        Some(true) => "true",
        Some(false) => "false",
        None => "null",
    };
    let body = |id: &str| {
        let id = serde_json::Value::from(id);
        let text = format!(
            r#"{{"id":{id},"object":"event","api_version":null,"created":{created},"livemode":{livemode},"pending_webhooks":0,"type":"{kind}","data":{{"object":{object}}}}}"#
        );
        Bytes::from(text)
    };
    // The facts do not depend on the event's id, and so their digest can be a part of it.
    let draft = Verified::by_origin(body("probe"));
    let event = Notice::read(&draft).and_then(Notice::normalise);
    let event = event.map_err(|fault| fault.to_string())?;
    let event = event.ok_or_else(|| "the answer has no facts".to_owned())?;
    let digest = digest::of_event(&event.event);
    let id = format!("probe:{payment}:{}", hex::encode(digest));
    let event_id = EventId::try_from(id.as_str()).map_err(|fault| fault.to_string())?;
    Ok(Body {
        bytes: body(event_id.as_str()),
        event_id,
    })
}
