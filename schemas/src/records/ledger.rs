//! The ledger's cell: the canonical bytes of everything said about one order.
//!
//! Equal ledgers have equal bytes: the lists are sorted by the fold, the encoding has one form
//! for each value, and nothing of a delivery enters.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::EventType;
use trueup_domain::ids::ObjectId;
use trueup_domain::ledger::{
    ChargeCell, DisputeCell, FactsDigest, LatestSnapshot, Ledger, MAX_EVENTS_PER_ORDER,
    PaymentCell, RefundCell, SeenEvent, SessionCell, SessionProgress, Snapshots, Stamp,
};
use trueup_domain::money::Currency;

use crate::fault::{BadField, DecodeFault, FieldFault};
use crate::kind::RecordKind;
use crate::records::order_snapshot::SnapshotStatusMirror;
use crate::records::payment_event::{DisputeStatusMirror, RefundStatusMirror, currency, object};
use crate::records::{Record, long, unsigned};
use crate::wire::{self, Fixed, List, mirror_enum};

mirror_enum! { EventTypeMirror for EventType {
    PaymentIntentCreated = 0 "payment_intent_created",
    PaymentIntentRequiresAction = 1 "payment_intent_requires_action",
    PaymentIntentProcessing = 2 "payment_intent_processing",
    PaymentIntentPartiallyFunded = 3 "payment_intent_partially_funded",
    PaymentIntentAmountCapturableUpdated = 4 "payment_intent_amount_capturable_updated",
    PaymentIntentPaymentFailed = 5 "payment_intent_payment_failed",
    PaymentIntentCanceled = 6 "payment_intent_canceled",
    PaymentIntentSucceeded = 7 "payment_intent_succeeded",
    CheckoutSessionCompleted = 8 "checkout_session_completed",
    CheckoutSessionAsyncPaymentSucceeded = 9 "checkout_session_async_payment_succeeded",
    CheckoutSessionAsyncPaymentFailed = 10 "checkout_session_async_payment_failed",
    CheckoutSessionExpired = 11 "checkout_session_expired",
    ChargeSucceeded = 12 "charge_succeeded",
    ChargeFailed = 13 "charge_failed",
    ChargeCaptured = 14 "charge_captured",
    ChargeUpdated = 15 "charge_updated",
    ChargeRefunded = 16 "charge_refunded",
    RefundCreated = 17 "refund_created",
    RefundUpdated = 18 "refund_updated",
    RefundFailed = 19 "refund_failed",
    ChargeRefundUpdated = 20 "charge_refund_updated",
    DisputeCreated = 21 "charge_dispute_created",
    DisputeUpdated = 22 "charge_dispute_updated",
    DisputeClosed = 23 "charge_dispute_closed",
    DisputeFundsWithdrawn = 24 "charge_dispute_funds_withdrawn",
    DisputeFundsReinstated = 25 "charge_dispute_funds_reinstated",
}}

mirror_enum! { SessionProgressMirror for SessionProgress {
    Open = 0 "open",
    Expired = 1 "expired",
    CompletedUnpaid = 2 "completed_unpaid",
    AsyncPaymentFailed = 3 "async_payment_failed",
    NoPaymentRequired = 4 "no_payment_required",
    Paid = 5 "paid",
}}

type Digest = Fixed<16>;

#[derive(Serialize, Deserialize)]
struct Mirror<'a> {
    #[serde(borrow)]
    events: List<'a, SeenEvent, SeenMirror<'a>>,
    #[serde(borrow)]
    payments: List<'a, PaymentCell, PaymentMirror<'a>>,
    #[serde(borrow)]
    charges: List<'a, ChargeCell, ChargeMirror<'a>>,
    #[serde(borrow)]
    sessions: List<'a, SessionCell, SessionMirror<'a>>,
    #[serde(borrow)]
    refunds: List<'a, RefundCell, RefundMirror<'a>>,
    #[serde(borrow)]
    disputes: List<'a, DisputeCell, DisputeMirror<'a>>,
    #[serde(borrow)]
    snapshots_kept: List<'a, Kept, KeptMirror>,
    snapshots_seen: i64,
    #[serde(borrow)]
    snapshot: Option<SnapshotMirror<'a>>,
    livemode: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct SeenMirror<'a> {
    id: &'a str,
    digest: Digest,
    kind: EventTypeMirror,
    created: i64,
    offset: i64,
}

#[derive(Serialize, Deserialize)]
struct StampMirror<'a> {
    created: i64,
    rank: i32,
    event: &'a str,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
struct PaymentMirror<'a> {
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
struct ChargeMirror<'a> {
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
struct SessionMirror<'a> {
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
struct RefundMirror<'a> {
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
struct DisputeMirror<'a> {
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
struct DisputeFactMirror<'a> {
    #[serde(borrow)]
    stamp: StampMirror<'a>,
    status: DisputeStatusMirror,
}

type Kept = (i64, FactsDigest);

#[derive(Serialize, Deserialize)]
struct KeptMirror {
    version: i64,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
struct SnapshotMirror<'a> {
    version: i64,
    digest: Digest,
    status: SnapshotStatusMirror,
    amount_due: i64,
    currency: &'a str,
    updated_at: i64,
}

impl Record for Ledger {
    const KIND: RecordKind = RecordKind::Ledger;
    const USUAL_BYTES: usize = 1024;

    fn encode_into(&self, out: &mut Vec<u8>) {
        let mirror = Mirror {
            events: List::Written(&self.events),
            payments: List::Written(&self.payments),
            charges: List::Written(&self.charges),
            sessions: List::Written(&self.sessions),
            refunds: List::Written(&self.refunds),
            disputes: List::Written(&self.disputes),
            snapshots_kept: List::Written(&self.snapshots.kept),
            snapshots_seen: long(self.snapshots.seen),
            snapshot: self.snapshots.latest.as_ref().map(SnapshotMirror::from),
            livemode: self.livemode,
        };
        wire::write(Self::KIND, &mirror, out);
    }

    fn decode_written_with(datum: &[u8], schema: &Schema) -> Result<Self, DecodeFault> {
        let mirror: Mirror<'_> = wire::read(Self::KIND, datum, schema)?;
        ledger(mirror).map_err(|bad| bad.of(Self::KIND.name()))
    }
}

fn ledger(mirror: Mirror<'_>) -> Result<Ledger, BadField> {
    let events = mirror.events.convert(SeenEvent::try_from)?;
    if events.len() > MAX_EVENTS_PER_ORDER {
        let fault = FieldFault::TooMany {
            items: events.len(),
            limit: MAX_EVENTS_PER_ORDER,
        };
        return Err(BadField {
            field: "events",
            fault,
        });
    }
    Ok(Ledger {
        events,
        payments: mirror.payments.convert(PaymentCell::try_from)?,
        charges: mirror.charges.convert(ChargeCell::try_from)?,
        sessions: mirror.sessions.convert(SessionCell::try_from)?,
        refunds: mirror.refunds.convert(RefundCell::try_from)?,
        disputes: mirror.disputes.convert(DisputeCell::try_from)?,
        snapshots: Snapshots {
            kept: mirror
                .snapshots_kept
                .convert(|kept| Ok::<_, BadField>((kept.version, kept.digest.0)))?,
            seen: unsigned(mirror.snapshots_seen).map_err(BadField::named("snapshots_seen"))?,
            latest: mirror.snapshot.map(LatestSnapshot::try_from).transpose()?,
        },
        livemode: mirror.livemode,
    })
}

impl<'a> From<&'a SeenEvent> for SeenMirror<'a> {
    fn from(seen: &'a SeenEvent) -> Self {
        Self {
            id: seen.id.as_str(),
            digest: Fixed(seen.digest),
            kind: seen.kind.into(),
            created: seen.created,
            offset: seen.offset,
        }
    }
}

impl TryFrom<SeenMirror<'_>> for SeenEvent {
    type Error = BadField;

    fn try_from(mirror: SeenMirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            id: mirror.id.try_into().map_err(BadField::named("events.id"))?,
            digest: mirror.digest.0,
            kind: mirror.kind.into(),
            created: mirror.created,
            offset: mirror.offset,
        })
    }
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

impl From<&Kept> for KeptMirror {
    fn from((version, digest): &Kept) -> Self {
        Self {
            version: *version,
            digest: Fixed(*digest),
        }
    }
}

impl<'a> From<&'a LatestSnapshot> for SnapshotMirror<'a> {
    fn from(latest: &'a LatestSnapshot) -> Self {
        Self {
            version: latest.version,
            digest: Fixed(latest.digest),
            status: latest.status.into(),
            amount_due: latest.amount_due.get(),
            currency: latest.currency.as_str(),
            updated_at: latest.updated_at,
        }
    }
}

impl TryFrom<SnapshotMirror<'_>> for LatestSnapshot {
    type Error = BadField;

    fn try_from(mirror: SnapshotMirror<'_>) -> Result<Self, BadField> {
        Ok(Self {
            version: mirror.version,
            digest: mirror.digest.0,
            status: mirror.status.into(),
            amount_due: mirror
                .amount_due
                .try_into()
                .map_err(BadField::named("snapshot.amount_due"))?,
            currency: mirror
                .currency
                .try_into()
                .map_err(BadField::named("snapshot.currency"))?,
            updated_at: mirror.updated_at,
        })
    }
}
