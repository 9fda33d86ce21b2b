//! The reconcile gap: money came in, its order is not right, and the grace ran out.
//!
//! Gaps are a function of the ledger, the gaps before and the clock; nothing else. What makes each
//! kind hold is in the files beside: the shop against the money, amounts, disputes, links.

mod amounts;
mod disputes;
mod grace;
mod links;
mod shop;

pub use grace::Grace;

use crate::event::{Facts, UnixMillis};
use crate::ids::ObjectId;
use crate::ledger::{Ledger, MAX_EVENTS_PER_ORDER};
use crate::money::Currency;
use crate::status::OrderStatus;
use crate::view::View;

/// What is not right. In the order in which a set is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapKind {
    /// The order is paid; the shop says pending, or canceled it after the success.
    PaidNotMarked,
    /// The shop canceled the order before the success.
    LateSuccess,
    /// Money came in for an order of which the shop never spoke.
    OrphanPayment,
    /// Less than is due came in, or a single payment brought more.
    AmountMismatch,
    /// More than one payment succeeded, and more than is due was kept.
    DuplicatePayment,
    /// A payment succeeded in another currency than what is due.
    CurrencyMismatch,
    /// The shop says paid, and less than is due came in.
    MarkedNotPaid,
    /// All the money went back, and the shop does not say so.
    RefundUnreflected,
    DisputeOpen,
    DisputeLost,
    /// The order has been processing for two weeks.
    StuckProcessing,
    /// An event found no order within the age that is allowed.
    Unlinked,
    PaymentClaimedTwice,
    /// The order holds the most events it may; what comes now is refused.
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
    /// Money came in and the order is not paid. The kind decides it, but for
    /// [`GapKind::AmountMismatch`] (below due) and [`GapKind::Unlinked`] (a success).
    pub unpaid: bool,
    /// Receipt of the record that opened it (a snapshot's `updated_at`); kept while it lasts.
    pub since: UnixMillis,
    pub deadline: UnixMillis,
}

/// An order's complete set of gaps, sorted by (kind, payment).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GapSet {
    pub gaps: Vec<Gap>,
}

impl GapSet {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }

    /// Those whose grace is over.
    pub fn open(&self) -> impl Iterator<Item = &Gap> {
        let is_open = |gap: &&Gap| gap.status == GapStatus::Open;
        self.gaps.iter().filter(is_open)
    }

    /// Those that are open here and were not open `before`.
    pub fn newly_open<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a Gap> {
        let mut known = before.open().peekable();
        let is_new = move |gap: &&Gap| {
            while known.next_if(|old| old.key() < gap.key()).is_some() {}
            known.next_if(|old| old.key() == gap.key()).is_none()
        };
        self.open().filter(is_new)
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
/// clock for both. Whether the shop's orders are fed in decides if its silence is a gap.
#[must_use]
pub fn next_gaps(
    ledger: &Ledger,
    view: &View,
    previous: &GapSet,
    times: Times,
    grace: Grace,
    is_fed: bool,
) -> GapSet {
    let mut conditions = Vec::new();
    conditions.extend(shop::paid_not_marked(ledger, view));
    conditions.extend(shop::late_success(ledger, view));
    if is_fed {
        conditions.extend(shop::orphan_payment(ledger, view));
    }
    conditions.extend(amounts::mismatch(view));
    conditions.extend(amounts::duplicate(view));
    conditions.extend(amounts::other_currencies(view));
    conditions.extend(shop::marked_not_paid(ledger, view));
    conditions.extend(shop::refund_unreflected(ledger, view));
    conditions.extend(disputes::open(ledger));
    conditions.extend(disputes::lost(ledger));
    conditions.extend(stuck_processing(view));
    conditions.extend(links::unlinked(ledger));
    conditions.extend(links::claimed_twice(ledger, view));
    conditions.extend(still_full(ledger, previous));
    conditions.sort_by(|one, two| one.key().cmp(&two.key()));
    let mut known = previous.gaps.iter().peekable();
    let gaps = conditions.into_iter().map(|condition| {
        // Both are sorted alike. Of several gaps under one key the first belongs to the first.
        while known.next_if(|gap| gap.key() < condition.key()).is_some() {}
        let before = known.next_if(|gap| gap.key() == condition.key());
        condition.lasting(before, times, grace)
    });
    GapSet {
        gaps: gaps.collect(),
    }
}

/// The gaps of an order that refuses `facts`, since it holds the most events it may. However many
/// are refused, it is one gap, of what the first of them was about.
#[must_use]
pub fn refused(previous: &GapSet, facts: &Facts, times: Times, grace: Grace) -> GapSet {
    let mut set = previous.clone();
    let at = set
        .gaps
        .partition_point(|gap| gap.kind < GapKind::OrderFull);
    if set.gaps.len() == at {
        let (amount, currency) = facts.money();
        let condition = Condition {
            kind: GapKind::OrderFull,
            amount: amount.get(),
            currency,
            payment: facts.payment_id().cloned(),
            unpaid: false,
        };
        set.gaps.push(condition.lasting(None, times, grace));
    }
    set
}

/// Times of what is being folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Receipt of the record.
    pub at: UnixMillis,
    /// The partition's clock, which opens gaps.
    pub clock: UnixMillis,
}

/// Something that is not right now, whenever it began.
struct Condition {
    kind: GapKind,
    amount: i64,
    currency: Currency,
    payment: Option<ObjectId>,
    unpaid: bool,
}

impl Condition {
    fn key(&self) -> (GapKind, Option<&ObjectId>) {
        (self.kind, self.payment.as_ref())
    }

    /// A gap keeps its start while it lasts. A deadline that was told is kept with it, also when
    /// the grace is set anew.
    fn lasting(self, before: Option<&Gap>, times: Times, grace: Grace) -> Gap {
        let (since, deadline) = before.map_or_else(
            || (times.at, times.at.saturating_add(grace.of(self.kind))),
            |gap| (gap.since, gap.deadline),
        );
        let was_open = before.is_some_and(|gap| gap.status == GapStatus::Open);
        let status = if was_open || times.clock >= deadline {
            GapStatus::Open
        } else {
            GapStatus::Awaiting
        };
        Gap {
            kind: self.kind,
            status,
            amount: self.amount,
            currency: self.currency,
            payment: self.payment,
            unpaid: self.unpaid,
            since,
            deadline,
        }
    }
}

impl Gap {
    fn key(&self) -> (GapKind, Option<&ObjectId>) {
        (self.kind, self.payment.as_ref())
    }
}

/// Nothing came in yet and something is under way; the grace is the two weeks.
fn stuck_processing(view: &View) -> Option<Condition> {
    let payment = view.processing()?;
    (view.status == OrderStatus::Processing).then(|| Condition {
        kind: GapKind::StuckProcessing,
        amount: payment.amount.get(),
        currency: payment.currency.unwrap_or(Currency::NONE),
        payment: payment.intent().cloned(),
        unpaid: false,
    })
}

/// What was refused is refused for good.
fn still_full(ledger: &Ledger, previous: &GapSet) -> Option<Condition> {
    let full = ledger.events.len() >= MAX_EVENTS_PER_ORDER;
    let known = previous
        .gaps
        .iter()
        .find(|gap| gap.kind == GapKind::OrderFull && full)?;
    Some(Condition {
        kind: known.kind,
        amount: known.amount,
        currency: known.currency,
        payment: known.payment.clone(),
        unpaid: known.unpaid,
    })
}
