//! What a ledger means: status, amounts and payments, derived and never stored as truth.

mod due;
mod links;
mod payments;
mod refunds;

pub use links::payment_of;

use crate::event::UnixSeconds;
use crate::ids::ObjectId;
use crate::ledger::{DisputeCell, Ledger, SessionProgress};
use crate::money::{Currency, MinorUnits};
use crate::status::{OrderStatus, Received, Returned, Standing, Unpaid};

/// The derived state of one order. Amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub status: OrderStatus,
    /// What the order should receive; `None` while nobody said.
    pub due: Option<MinorUnits>,
    /// Sums are bounded by 512 × 2^53 and so fit.
    pub received: i64,
    pub refunded: i64,
    pub currency: Option<Currency>,
    /// Sorted by id.
    pub payments: Vec<PaymentView>,
}

/// One payment as it counts, whether proved by its own events, a charge or a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentView {
    /// The payment's id, else the charge's or session's that stands for it.
    pub id: ObjectId,
    /// What `id` names.
    pub named_by: NamedBy,
    /// The session that belongs to it, if one is known.
    pub session: Option<ObjectId>,
    pub status: PaymentStatus,
    pub amount: MinorUnits,
    pub received: MinorUnits,
    pub currency: Option<Currency>,
    pub first_seen: UnixSeconds,
    pub succeeded_at: Option<UnixSeconds>,
}

/// Whose id a payment goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamedBy {
    Payment,
    /// A charge that told no payment.
    Charge,
    /// A session that told no payment.
    Session,
}

impl PaymentView {
    /// The payment's own id; `None` where a charge or a session stands for it.
    #[must_use]
    pub fn intent(&self) -> Option<&ObjectId> {
        (self.named_by == NamedBy::Payment).then_some(&self.id)
    }
}

/// The five words of `payments_total{status}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentStatus {
    Pending,
    Processing,
    Succeeded,
    Failed,
    Canceled,
}

impl PaymentStatus {
    pub const ALL: &'static [Self] = &[
        Self::Pending,
        Self::Processing,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
    ];

    /// A metric's label and a JSON word: must stay stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

impl View {
    /// The payment that an order's status is about: the earliest that succeeded in the order's
    /// currency, else in any, else the first that was seen.
    #[must_use]
    pub fn leading_payment(&self) -> Option<&PaymentView> {
        // Payments come sorted by id, so a tie is the lesser id's.
        let order = |payment: &&PaymentView| {
            let other = payment.currency != self.currency;
            (other, payment.succeeded_at)
        };
        let succeeded = self
            .payments
            .iter()
            .filter(|payment| payment.succeeded_at.is_some());
        succeeded.min_by_key(order).or_else(|| {
            self.payments
                .iter()
                .min_by_key(|payment| (payment.first_seen, &payment.id))
        })
    }

    /// Of the payments that are under way the one that was seen first.
    #[must_use]
    pub fn processing(&self) -> Option<&PaymentView> {
        let under_way = self
            .payments
            .iter()
            .filter(|payment| payment.status == PaymentStatus::Processing);
        under_way.min_by_key(|payment| (payment.first_seen, &payment.id))
    }

    /// When the first payment in the order's currency succeeded: other money never counts.
    #[must_use]
    pub fn succeeded_at(&self) -> Option<UnixSeconds> {
        self.payments
            .iter()
            .filter(|payment| payment.currency == self.currency)
            .filter_map(|payment| payment.succeeded_at)
            .min()
    }
}

/// Whether the step from `before` to `after` is one that `orders.status` tells. What is due may
/// change alone, and that tells nothing.
#[must_use]
pub fn publishes(before: &View, after: &View) -> bool {
    (before.status, before.received, before.refunded)
        != (after.status, after.received, after.refunded)
}

/// The statuses that payments entered between `before` and `after`. A payment that only got
/// another name, since its charge or session told its id, enters nothing.
#[must_use]
pub fn entered(before: &View, after: &View) -> Vec<PaymentStatus> {
    let known = |view: &View, id: &ObjectId| {
        let place = view
            .payments
            .binary_search_by(|payment| payment.id.cmp(id))
            .ok()?;
        view.payments.get(place).map(|payment| payment.status)
    };
    let gone = before
        .payments
        .iter()
        .filter(|payment| known(after, &payment.id).is_none());
    let mut renamed: Vec<PaymentStatus> = gone.map(|payment| payment.status).collect();
    let mut entered = Vec::new();
    for payment in &after.payments {
        let status_before = known(before, &payment.id);
        if status_before == Some(payment.status) {
            continue;
        }
        let same = renamed.iter().position(|status| *status == payment.status);
        match (status_before, same) {
            (None, Some(place)) => {
                renamed.remove(place);
            }
            (Some(_), _) | (None, None) => entered.push(payment.status),
        }
    }
    entered
}

/// Derives the order's state.
#[must_use]
pub fn view(ledger: &Ledger) -> View {
    let payments = payments::payments(ledger);
    let due = due::due(ledger, &payments);
    let currency = due.map(|(_, currency)| currency);
    let received = currency.map_or(0, |currency| sum_received(&payments, currency));
    let refunded = currency.map_or(0, |currency| refunds::refunded(ledger, currency));
    let due = due.map(|(amount, _)| amount);
    let standing = Standing {
        received: match due.map_or(0, MinorUnits::get) {
            0 if is_free(ledger) => Received::Enough,
            due if due > 0 && received >= due => Received::Enough,
            _ if received > 0 => Received::Part,
            _ => Received::Nothing,
        },
        returned: match refunded {
            _ if received == 0 => Returned::Nothing,
            all if all >= received => Returned::All,
            0 => Returned::Nothing,
            _ => Returned::Part,
        },
        disputed: received > 0 && ledger.disputes.iter().any(DisputeCell::is_open),
        best: best(&payments),
    };
    View {
        status: standing.status(),
        due,
        received,
        refunded,
        currency,
        payments,
    }
}

/// At most 512 amounts below 2^53 are added, which is less than 2^63: it never saturates.
fn sum_received(payments: &[PaymentView], currency: Currency) -> i64 {
    payments
        .iter()
        .filter(|payment| payment.currency == Some(currency))
        .fold(0, |sum: i64, payment| {
            sum.saturating_add(payment.received.get())
        })
}

/// A session asked for no payment, and none that speaks for itself is linked to it.
fn is_free(ledger: &Ledger) -> bool {
    ledger
        .sessions
        .iter()
        .filter(|session| session.progress == SessionProgress::NoPaymentRequired)
        .any(|session| {
            let named = session.payment.as_ref();
            !named.is_some_and(|id| payments::speaks(ledger, id))
        })
}

/// The best word on an order that received nothing. A success in another currency than the
/// order's is no word on it.
fn best(payments: &[PaymentView]) -> Option<Unpaid> {
    let words = payments.iter().filter_map(|payment| match payment.status {
        PaymentStatus::Processing => Some(Unpaid::Processing),
        PaymentStatus::Failed => Some(Unpaid::Failed),
        PaymentStatus::Pending => Some(Unpaid::Pending),
        PaymentStatus::Canceled => Some(Unpaid::Canceled),
        PaymentStatus::Succeeded => None,
    });
    words.max()
}
