//! The cells of a ledger on the wire: what is known of each payment, charge, session, refund and
//! dispute of an order.

use serde::{Deserialize, Serialize};
use trueup_domain::ids::ObjectId;
use trueup_domain::ledger::{
    ChargeCell, DisputeCell, PaymentCell, RefundCell, SessionCell, SessionProgress, Stamp,
};
use trueup_domain::money::Currency;

use crate::fault::{BadField, FieldFault};
use crate::records::facts::{DisputeStatusMirror, RefundStatusMirror, currency, object};
use crate::records::ledger::EventTypeMirror;
use crate::wire::{Fixed, mirror_enum};

/// The first bytes of a hash over type and facts.
pub(super) type Digest = Fixed<16>;

mirror_enum! { SessionProgressMirror for SessionProgress {
    Open = 0 "open",
    Expired = 1 "expired",
    CompletedUnpaid = 2 "completed_unpaid",
    AsyncPaymentFailed = 3 "async_payment_failed",
    NoPaymentRequired = 4 "no_payment_required",
    Paid = 5 "paid",
}}

#[derive(Serialize, Deserialize)]
pub(super) struct StampMirror<'a> {
    created: i64,
    rank: i32,
    event: &'a str,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
pub(super) struct PaymentMirror<'a> {
    id: &'a str,
    #[serde(borrow)]
    latest: StampMirror<'a>,
    latest_kind: EventTypeMirror,
    first_seen: i64,
    succeeded_at: Option<i64>,
    amount: i64,
    amount_received: i64,
    currency: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ChargeMirror<'a> {
    id: &'a str,
    payment: Option<&'a str>,
    #[serde(borrow)]
    latest: StampMirror<'a>,
    first_seen: i64,
    captured_at: Option<i64>,
    amount: i64,
    amount_captured: i64,
    amount_refunded: i64,
    currency: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SessionMirror<'a> {
    id: &'a str,
    payment: Option<&'a str>,
    progress: SessionProgressMirror,
    first_seen: i64,
    paid_at: Option<i64>,
    #[serde(borrow)]
    latest: StampMirror<'a>,
    amount_total: i64,
    currency: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RefundMirror<'a> {
    id: &'a str,
    charge: Option<&'a str>,
    payment: Option<&'a str>,
    #[serde(borrow)]
    latest: StampMirror<'a>,
    latest_status: RefundStatusMirror,
    amount: i64,
    currency: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DisputeMirror<'a> {
    id: &'a str,
    charge: Option<&'a str>,
    payment: Option<&'a str>,
    #[serde(borrow)]
    latest: Option<DisputeFactMirror<'a>>,
    #[serde(borrow)]
    closed: Option<DisputeFactMirror<'a>>,
    amount: i64,
    currency: &'a str,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DisputeFactMirror<'a> {
    #[serde(borrow)]
    stamp: StampMirror<'a>,
    status: DisputeStatusMirror,
}

impl<'a> From<&'a Stamp> for StampMirror<'a> {
    fn from(stamp: &'a Stamp) -> Self {
        Self {
            created: stamp.created,
            rank: i32::from(stamp.rank),
            event: stamp.event.as_str(),
            digest: Fixed(stamp.digest),
        }
    }
}

impl TryFrom<StampMirror<'_>> for Stamp {
    type Error = BadField;

    fn try_from(mirror: StampMirror<'_>) -> Result<Self, BadField> {
        let rank = u8::try_from(mirror.rank)
            .map_err(|_| FieldFault::OutOfRange {
                number: mirror.rank.into(),
                least: 0,
                most: u8::MAX.into(),
            })
            .map_err(BadField::named("latest.rank"))?;
        Ok(Self {
            created: mirror.created,
            rank,
            event: mirror
                .event
                .try_into()
                .map_err(BadField::named("latest.event"))?,
            digest: mirror.digest.0,
        })
    }
}

impl<'a> From<&'a PaymentCell> for PaymentMirror<'a> {
    fn from(cell: &'a PaymentCell) -> Self {
        let (stamp, kind) = &cell.latest;
        Self {
            id: cell.id.as_str(),
            latest: stamp.into(),
            latest_kind: (*kind).into(),
            first_seen: cell.first_seen,
            succeeded_at: cell.succeeded_at,
            amount: cell.amount.get(),
            amount_received: cell.amount_received.get(),
            currency: cell.currency.as_str(),
        }
    }
}

impl TryFrom<PaymentMirror<'_>> for PaymentCell {
    type Error = BadField;

    fn try_from(mirror: PaymentMirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            id: mirror
                .id
                .try_into()
                .map_err(BadField::named("payments.id"))?,
            latest: (mirror.latest.try_into()?, mirror.latest_kind.into()),
            first_seen: mirror.first_seen,
            succeeded_at: mirror.succeeded_at,
            amount: mirror
                .amount
                .try_into()
                .map_err(BadField::named("payments.amount"))?,
            amount_received: mirror
                .amount_received
                .try_into()
                .map_err(BadField::named("payments.amount_received"))?,
            currency: mirror
                .currency
                .try_into()
                .map_err(BadField::named("payments.currency"))?,
        })
    }
}

impl<'a> From<&'a ChargeCell> for ChargeMirror<'a> {
    fn from(cell: &'a ChargeCell) -> Self {
        Self {
            id: cell.id.as_str(),
            payment: cell.payment.as_ref().map(ObjectId::as_str),
            latest: (&cell.latest).into(),
            first_seen: cell.first_seen,
            captured_at: cell.captured_at,
            amount: cell.amount.get(),
            amount_captured: cell.amount_captured.get(),
            amount_refunded: cell.amount_refunded.get(),
            currency: cell.currency.as_str(),
        }
    }
}

impl TryFrom<ChargeMirror<'_>> for ChargeCell {
    type Error = BadField;

    fn try_from(mirror: ChargeMirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            id: mirror
                .id
                .try_into()
                .map_err(BadField::named("charges.id"))?,
            payment: object(mirror.payment).map_err(BadField::named("charges.payment"))?,
            latest: mirror.latest.try_into()?,
            first_seen: mirror.first_seen,
            captured_at: mirror.captured_at,
            amount: mirror
                .amount
                .try_into()
                .map_err(BadField::named("charges.amount"))?,
            amount_captured: mirror
                .amount_captured
                .try_into()
                .map_err(BadField::named("charges.amount_captured"))?,
            amount_refunded: mirror
                .amount_refunded
                .try_into()
                .map_err(BadField::named("charges.amount_refunded"))?,
            currency: mirror
                .currency
                .try_into()
                .map_err(BadField::named("charges.currency"))?,
        })
    }
}

impl<'a> From<&'a SessionCell> for SessionMirror<'a> {
    fn from(cell: &'a SessionCell) -> Self {
        Self {
            id: cell.id.as_str(),
            payment: cell.payment.as_ref().map(ObjectId::as_str),
            progress: cell.progress.into(),
            first_seen: cell.first_seen,
            paid_at: cell.paid_at,
            latest: (&cell.latest).into(),
            amount_total: cell.amount_total.get(),
            currency: cell.currency.as_ref().map(Currency::as_str),
        }
    }
}

impl TryFrom<SessionMirror<'_>> for SessionCell {
    type Error = BadField;

    fn try_from(mirror: SessionMirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            id: mirror
                .id
                .try_into()
                .map_err(BadField::named("sessions.id"))?,
            payment: object(mirror.payment).map_err(BadField::named("sessions.payment"))?,
            progress: mirror.progress.into(),
            first_seen: mirror.first_seen,
            paid_at: mirror.paid_at,
            latest: mirror.latest.try_into()?,
            amount_total: mirror
                .amount_total
                .try_into()
                .map_err(BadField::named("sessions.amount_total"))?,
            currency: currency(mirror.currency).map_err(BadField::named("sessions.currency"))?,
        })
    }
}

impl<'a> From<&'a RefundCell> for RefundMirror<'a> {
    fn from(cell: &'a RefundCell) -> Self {
        let (stamp, status) = &cell.latest;
        Self {
            id: cell.id.as_str(),
            charge: cell.charge.as_ref().map(ObjectId::as_str),
            payment: cell.payment.as_ref().map(ObjectId::as_str),
            latest: stamp.into(),
            latest_status: (*status).into(),
            amount: cell.amount.get(),
            currency: cell.currency.as_str(),
        }
    }
}

impl TryFrom<RefundMirror<'_>> for RefundCell {
    type Error = BadField;

    fn try_from(mirror: RefundMirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            id: mirror
                .id
                .try_into()
                .map_err(BadField::named("refunds.id"))?,
            charge: object(mirror.charge).map_err(BadField::named("refunds.charge"))?,
            payment: object(mirror.payment).map_err(BadField::named("refunds.payment"))?,
            latest: (mirror.latest.try_into()?, mirror.latest_status.into()),
            amount: mirror
                .amount
                .try_into()
                .map_err(BadField::named("refunds.amount"))?,
            currency: mirror
                .currency
                .try_into()
                .map_err(BadField::named("refunds.currency"))?,
        })
    }
}

impl<'a> From<&'a DisputeCell> for DisputeMirror<'a> {
    fn from(cell: &'a DisputeCell) -> Self {
        let fact = |(stamp, status): &'a (Stamp, _)| DisputeFactMirror {
            stamp: stamp.into(),
            status: DisputeStatusMirror::from(*status),
        };
        Self {
            id: cell.id.as_str(),
            charge: cell.charge.as_ref().map(ObjectId::as_str),
            payment: cell.payment.as_ref().map(ObjectId::as_str),
            latest: cell.latest.as_ref().map(fact),
            closed: cell.closed.as_ref().map(fact),
            amount: cell.amount.get(),
            currency: cell.currency.as_str(),
        }
    }
}

impl TryFrom<DisputeMirror<'_>> for DisputeCell {
    type Error = BadField;

    fn try_from(mirror: DisputeMirror<'_>) -> Result<Self, BadField> {
        let fact = |fact: DisputeFactMirror<'_>| {
            Stamp::try_from(fact.stamp).map(|stamp| (stamp, fact.status.into()))
        };
        Ok(Self {
            id: mirror
                .id
                .try_into()
                .map_err(BadField::named("disputes.id"))?,
            charge: object(mirror.charge).map_err(BadField::named("disputes.charge"))?,
            payment: object(mirror.payment).map_err(BadField::named("disputes.payment"))?,
            latest: mirror.latest.map(fact).transpose()?,
            closed: mirror.closed.map(fact).transpose()?,
            amount: mirror
                .amount
                .try_into()
                .map_err(BadField::named("disputes.amount"))?,
            currency: mirror
                .currency
                .try_into()
                .map_err(BadField::named("disputes.currency"))?,
        })
    }
}
