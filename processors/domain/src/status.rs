//! The words for an order's status, as published on `orders.status`.

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
