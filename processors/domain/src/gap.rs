//! The reconcile gap: money came in, its order is not right, and the grace ran out.
//!
//! Gaps are a function of the ledger, the gaps before and the clock; nothing else.

use crate::event::{SnapshotStatus, UnixMillis};
use crate::ids::ObjectId;
use crate::ledger::Ledger;
use crate::money::{Currency, MinorUnits};
use crate::status::OrderStatus;
use crate::view::{PaymentView, View};

/// Every kind of the contract; this release raises `PaidNotMarked` only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapKind {
    PaidNotMarked,
    LateSuccess,
    OrphanPayment,
    AmountMismatch,
    DuplicatePayment,
    CurrencyMismatch,
    MarkedNotPaid,
    RefundUnreflected,
    DisputeOpen,
    DisputeLost,
    StuckProcessing,
    Unlinked,
    PaymentClaimedTwice,
    OrderFull,
}

impl GapKind {
    pub const ALL: &'static [Self] = &[
        Self::PaidNotMarked,
        Self::LateSuccess,
        Self::OrphanPayment,
        Self::AmountMismatch,
        Self::DuplicatePayment,
        Self::CurrencyMismatch,
        Self::MarkedNotPaid,
        Self::RefundUnreflected,
        Self::DisputeOpen,
        Self::DisputeLost,
        Self::StuckProcessing,
        Self::Unlinked,
        Self::PaymentClaimedTwice,
        Self::OrderFull,
    ];

    /// A metric's label and a JSON word: must stay stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaidNotMarked => "paid_not_marked",
            Self::LateSuccess => "late_success",
            Self::OrphanPayment => "orphan_payment",
            Self::AmountMismatch => "amount_mismatch",
            Self::DuplicatePayment => "duplicate_payment",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::MarkedNotPaid => "marked_not_paid",
            Self::RefundUnreflected => "refund_unreflected",
            Self::DisputeOpen => "dispute_open",
            Self::DisputeLost => "dispute_lost",
            Self::StuckProcessing => "stuck_processing",
            Self::Unlinked => "unlinked",
            Self::PaymentClaimedTwice => "payment_claimed_twice",
            Self::OrderFull => "order_full",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapStatus {
    /// Within its grace: recorded, not counted.
    Awaiting,
    Open,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub kind: GapKind,
    pub status: GapStatus,
    /// Minor units: what is missing, too much or in question.
    pub amount: i64,
    pub currency: Currency,
    pub payment: Option<ObjectId>,
    /// Receipt of the record that opened it (a snapshot's `updated_at`); kept while it lasts.
    pub since: UnixMillis,
    pub deadline: UnixMillis,
}

/// An order's complete set of gaps, sorted by (kind, payment).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GapSet {
    pub gaps: Vec<Gap>,
}

/// How long a condition may last before its gap opens, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    pub default_ms: i64,
}

impl GapSet {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }

    /// The next time at which an awaiting gap opens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<UnixMillis> {
        self.gaps
            .iter()
            .filter(|gap| gap.status == GapStatus::Awaiting)
            .map(|gap| gap.deadline)
            .min()
    }
}

/// The gaps that hold now. `at` is the receipt of the record being folded, `clock` the
/// partition's clock: a gap opens once `clock` has reached its deadline. A timer passes the
/// clock for both.
#[must_use]
pub fn next_gaps(
    ledger: &Ledger,
    view: &View,
    previous: &GapSet,
    at: UnixMillis,
    clock: UnixMillis,
    grace: Grace,
) -> GapSet {
    let conditions = paid_not_marked(ledger, view);
    let gaps = conditions.into_iter().map(|condition| {
        let known = previous.gaps.iter().find(|gap| gap.kind == condition.kind);
        // A deadline that was told is kept with its start, also when the grace is set anew.
        let (since, deadline) = known.map_or_else(
            || (at, at.saturating_add(grace.default_ms)),
            |gap| (gap.since, gap.deadline),
        );
        let was_open = known.is_some_and(|gap| gap.status == GapStatus::Open);
        let status = if was_open || clock >= deadline {
            GapStatus::Open
        } else {
            GapStatus::Awaiting
        };
        Gap {
            kind: condition.kind,
            status,
            amount: condition.amount,
            currency: condition.currency,
            payment: condition.payment,
            since,
            deadline,
        }
    });
    GapSet {
        gaps: gaps.collect(),
    }
}

/// Something that is not right now, whenever it began.
struct Condition {
    kind: GapKind,
    amount: i64,
    currency: Currency,
    payment: Option<ObjectId>,
}

/// The order is paid and its shop says that it still waits, or canceled it after the success.
/// Canceled before the success is another kind.
fn paid_not_marked(ledger: &Ledger, view: &View) -> Option<Condition> {
    let told = ledger.snapshots.latest.as_ref()?;
    let unmarked = match told.status {
        SnapshotStatus::Pending => true,
        SnapshotStatus::Canceled => view
            .succeeded_at()
            .is_some_and(|created| told.updated_at > created.saturating_mul(MILLIS_PER_SECOND)),
        SnapshotStatus::Paid | SnapshotStatus::Refunded => false,
    };
    (unmarked && view.status == OrderStatus::Paid).then(|| Condition {
        kind: GapKind::PaidNotMarked,
        amount: view.received,
        currency: told.currency,
        payment: payer(view).and_then(|payment| payment.intent().cloned()),
    })
}

/// Of the payments that brought the order its money the one that succeeded first; while none
/// did, the one that was seen first. An order that was free has none.
fn payer(view: &View) -> Option<&PaymentView> {
    let brought = view
        .payments
        .iter()
        .filter(|payment| payment.currency == view.currency && payment.received > MinorUnits::ZERO);
    brought.min_by_key(|payment| {
        let at = payment.succeeded_at;
        (at.is_none(), at, payment.first_seen, &payment.id)
    })
}

const MILLIS_PER_SECOND: i64 = 1000;
