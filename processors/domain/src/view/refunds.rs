//! What went back to the customer: refunds by charge, and disputes that were lost.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::event::{DisputeStatus, RefundStatus};
use crate::ids::ObjectId;
use crate::ledger::{DisputeCell, Ledger, RefundCell};
use crate::money::{Currency, MinorUnits};

/// What is told of one charge's refunds, in minor units.
#[derive(Default)]
struct Returned {
    /// Of refunds that neither failed nor were canceled; pending ones count.
    held: i64,
    failed: i64,
    /// The largest `amount_refunded` that the charge told itself, failed refunds included.
    cumulative: i64,
}

/// The sum in `currency`: per charge the larger of what its refunds and what itself tells, and
/// the amounts of lost disputes.
///
/// Every amount added comes from an event of its own, of which there are at most 512, and is
/// below 2^53: no sum reaches 2^63, so none of these saturates.
pub(super) fn refunded(ledger: &Ledger, currency: Currency) -> i64 {
    let lost = ledger
        .disputes
        .iter()
        .filter(|dispute| dispute.currency == currency && dispute.is_lost())
        .fold(0_i64, |sum, dispute| {
            sum.saturating_add(dispute.amount.get())
        });
    let by_charge = by_charge(ledger, currency);
    by_charge.values().fold(lost, |sum, charge| {
        let told_by_charge = charge.cumulative.saturating_sub(charge.failed);
        sum.saturating_add(charge.held.max(told_by_charge))
    })
}

fn by_charge(ledger: &Ledger, currency: Currency) -> BTreeMap<&ObjectId, Returned> {
    let mut charges: BTreeMap<&ObjectId, Returned> = BTreeMap::new();
    let told = ledger
        .charges
        .iter()
        .filter(|charge| charge.currency == currency && charge.amount_refunded > MinorUnits::ZERO);
    for charge in told {
        charges.entry(&charge.id).or_default().cumulative = charge.amount_refunded.get();
    }
    for refund in ledger
        .refunds
        .iter()
        .filter(|refund| refund.currency == currency)
    {
        let charge = charges.entry(charge_of(ledger, refund)).or_default();
        let amount = refund.amount.get();
        match refund.latest.1 {
            RefundStatus::Pending | RefundStatus::RequiresAction | RefundStatus::Succeeded => {
                charge.held = charge.held.saturating_add(amount);
            }
            RefundStatus::Failed => charge.failed = charge.failed.saturating_add(amount),
            RefundStatus::Canceled => {}
        }
    }
    charges
}

/// The charge that a refund returns, else what stands for it: the charge of its payment, else
/// the payment, else the refund itself.
fn charge_of<'a>(ledger: &'a Ledger, refund: &'a RefundCell) -> &'a ObjectId {
    if let Some(charge) = &refund.charge {
        return charge;
    }
    let Some(payment) = &refund.payment else {
        return &refund.id;
    };
    let of_payment = ledger
        .charges
        .iter()
        .filter(|charge| charge.payment.as_ref() == Some(payment));
    // Of a payment's charges all but one failed. Only the one that took the money tells refunds,
    // and while none tells any, it makes no difference which is taken.
    let told = of_payment.max_by_key(|charge| (charge.amount_refunded, Reverse(&charge.id)));
    told.map_or(payment, |charge| &charge.id)
}

impl DisputeCell {
    /// Money is held back until somebody answers or judges. Advisory statuses hold nothing.
    pub(crate) fn is_open(&self) -> bool {
        let latest = match (&self.closed, &self.latest) {
            (Some(_), _) | (None, None) => return false,
            (None, Some((_, status))) => *status,
        };
        match latest {
            DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => true,
            DisputeStatus::Warning
            | DisputeStatus::Prevented
            | DisputeStatus::Won
            | DisputeStatus::Lost => false,
        }
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.closed
            .as_ref()
            .is_some_and(|(_, status)| *status == DisputeStatus::Lost)
    }
}
