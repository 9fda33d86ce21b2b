//! The facts of an event on the wire: one record of a union for each kind of object.

use serde::{Deserialize, Serialize};
use trueup_domain::event::{
    ChargeFacts, ClaimedTwiceFacts, DisputeFacts, DisputeStatus, Facts, LinkedFacts, PaymentFacts,
    RefundFacts, RefundStatus, SessionFacts, SessionPaymentStatus, SessionStatus, Success,
    UnlinkedFacts,
};
use trueup_domain::ids::{InvalidId, ObjectId};
use trueup_domain::money::{Currency, NotACurrency};

use crate::fault::BadField;
use crate::wire::mirror_enum;

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
pub(super) enum FactsMirror<'a> {
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
    #[serde(rename = "trueup.v1.UnlinkedFacts", borrow)]
    Unlinked(UnlinkedMirror<'a>),
    #[serde(rename = "trueup.v1.LinkedFacts", borrow)]
    Linked(LinkedMirror<'a>),
    #[serde(rename = "trueup.v1.ClaimedTwiceFacts", borrow)]
    ClaimedTwice(ClaimedTwiceMirror<'a>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct UnlinkedMirror<'a> {
    id: &'a str,
    #[serde(borrow)]
    success: Option<SuccessMirror<'a>>,
    since: i64,
}

#[derive(Serialize, Deserialize)]
struct SuccessMirror<'a> {
    amount: i64,
    currency: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct LinkedMirror<'a> {
    id: &'a str,
    order: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ClaimedTwiceMirror<'a> {
    payment: &'a str,
    other: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PaymentMirror<'a> {
    id: &'a str,
    amount: i64,
    amount_received: i64,
    currency: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SessionMirror<'a> {
    id: &'a str,
    payment: Option<&'a str>,
    amount_total: i64,
    currency: Option<&'a str>,
    payment_status: SessionPaymentStatusMirror,
    status: SessionStatusMirror,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ChargeMirror<'a> {
    id: &'a str,
    payment: Option<&'a str>,
    amount: i64,
    amount_captured: i64,
    amount_refunded: i64,
    currency: &'a str,
    captured: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RefundMirror<'a> {
    id: &'a str,
    charge: Option<&'a str>,
    payment: Option<&'a str>,
    amount: i64,
    currency: &'a str,
    status: RefundStatusMirror,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DisputeMirror<'a> {
    id: &'a str,
    charge: Option<&'a str>,
    payment: Option<&'a str>,
    amount: i64,
    currency: &'a str,
    status: DisputeStatusMirror,
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
            Facts::Unlinked(unlinked) => Self::Unlinked(UnlinkedMirror {
                id: unlinked.id.as_str(),
                success: unlinked.success.as_ref().map(|success| SuccessMirror {
                    amount: success.amount.get(),
                    currency: success.currency.as_str(),
                }),
                since: unlinked.since,
            }),
            Facts::Linked(linked) => Self::Linked(LinkedMirror {
                id: linked.id.as_str(),
                order: linked.order.as_str(),
            }),
            Facts::ClaimedTwice(claim) => Self::ClaimedTwice(ClaimedTwiceMirror {
                payment: claim.payment.as_str(),
                other: claim.other.as_str(),
            }),
        }
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
            FactsMirror::Unlinked(unlinked) => Self::Unlinked(UnlinkedFacts {
                id: unlinked
                    .id
                    .try_into()
                    .map_err(BadField::named("facts.id"))?,
                success: unlinked.success.map(Success::try_from).transpose()?,
                since: unlinked.since,
            }),
            FactsMirror::Linked(linked) => Self::Linked(LinkedFacts {
                id: linked.id.try_into().map_err(BadField::named("facts.id"))?,
                order: linked
                    .order
                    .try_into()
                    .map_err(BadField::named("facts.order"))?,
            }),
            FactsMirror::ClaimedTwice(claim) => Self::ClaimedTwice(ClaimedTwiceFacts {
                payment: claim
                    .payment
                    .try_into()
                    .map_err(BadField::named("facts.payment"))?,
                other: claim
                    .other
                    .try_into()
                    .map_err(BadField::named("facts.other"))?,
            }),
        })
    }
}

impl TryFrom<SuccessMirror<'_>> for Success {
    type Error = BadField;

    fn try_from(success: SuccessMirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            amount: success
                .amount
                .try_into()
                .map_err(BadField::named("facts.success.amount"))?,
            currency: success
                .currency
                .try_into()
                .map_err(BadField::named("facts.success.currency"))?,
        })
    }
}

pub(super) fn object(id: Option<&str>) -> Result<Option<ObjectId>, InvalidId> {
    id.map(ObjectId::try_from).transpose()
}

pub(super) fn currency(code: Option<&str>) -> Result<Option<Currency>, NotACurrency> {
    code.map(Currency::try_from).transpose()
}
