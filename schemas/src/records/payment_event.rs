//! The facts of one verified event, as the reconciler folds them.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::{
    ChargeFacts, DisputeFacts, DisputeStatus, Event, EventType, Facts, PaymentFacts, RefundFacts,
    RefundStatus, SessionFacts, SessionPaymentStatus, SessionStatus, UnixMillis,
};
use trueup_domain::ids::{InvalidId, ObjectId};
use trueup_domain::money::{Currency, NotACurrency};

use crate::fault::{BadField, DecodeFault, FieldFault};
use crate::kind::RecordKind;
use crate::records::Record;
use crate::wire::{self, Fixed, mirror_enum};

/// A value of `payments.events` (key: order id) and of `payments.unlinked` (key: the payment,
/// charge or session it belongs to).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentEvent {
    pub event: Event,
    pub account: Option<String>,
    pub source: Source,
    pub received_at: UnixMillis,
    /// Of the masked body in `payments.bodies`.
    pub body_sha256: [u8; 32],
}

/// How an event came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Webhook,
    Sweep,
    Probe,
    Linker,
    Replay,
}

impl Source {
    pub const ALL: &'static [Self] = &[
        Self::Webhook,
        Self::Sweep,
        Self::Probe,
        Self::Linker,
        Self::Replay,
    ];

    /// Stored and published: must stay stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Sweep => "sweep",
            Self::Probe => "probe",
            Self::Linker => "linker",
            Self::Replay => "replay",
        }
    }
}

mirror_enum! { SourceMirror for Source {
    Webhook = 0 "webhook",
    Sweep = 1 "sweep",
    Probe = 2 "probe",
    Linker = 3 "linker",
    Replay = 4 "replay",
}}

mirror_enum! { SessionPaymentStatusMirror for SessionPaymentStatus {
    Unpaid = 0 "unpaid",
    Paid = 1 "paid",
    NoPaymentRequired = 2 "no_payment_required",
}}

mirror_enum! { SessionStatusMirror for SessionStatus {
    Open = 0 "open",
    Expired = 1 "expired",
    Complete = 2 "complete",
}}

mirror_enum! { RefundStatusMirror for RefundStatus {
    Pending = 0 "pending",
    RequiresAction = 1 "requires_action",
    Succeeded = 2 "succeeded",
    Canceled = 3 "canceled",
    Failed = 4 "failed",
}}

mirror_enum! { DisputeStatusMirror for DisputeStatus {
    Warning = 0 "warning",
    Prevented = 1 "prevented",
    NeedsResponse = 2 "needs_response",
    UnderReview = 3 "under_review",
    Won = 4 "won",
    Lost = 5 "lost",
}}

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    event_id: &'a str,
    r#type: &'a str,
    created: i64,
    livemode: Option<bool>,
    account: Option<&'a str>,
    source: SourceMirror,
    received_at: i64,
    body_sha256: Fixed<32>,
    #[serde(borrow)]
    facts: FactsMirror<'a>,
}

#[derive(Serialize, Deserialize)]
enum FactsMirror<'a> {
    #[serde(rename = "trueup.v1.PaymentFacts", borrow)]
    Payment(PaymentMirror<'a>),
    #[serde(rename = "trueup.v1.SessionFacts", borrow)]
    Session(SessionMirror<'a>),
    #[serde(rename = "trueup.v1.ChargeFacts", borrow)]
    Charge(ChargeMirror<'a>),
    #[serde(rename = "trueup.v1.RefundFacts", borrow)]
    Refund(RefundMirror<'a>),
    #[serde(rename = "trueup.v1.DisputeFacts", borrow)]
    Dispute(DisputeMirror<'a>),
}

#[derive(Serialize, Deserialize)]
struct PaymentMirror<'a> {
    id: &'a str,
    amount: i64,
    amount_received: i64,
    currency: &'a str,
}

#[derive(Serialize, Deserialize)]
struct SessionMirror<'a> {
    id: &'a str,
    payment: Option<&'a str>,
    amount_total: i64,
    currency: Option<&'a str>,
    payment_status: SessionPaymentStatusMirror,
    status: SessionStatusMirror,
}

#[derive(Serialize, Deserialize)]
struct ChargeMirror<'a> {
    id: &'a str,
    payment: Option<&'a str>,
    amount: i64,
    amount_captured: i64,
    amount_refunded: i64,
    currency: &'a str,
    captured: bool,
}

#[derive(Serialize, Deserialize)]
struct RefundMirror<'a> {
    id: &'a str,
    charge: Option<&'a str>,
    payment: Option<&'a str>,
    amount: i64,
    currency: &'a str,
    status: RefundStatusMirror,
}

#[derive(Serialize, Deserialize)]
struct DisputeMirror<'a> {
    id: &'a str,
    charge: Option<&'a str>,
    payment: Option<&'a str>,
    amount: i64,
    currency: &'a str,
    status: DisputeStatusMirror,
}

impl Record for PaymentEvent {
    const KIND: RecordKind = RecordKind::PaymentEvent;
    const USUAL_BYTES: usize = 256;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            event_id: self.event.id.as_str(),
            r#type: self.event.kind.as_str(),
            created: self.event.created,
            livemode: self.event.livemode,
            account: self.account.as_deref(),
            source: self.source.into(),
            received_at: self.received_at,
            body_sha256: Fixed(self.body_sha256),
            facts: FactsMirror::from(&self.event.facts),
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        Self::try_from(mirror).map_err(|bad| bad.of(Self::KIND.name()))
    }
}

impl<'a> From<&'a Facts> for FactsMirror<'a> {
    fn from(facts: &'a Facts) -> Self {
        match facts {
            Facts::Payment(payment) => Self::Payment(PaymentMirror {
                id: payment.id.as_str(),
                amount: payment.amount.get(),
                amount_received: payment.amount_received.get(),
                currency: payment.currency.as_str(),
            }),
            Facts::Session(session) => Self::Session(SessionMirror {
                id: session.id.as_str(),
                payment: session.payment.as_ref().map(ObjectId::as_str),
                amount_total: session.amount_total.get(),
                currency: session.currency.as_ref().map(Currency::as_str),
                payment_status: session.payment_status.into(),
                status: session.status.into(),
            }),
            Facts::Charge(charge) => Self::Charge(ChargeMirror {
                id: charge.id.as_str(),
                payment: charge.payment.as_ref().map(ObjectId::as_str),
                amount: charge.amount.get(),
                amount_captured: charge.amount_captured.get(),
                amount_refunded: charge.amount_refunded.get(),
                currency: charge.currency.as_str(),
                captured: charge.captured,
            }),
            Facts::Refund(refund) => Self::Refund(RefundMirror {
                id: refund.id.as_str(),
                charge: refund.charge.as_ref().map(ObjectId::as_str),
                payment: refund.payment.as_ref().map(ObjectId::as_str),
                amount: refund.amount.get(),
                currency: refund.currency.as_str(),
                status: refund.status.into(),
            }),
            Facts::Dispute(dispute) => Self::Dispute(DisputeMirror {
                id: dispute.id.as_str(),
                charge: dispute.charge.as_ref().map(ObjectId::as_str),
                payment: dispute.payment.as_ref().map(ObjectId::as_str),
                amount: dispute.amount.get(),
                currency: dispute.currency.as_str(),
                status: dispute.status.into(),
            }),
        }
    }
}

impl TryFrom<Mirror<'_>> for PaymentEvent {
    type Error = BadField;

    fn try_from(mirror: Mirror<'_>) -> Result<Self, BadField> {
        let kind = EventType::from_name(mirror.r#type)
            .ok_or_else(|| FieldFault::UnknownEventType(printable(mirror.r#type)))
            .map_err(BadField::named("type"))?;
        let facts = Facts::try_from(mirror.facts)?;
        Ok(Self {
            event: Event {
                id: mirror
                    .event_id
                    .try_into()
                    .map_err(BadField::named("event_id"))?,
                kind,
                created: mirror.created,
                livemode: mirror.livemode,
                facts: fitting(kind, facts)?,
            },
            account: mirror.account.map(str::to_owned),
            source: mirror.source.into(),
            received_at: mirror.received_at,
            body_sha256: mirror.body_sha256.0,
        })
    }
}

/// An unknown type is quoted, so it is cut to what a type can look like.
fn printable(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_ascii_graphic())
        .take(64)
        .collect()
}

/// Facts of another kind of object than the type speaks of would be folded as what they are not.
fn fitting(kind: EventType, facts: Facts) -> Result<Facts, BadField> {
    let (expected, found) = (object_of(kind), name_of(&facts));
    if expected == found {
        Ok(facts)
    } else {
        let fault = FieldFault::WrongFacts {
            kind: kind.as_str(),
            facts: found,
        };
        Err(BadField {
            field: "facts",
            fault,
        })
    }
}

fn name_of(facts: &Facts) -> &'static str {
    match facts {
        Facts::Payment(_) => "payment",
        Facts::Session(_) => "session",
        Facts::Charge(_) => "charge",
        Facts::Refund(_) => "refund",
        Facts::Dispute(_) => "dispute",
    }
}

fn object_of(kind: EventType) -> &'static str {
    match kind {
        EventType::PaymentIntentCreated
        | EventType::PaymentIntentRequiresAction
        | EventType::PaymentIntentProcessing
        | EventType::PaymentIntentPartiallyFunded
        | EventType::PaymentIntentAmountCapturableUpdated
        | EventType::PaymentIntentPaymentFailed
        | EventType::PaymentIntentCanceled
        | EventType::PaymentIntentSucceeded => "payment",
        EventType::CheckoutSessionCompleted
        | EventType::CheckoutSessionAsyncPaymentSucceeded
        | EventType::CheckoutSessionAsyncPaymentFailed
        | EventType::CheckoutSessionExpired => "session",
        EventType::ChargeSucceeded
        | EventType::ChargeFailed
        | EventType::ChargeCaptured
        | EventType::ChargeUpdated
        | EventType::ChargeRefunded => "charge",
        EventType::RefundCreated
        | EventType::RefundUpdated
        | EventType::RefundFailed
        | EventType::ChargeRefundUpdated => "refund",
        EventType::DisputeCreated
        | EventType::DisputeUpdated
        | EventType::DisputeClosed
        | EventType::DisputeFundsWithdrawn
        | EventType::DisputeFundsReinstated => "dispute",
    }
}

impl TryFrom<FactsMirror<'_>> for Facts {
    type Error = BadField;

    fn try_from(mirror: FactsMirror<'_>) -> Result<Self, BadField> {
        Ok(match mirror {
            FactsMirror::Payment(payment) => Self::Payment(PaymentFacts {
                id: payment.id.try_into().map_err(BadField::named("facts.id"))?,
                amount: payment
                    .amount
                    .try_into()
                    .map_err(BadField::named("facts.amount"))?,
                amount_received: payment
                    .amount_received
                    .try_into()
                    .map_err(BadField::named("facts.amount_received"))?,
                currency: payment
                    .currency
                    .try_into()
                    .map_err(BadField::named("facts.currency"))?,
            }),
            FactsMirror::Session(session) => Self::Session(SessionFacts {
                id: session.id.try_into().map_err(BadField::named("facts.id"))?,
                payment: object(session.payment).map_err(BadField::named("facts.payment"))?,
                amount_total: session
                    .amount_total
                    .try_into()
                    .map_err(BadField::named("facts.amount_total"))?,
                currency: currency(session.currency).map_err(BadField::named("facts.currency"))?,
                payment_status: session.payment_status.into(),
                status: session.status.into(),
            }),
            FactsMirror::Charge(charge) => Self::Charge(ChargeFacts {
                id: charge.id.try_into().map_err(BadField::named("facts.id"))?,
                payment: object(charge.payment).map_err(BadField::named("facts.payment"))?,
                amount: charge
                    .amount
                    .try_into()
                    .map_err(BadField::named("facts.amount"))?,
                amount_captured: charge
                    .amount_captured
                    .try_into()
                    .map_err(BadField::named("facts.amount_captured"))?,
                amount_refunded: charge
                    .amount_refunded
                    .try_into()
                    .map_err(BadField::named("facts.amount_refunded"))?,
                currency: charge
                    .currency
                    .try_into()
                    .map_err(BadField::named("facts.currency"))?,
                captured: charge.captured,
            }),
            FactsMirror::Refund(refund) => Self::Refund(RefundFacts {
                id: refund.id.try_into().map_err(BadField::named("facts.id"))?,
                charge: object(refund.charge).map_err(BadField::named("facts.charge"))?,
                payment: object(refund.payment).map_err(BadField::named("facts.payment"))?,
                amount: refund
                    .amount
                    .try_into()
                    .map_err(BadField::named("facts.amount"))?,
                currency: refund
                    .currency
                    .try_into()
                    .map_err(BadField::named("facts.currency"))?,
                status: refund.status.into(),
            }),
            FactsMirror::Dispute(dispute) => Self::Dispute(DisputeFacts {
                id: dispute.id.try_into().map_err(BadField::named("facts.id"))?,
                charge: object(dispute.charge).map_err(BadField::named("facts.charge"))?,
                payment: object(dispute.payment).map_err(BadField::named("facts.payment"))?,
                amount: dispute
                    .amount
                    .try_into()
                    .map_err(BadField::named("facts.amount"))?,
                currency: dispute
                    .currency
                    .try_into()
                    .map_err(BadField::named("facts.currency"))?,
                status: dispute.status.into(),
            }),
        })
    }
}

pub(super) fn object(id: Option<&str>) -> Result<Option<ObjectId>, InvalidId> {
    id.map(ObjectId::try_from).transpose()
}

pub(super) fn currency(code: Option<&str>) -> Result<Option<Currency>, NotACurrency> {
    code.map(Currency::try_from).transpose()
}
