//! What the shop says against what came in.

use super::{Condition, GapKind};
use crate::event::{SnapshotStatus, UnixMillis};
use crate::ledger::{LatestSnapshot, Ledger};
use crate::money::MinorUnits;
use crate::status::OrderStatus;
use crate::view::{PaymentView, View};

/// The order is paid and its shop says that it still waits, or canceled it after the success.
/// Canceled before the success is another kind.
pub(super) fn paid_not_marked(ledger: &Ledger, view: &View) -> Option<Condition> {
    let told = ledger.snapshots.latest.as_ref()?;
    let unmarked = match told.status {
        SnapshotStatus::Pending => true,
        SnapshotStatus::Canceled => succeeded_at(view).is_some_and(|at| told.updated_at > at),
        SnapshotStatus::Paid | SnapshotStatus::Refunded => false,
    };
    (unmarked && view.status == OrderStatus::Paid).then(|| Condition {
        kind: GapKind::PaidNotMarked,
        amount: view.received,
        currency: told.currency,
        payment: payer(view).and_then(|payment| payment.intent().cloned()),
        unpaid: true,
    })
}

/// The order was canceled, and then money came in for it.
pub(super) fn late_success(ledger: &Ledger, view: &View) -> Option<Condition> {
    let told = ledger.snapshots.latest.as_ref()?;
    let canceled = match told.status {
        SnapshotStatus::Canceled => true,
        SnapshotStatus::Pending | SnapshotStatus::Paid | SnapshotStatus::Refunded => false,
    };
    let late = succeeded_at(view).is_some_and(|at| told.updated_at <= at);
    (canceled && late).then(|| Condition {
        kind: GapKind::LateSuccess,
        amount: view.received,
        currency: told.currency,
        payment: payer(view).and_then(|payment| payment.intent().cloned()),
        unpaid: true,
    })
}

/// Money came in for an order that the shop never spoke of.
pub(super) fn orphan_payment(ledger: &Ledger, view: &View) -> Option<Condition> {
    let currency = view.currency?;
    (ledger.snapshots.latest.is_none() && view.received > 0).then(|| Condition {
        kind: GapKind::OrphanPayment,
        amount: view.received,
        currency,
        payment: payer(view).and_then(|payment| payment.intent().cloned()),
        unpaid: true,
    })
}

/// The shop hands out what is not paid for.
pub(super) fn marked_not_paid(ledger: &Ledger, view: &View) -> Option<Condition> {
    let told = ledger.snapshots.latest.as_ref()?;
    let missing = told.amount_due.get().saturating_sub(view.received);
    (says_paid(told) && missing > 0).then(|| Condition {
        kind: GapKind::MarkedNotPaid,
        amount: missing,
        currency: told.currency,
        payment: payer(view).and_then(|payment| payment.intent().cloned()),
        unpaid: false,
    })
}

/// All the money went back, and the shop does not know.
pub(super) fn refund_unreflected(ledger: &Ledger, view: &View) -> Option<Condition> {
    let told = ledger.snapshots.latest.as_ref()?;
    let known = match told.status {
        SnapshotStatus::Refunded => true,
        SnapshotStatus::Pending | SnapshotStatus::Paid | SnapshotStatus::Canceled => false,
    };
    (!known && view.status == OrderStatus::Refunded).then(|| Condition {
        kind: GapKind::RefundUnreflected,
        amount: view.refunded,
        currency: told.currency,
        payment: payer(view).and_then(|payment| payment.intent().cloned()),
        unpaid: false,
    })
}

fn says_paid(told: &LatestSnapshot) -> bool {
    match told.status {
        SnapshotStatus::Paid => true,
        SnapshotStatus::Pending | SnapshotStatus::Canceled | SnapshotStatus::Refunded => false,
    }
}

/// Of the payments that brought the order its money the one that succeeded first; while none
/// did, the one that was seen first. An order that was free has none.
pub(super) fn payer(view: &View) -> Option<&PaymentView> {
    let brought = view
        .payments
        .iter()
        .filter(|payment| payment.currency == view.currency && payment.received > MinorUnits::ZERO);
    brought.min_by_key(|payment| {
        let at = payment.succeeded_at;
        (at.is_none(), at, payment.first_seen, &payment.id)
    })
}

fn succeeded_at(view: &View) -> Option<UnixMillis> {
    view.succeeded_at()
        .map(|created| created.saturating_mul(MILLIS_PER_SECOND))
}

const MILLIS_PER_SECOND: i64 = 1000;
