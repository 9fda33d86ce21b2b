//! The ledger of one order: a join of everything said about it, bounded, in canonical form.
//!
//! Every field is a set, a maximum or a register, so the ledger is a function of the *set* of
//! distinct events, whatever their order, repetition or batching. It is stored and compared as
//! bytes: each list is kept sorted by its key, so equal ledgers encode equally.

use crate::event::{
    DisputeStatus, EventType, RefundStatus, SnapshotStatus, Success, UnixMillis, UnixSeconds,
};
use crate::ids::{EventId, ObjectId, OrderId};
use crate::money::{Currency, MinorUnits};

/// Distinct (event id, facts digest) pairs one order may hold; beyond, records are refused.
pub const MAX_EVENTS_PER_ORDER: usize = 512;
/// Snapshot (version, digest) pairs kept; older ones live on in `Snapshots::seen` only.
pub const KEPT_SNAPSHOTS: usize = 8;

/// The first 16 bytes of a SHA-256 over type and facts in canonical form.
pub type FactsDigest = [u8; 16];

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Sorted by (id, digest), at most [`MAX_EVENTS_PER_ORDER`].
    pub events: Vec<SeenEvent>,
    /// Sorted by id, as are the other lists of cells.
    pub payments: Vec<PaymentCell>,
    pub charges: Vec<ChargeCell>,
    pub sessions: Vec<SessionCell>,
    pub refunds: Vec<RefundCell>,
    pub disputes: Vec<DisputeCell>,
    /// Objects whose order nobody told in time: pseudo-orders have one.
    pub unlinked: Vec<UnlinkedCell>,
    /// Payments that another order claims too.
    pub claims: Vec<ClaimCell>,
    pub snapshots: Snapshots,
    /// `true` wins, then `false`, then unknown.
    pub livemode: Option<bool>,
}

/// One distinct event that was folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenEvent {
    pub id: EventId,
    pub digest: FactsDigest,
    pub kind: EventType,
    pub created: UnixSeconds,
    /// Least offset in `payments.events` at which it was read.
    pub offset: i64,
}

/// Where a register's value comes from; the greatest stamp holds. `digest` makes the order total
/// when one event id carries two contents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    pub created: UnixSeconds,
    pub rank: u8,
    pub event: EventId,
    pub digest: FactsDigest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentCell {
    pub id: ObjectId,
    /// The latest fact and its type.
    pub latest: (Stamp, EventType),
    /// Least `created` over all its events: which payment came first.
    pub first_seen: UnixSeconds,
    /// Least `created` of its success events; `None` while it has none. Final once set.
    pub succeeded_at: Option<UnixSeconds>,
    pub amount: MinorUnits,
    pub amount_received: MinorUnits,
    pub currency: Currency,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeCell {
    pub id: ObjectId,
    pub payment: Option<ObjectId>,
    /// Orders the currency only.
    pub latest: Stamp,
    pub first_seen: UnixSeconds,
    /// Least `created` of the events that show it captured.
    pub captured_at: Option<UnixSeconds>,
    pub amount: MinorUnits,
    pub amount_captured: MinorUnits,
    pub amount_refunded: MinorUnits,
    pub currency: Currency,
}

/// In the order of the join: the greater holds, whatever its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionProgress {
    Open,
    Expired,
    CompletedUnpaid,
    AsyncPaymentFailed,
    NoPaymentRequired,
    Paid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCell {
    pub id: ObjectId,
    pub payment: Option<ObjectId>,
    pub progress: SessionProgress,
    pub first_seen: UnixSeconds,
    pub paid_at: Option<UnixSeconds>,
    /// Of the fact that tells the currency; one that tells none gives way.
    pub latest: Stamp,
    pub amount_total: MinorUnits,
    pub currency: Option<Currency>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundCell {
    pub id: ObjectId,
    pub charge: Option<ObjectId>,
    pub payment: Option<ObjectId>,
    pub latest: (Stamp, RefundStatus),
    pub amount: MinorUnits,
    pub currency: Currency,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeCell {
    pub id: ObjectId,
    pub charge: Option<ObjectId>,
    pub payment: Option<ObjectId>,
    /// Open and advisory statuses.
    pub latest: Option<(Stamp, DisputeStatus)>,
    /// `Won` or `Lost`: beats `latest` whenever set. Among these two time decides alone, so
    /// their stamps have rank 0.
    pub closed: Option<(Stamp, DisputeStatus)>,
    pub amount: MinorUnits,
    pub currency: Currency,
}

/// What the linker said of an object without an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlinkedCell {
    pub id: ObjectId,
    /// Least receipt of a parked event; `None` while only the end is known.
    pub since: Option<UnixMillis>,
    /// The greatest that was told.
    pub success: Option<Success>,
    /// Its order was found after all: final.
    pub found: bool,
}

/// A payment that this order and another claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimCell {
    pub id: ObjectId,
    /// Of several others the greatest id.
    pub other: OrderId,
}

/// What the order service said: a function of the set of snapshots while there are at most
/// [`KEPT_SNAPSHOTS`] distinct ones. Beyond, one that is lower than all that are kept is ignored,
/// so `seen` depends on the order of the log, which every re-fold keeps. `kept` is sorted by
/// (version, digest), least first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshots {
    pub kept: Vec<(i64, FactsDigest)>,
    /// Distinct pairs ever joined, those no longer kept included.
    pub seen: u64,
    /// The content of the greatest (version, `updated_at`, digest).
    pub latest: Option<LatestSnapshot>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestSnapshot {
    pub version: i64,
    pub digest: FactsDigest,
    pub status: SnapshotStatus,
    pub amount_due: MinorUnits,
    pub currency: Currency,
    pub updated_at: UnixMillis,
}

impl Ledger {
    /// Number of distinct (event id, facts digest) pairs plus distinct snapshot pairs. It orders
    /// everything ever said about the order.
    #[must_use]
    pub fn version(&self) -> u64 {
        u64::try_from(self.events.len())
            .unwrap_or(u64::MAX)
            .saturating_add(self.snapshots.seen)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.version() == 0
    }
}
