//! Disputes: each is a matter of its own.

use super::{Condition, GapKind};
use crate::event::SnapshotStatus;
use crate::ids::ObjectId;
use crate::join::find;
use crate::ledger::{DisputeCell, Ledger};

/// Money is held back until somebody answers or judges.
pub(super) fn open(ledger: &Ledger) -> impl Iterator<Item = Condition> + '_ {
    let open = ledger.disputes.iter().filter(|dispute| dispute.is_open());
    open.map(|dispute| condition(GapKind::DisputeOpen, ledger, dispute))
}

/// The money is gone, until the shop says that it knows.
pub(super) fn lost(ledger: &Ledger) -> impl Iterator<Item = Condition> + '_ {
    let told = ledger.snapshots.latest.as_ref();
    let is_known = told.is_some_and(|told| match told.status {
        SnapshotStatus::Refunded => true,
        SnapshotStatus::Pending | SnapshotStatus::Paid | SnapshotStatus::Canceled => false,
    });
    let lost = ledger
        .disputes
        .iter()
        .filter(move |dispute| dispute.is_lost() && !is_known);
    lost.map(|dispute| condition(GapKind::DisputeLost, ledger, dispute))
}

fn condition(kind: GapKind, ledger: &Ledger, dispute: &DisputeCell) -> Condition {
    Condition {
        kind,
        amount: dispute.amount.get(),
        currency: dispute.currency,
        payment: payment_of(ledger, dispute).cloned(),
        unpaid: false,
    }
}

/// As the dispute says, else as its charge does.
fn payment_of<'a>(ledger: &'a Ledger, dispute: &'a DisputeCell) -> Option<&'a ObjectId> {
    let of_charge = || {
        let charge = dispute.charge.as_ref()?;
        find(&ledger.charges, charge)?.payment.as_ref()
    };
    dispute.payment.as_ref().or_else(of_charge)
}
