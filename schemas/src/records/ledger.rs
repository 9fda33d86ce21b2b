//! The ledger's cell: the canonical bytes of everything said about one order.
//!
//! Equal ledgers have equal bytes: the lists are sorted by the fold, the encoding has one form
//! for each value, and nothing of a delivery enters.

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use trueup_domain::event::EventType;
use trueup_domain::ledger::{
    ChargeCell, ClaimCell, DisputeCell, FactsDigest, LatestSnapshot, Ledger, MAX_EVENTS_PER_ORDER,
    PaymentCell, RefundCell, SeenEvent, SessionCell, Snapshots, UnlinkedCell,
};

use crate::fault::{BadField, DecodeFault, FieldFault};
use crate::kind::RecordKind;
use crate::records::ledger_cells::{
    ChargeMirror, Digest, DisputeMirror, PaymentMirror, RefundMirror, SessionMirror,
};
use crate::records::ledger_links::{ClaimMirror, UnlinkedMirror};
use crate::records::order_snapshot::SnapshotStatusMirror;
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
    Unlinked = 26 "trueup_unlinked",
    Linked = 27 "trueup_linked",
    ClaimedTwice = 28 "trueup_claimed_twice",
}}

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
    /// This list and the next are in no ledger of releases without a linker.
    #[serde(borrow, default)]
    unlinked: List<'a, UnlinkedCell, UnlinkedMirror<'a>>,
    #[serde(borrow, default)]
    claims: List<'a, ClaimCell, ClaimMirror<'a>>,
}

#[derive(Serialize, Deserialize)]
struct SeenMirror<'a> {
    id: &'a str,
    digest: Digest,
    kind: EventTypeMirror,
    created: i64,
    offset: i64,
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
            unlinked: List::Written(&self.unlinked),
            claims: List::Written(&self.claims),
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
        unlinked: mirror.unlinked.convert(UnlinkedCell::try_from)?,
        claims: mirror.claims.convert(ClaimCell::try_from)?,
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
