//! The words for an order's status, as published on `orders.status`, and the one rule that
//! chooses among them.

/// Derived from the ledger by one exhaustive match; never stored as truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderStatus {
    Pending,
    Processing,
    Paid,
    PartiallyPaid,
    PaymentFailed,
    Canceled,
    Refunded,
    PartiallyRefunded,
    Disputed,
}

impl OrderStatus {
    pub const ALL: &'static [Self] = &[
        Self::Pending,
        Self::Processing,
        Self::Paid,
        Self::PartiallyPaid,
        Self::PaymentFailed,
        Self::Canceled,
        Self::Refunded,
        Self::PartiallyRefunded,
        Self::Disputed,
    ];

    /// Published in records and metrics: must stay stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Paid => "paid",
            Self::PartiallyPaid => "partially_paid",
            Self::PaymentFailed => "payment_failed",
            Self::Canceled => "canceled",
            Self::Refunded => "refunded",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Disputed => "disputed",
        }
    }
}

/// What the order received, against what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    Nothing,
    Part,
    /// All that is due, or nothing where no payment is required.
    Enough,
}

/// What went back, against what was received; `Nothing` while nothing was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returned {
    Nothing,
    Part,
    All,
}

/// What the payments of an order without money say; the greater word holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unpaid {
    Canceled,
    Pending,
    Failed,
    Processing,
}

/// All that a status is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) received: Received,
    pub(crate) returned: Returned,
    /// A dispute is open over money that was received.
    pub(crate) disputed: bool,
    pub(crate) best: Option<Unpaid>,
}

impl Standing {
    pub(crate) fn status(self) -> OrderStatus {
        use Received::{Enough, Nothing, Part};
        match (self.disputed, self.returned, self.received, self.best) {
            (true, _, _, _) => OrderStatus::Disputed,
            (false, Returned::All, _, _) => OrderStatus::Refunded,
            (false, Returned::Part, _, _) => OrderStatus::PartiallyRefunded,
            (false, Returned::Nothing, Enough, _) => OrderStatus::Paid,
            (false, Returned::Nothing, Part, _) => OrderStatus::PartiallyPaid,
            (false, Returned::Nothing, Nothing, Some(Unpaid::Processing)) => {
                OrderStatus::Processing
            }
            (false, Returned::Nothing, Nothing, Some(Unpaid::Failed)) => OrderStatus::PaymentFailed,
            (false, Returned::Nothing, Nothing, Some(Unpaid::Canceled)) => OrderStatus::Canceled,
            (false, Returned::Nothing, Nothing, Some(Unpaid::Pending) | None) => {
                OrderStatus::Pending
            }
        }
    }
}
