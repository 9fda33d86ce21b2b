//! What a ledger means: status, amounts and payments, derived and never stored as truth.

use crate::event::UnixSeconds;
use crate::ids::ObjectId;
use crate::ledger::Ledger;
use crate::money::{Currency, MinorUnits};
use crate::status::OrderStatus;

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
    /// The session that belongs to it, if one is known.
    pub session: Option<ObjectId>,
    pub status: PaymentStatus,
    pub amount: MinorUnits,
    pub received: MinorUnits,
    pub currency: Option<Currency>,
    pub first_seen: UnixSeconds,
    pub succeeded_at: Option<UnixSeconds>,
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
    pub const ALL: &'static [Self] =
        &[Self::Pending, Self::Processing, Self::Succeeded, Self::Failed, Self::Canceled];

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

/// Derives the order's state.
#[must_use]
pub fn view(ledger: &Ledger) -> View {
    let _ = ledger;
    View {
        status: OrderStatus::Pending,
        due: None,
        received: 0,
        refunded: 0,
        currency: None,
        payments: Vec::new(),
    }
}
