//! How long a condition may last before its gap opens.

use crate::gap::GapKind;

/// Milliseconds by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    default_ms: i64,
    /// A judgement, a refusal: nothing that could still come makes them right.
    at_once_ms: i64,
    /// Banks take days.
    processing_ms: i64,
}

const MINUTE_MS: i64 = 60 * 1000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

impl Grace {
    /// Five minutes; none for disputes and what is refused for good; two weeks for what is
    /// processing.
    pub const STANDARD: Self = Self {
        default_ms: 5 * MINUTE_MS,
        at_once_ms: 0,
        processing_ms: 14 * DAY_MS,
    };

    /// The same for every kind.
    #[must_use]
    pub const fn of_all(grace_ms: i64) -> Self {
        Self {
            default_ms: grace_ms,
            at_once_ms: grace_ms,
            processing_ms: grace_ms,
        }
    }

    /// Milliseconds from the start of a gap of this kind to its deadline. What is unlinked has
    /// waited for its age already.
    #[must_use]
    pub fn of(self, kind: GapKind) -> i64 {
        match kind {
            GapKind::PaidNotMarked
            | GapKind::LateSuccess
            | GapKind::OrphanPayment
            | GapKind::AmountMismatch
            | GapKind::DuplicatePayment
            | GapKind::CurrencyMismatch
            | GapKind::MarkedNotPaid
            | GapKind::RefundUnreflected => self.default_ms,
            GapKind::DisputeOpen
            | GapKind::DisputeLost
            | GapKind::PaymentClaimedTwice
            | GapKind::OrderFull => self.at_once_ms,
            GapKind::StuckProcessing => self.processing_ms,
            GapKind::Unlinked => 0,
        }
    }
}
