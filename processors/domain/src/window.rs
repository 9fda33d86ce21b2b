//! Windows of one minute: what a step of one order adds to the minutes that it is about.
//!
//! A success counts in the minute of its receipt, a gap in the minute since which it lasts, also
//! when it opens or closes much later; an order that turns right, in the minute of the gap that
//! ends by it. So each change is a function of the order before, the order after, and two times;
//! sums over many orders are kept elsewhere.

use std::collections::BTreeMap;

use crate::event::UnixMillis;
use crate::gap::{Gap, GapSet, GapStatus};
use crate::money::Currency;
use crate::status::OrderStatus;
use crate::view::{PaymentStatus, View};

pub const MINUTE_MS: i64 = 60_000;
/// Currencies of one sum. There are fewer in the world; the money of more is not added up.
pub const MAX_CURRENCIES: usize = 512;

/// One minute of Unix time, by its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(i64);

impl Minute {
    /// The minute in which `at` lies.
    #[must_use]
    pub fn of(at: UnixMillis) -> Self {
        Self(at.saturating_sub(at.rem_euclid(MINUTE_MS)))
    }

    #[must_use]
    pub fn start_ms(self) -> UnixMillis {
        self.0
    }

    /// The minute that lies so many minutes before.
    #[must_use]
    pub fn back(self, minutes: i64) -> Self {
        Self(self.0.saturating_sub(minutes.saturating_mul(MINUTE_MS)))
    }
}

/// One number for each stage of a success, each a count or an amount in minor units. A change is
/// signed; a sum is not negative unless what it sums was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stages {
    pub succeeded: i128,
    pub reconciled: i128,
    pub in_gap: i128,
}

impl Stages {
    pub const ZERO: Self = Self {
        succeeded: 0,
        reconciled: 0,
        in_gap: 0,
    };

    /// Amounts are below 2^63 and far fewer than 2^64 are ever added: it never saturates.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            succeeded: self.succeeded.saturating_add(other.succeeded),
            reconciled: self.reconciled.saturating_add(other.reconciled),
            in_gap: self.in_gap.saturating_add(other.in_gap),
        }
    }

    /// Kept to what a stored number can be. Only sums of impossible amounts are beyond it, and
    /// those are the same before and after they were stored.
    #[must_use]
    pub fn within_long(self) -> Self {
        let within = |number: i128| number.clamp(i64::MIN.into(), i64::MAX.into());
        Self {
            succeeded: within(self.succeeded),
            reconciled: within(self.reconciled),
            in_gap: within(self.in_gap),
        }
    }

    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            succeeded: self.succeeded.saturating_sub(other.succeeded),
            reconciled: self.reconciled.saturating_sub(other.reconciled),
            in_gap: self.in_gap.saturating_sub(other.in_gap),
        }
    }
}

/// Counts, and money by currency. Equal totals are equal values: no currency has only zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Payments succeeded, orders reconciled, gaps open.
    pub counts: Stages,
    amounts: BTreeMap<Currency, Stages>,
}

impl Totals {
    pub const ZERO: Self = Self {
        counts: Stages::ZERO,
        amounts: BTreeMap::new(),
    };

    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Minor units by currency.
    pub fn amounts(&self) -> impl ExactSizeIterator<Item = (Currency, Stages)> + '_ {
        self.amounts
            .iter()
            .map(|(currency, stages)| (*currency, *stages))
    }

    /// Minor units of one currency.
    #[must_use]
    pub fn amount(&self, currency: Currency) -> Stages {
        self.amounts.get(&currency).copied().unwrap_or(Stages::ZERO)
    }

    pub fn add_amount(&mut self, currency: Currency, change: Stages) {
        let sum = self.amount(currency).plus(change);
        if sum == Stages::ZERO {
            self.amounts.remove(&currency);
        } else if self.amounts.len() < MAX_CURRENCIES || self.amounts.contains_key(&currency) {
            self.amounts.insert(currency, sum);
        }
    }

    pub fn add(&mut self, change: &Self) {
        self.counts = self.counts.plus(change.counts);
        for (currency, stages) in change.amounts() {
            self.add_amount(currency, stages);
        }
    }

    /// See [`Stages::within_long`].
    #[must_use]
    pub fn within_long(&self) -> Self {
        let amounts = self.amounts();
        Self {
            counts: self.counts.within_long(),
            amounts: amounts
                .map(|(currency, stages)| (currency, stages.within_long()))
                .collect(),
        }
    }

    pub fn subtract(&mut self, change: &Self) {
        self.counts = self.counts.minus(change.counts);
        for (currency, stages) in change.amounts() {
            self.add_amount(currency, Stages::ZERO.minus(stages));
        }
    }
}

/// One order around one step.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    pub before: (&'a View, &'a GapSet),
    pub after: (&'a View, &'a GapSet),
    /// Receipt of the record that was folded; of a timer, its clock.
    pub at: UnixMillis,
    /// The partition's clock: no minute after it is counted in.
    pub clock: UnixMillis,
}

impl Step<'_> {
    /// What the step adds to which minutes; a minute comes once, and never with zeros alone.
    #[must_use]
    pub fn changes(&self) -> BTreeMap<Minute, Totals> {
        let mut changes = Changes(BTreeMap::new());
        let (view_before, gaps_before) = self.before;
        let (view_after, gaps_after) = self.after;
        if view_before.payments != view_after.payments {
            self.add_successes(&mut changes);
        }
        if gaps_before != gaps_after {
            let counted = |gaps: &'_ GapSet| -> Vec<Gap> {
                gaps.gaps
                    .iter()
                    .filter(|gap| is_in_gap(gap))
                    .cloned()
                    .collect()
            };
            for gap in counted(gaps_before) {
                changes.add(
                    Minute::of(gap.since),
                    in_gap(-1),
                    in_gap(i128::from(gap.amount).saturating_neg()),
                    Some(gap.currency),
                );
            }
            for gap in counted(gaps_after) {
                changes.add(
                    Minute::of(gap.since),
                    in_gap(1),
                    in_gap(i128::from(gap.amount)),
                    Some(gap.currency),
                );
            }
        }
        if let Some(since) = self.right_since() {
            let reconciled = |number: i128| Stages {
                reconciled: number,
                ..Stages::ZERO
            };
            changes.add(
                Minute::of(since),
                reconciled(1),
                reconciled(i128::from(view_after.received)),
                view_after.currency,
            );
        }
        changes.0.retain(|_, totals| !totals.is_zero());
        changes.0
    }

    /// Where the order of a succeeded payment turns right by this step: since when it was not.
    /// A success that comes to an order which waits for nothing else was right at once.
    #[must_use]
    pub fn right_since(&self) -> Option<UnixMillis> {
        if is_right(self.before) || !is_right(self.after) {
            return None;
        }
        let own = self.at.min(self.clock);
        // What lasted before there was a success does not tell since when the success waited.
        if !has_success(self.before.0) {
            return Some(own);
        }
        let ended = self.before.1.gaps.iter().map(|gap| gap.since).min();
        Some(ended.unwrap_or(own).min(own))
    }

    fn add_successes(&self, changes: &mut Changes) {
        let minute = Minute::of(self.at.min(self.clock));
        for (view, sign) in [(self.before.0, -1), (self.after.0, 1)] {
            for payment in &view.payments {
                if payment.status != PaymentStatus::Succeeded {
                    continue;
                }
                let succeeded = |number: i128| Stages {
                    succeeded: number,
                    ..Stages::ZERO
                };
                let amount = i128::from(payment.received.get()).saturating_mul(sign);
                changes.add(minute, succeeded(sign), succeeded(amount), payment.currency);
            }
        }
    }
}

struct Changes(BTreeMap<Minute, Totals>);

impl Changes {
    fn add(&mut self, minute: Minute, counts: Stages, amounts: Stages, currency: Option<Currency>) {
        let totals = self.0.entry(minute).or_insert(Totals::ZERO);
        totals.counts = totals.counts.plus(counts);
        if let Some(currency) = currency {
            totals.add_amount(currency, amounts);
        }
    }
}

fn in_gap(number: i128) -> Stages {
    Stages {
        in_gap: number,
        ..Stages::ZERO
    }
}

/// Open, and it means "succeeded, but the order is not paid".
#[must_use]
pub fn is_in_gap(gap: &Gap) -> bool {
    gap.unpaid && gap.status == GapStatus::Open
}

fn has_success(view: &View) -> bool {
    view.payments
        .iter()
        .any(|payment| payment.status == PaymentStatus::Succeeded)
}

/// A payment succeeded, its order says so, and nothing about it is in question.
#[must_use]
pub fn is_right((view, gaps): (&View, &GapSet)) -> bool {
    let told = match view.status {
        OrderStatus::Paid | OrderStatus::Refunded | OrderStatus::PartiallyRefunded => true,
        OrderStatus::Pending
        | OrderStatus::Processing
        | OrderStatus::PartiallyPaid
        | OrderStatus::PaymentFailed
        | OrderStatus::Canceled
        | OrderStatus::Disputed => false,
    };
    has_success(view) && told && gaps.is_empty()
}
