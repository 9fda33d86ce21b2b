//! The document of `/api/v1/summary`. Published: names must stay stable.

use std::collections::BTreeMap;

use serde::Serialize;
use trueup_domain::event::UnixMillis;
use trueup_domain::gap::GapKind;
use trueup_domain::rolling::{Rolling, Span};
use trueup_domain::window::{Stages, Totals};
use trueup_schemas::records::LetterClass;

use super::held::Held;

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct SummaryAnswer {
    /// Orders of which anything was ever folded.
    pub orders: u64,
    /// Every kind, at 0 too.
    pub open_gaps: BTreeMap<&'static str, u64>,
    /// Minor units of all open gaps.
    pub gap_amount: BTreeMap<String, i64>,
    /// `None` where no gap is open.
    pub oldest_gap_seconds: Option<i64>,
    pub windows: BTreeMap<&'static str, WindowAnswer>,
    /// Every class, at 0 too.
    pub dead_letters: BTreeMap<&'static str, u64>,
    /// Records of the inputs that are not folded yet.
    pub lag: i64,
}

/// Successes by the minute of their receipt, and what has become of them. Amounts are minor units.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct WindowAnswer {
    pub succeeded: i64,
    pub reconciled: i64,
    pub in_gap: i64,
    /// Of what succeeded.
    pub amount: BTreeMap<String, i64>,
    pub reconciled_amount: BTreeMap<String, i64>,
    pub in_gap_amount: BTreeMap<String, i64>,
}

/// `behind` says how many records of a partition's inputs are not folded.
pub fn summary(held: &Held, behind: &BTreeMap<i32, i64>, now: UnixMillis) -> SummaryAnswer {
    let mut open_gaps: BTreeMap<&'static str, u64> =
        GapKind::ALL.iter().map(|kind| (kind.as_str(), 0)).collect();
    let mut gap_amount: BTreeMap<String, i64> = BTreeMap::new();
    let mut oldest: Option<UnixMillis> = None;
    for gap in held.gaps.iter() {
        let count = open_gaps.entry(gap.kind.as_str()).or_default();
        *count = count.saturating_add(1);
        let sum = gap_amount.entry(gap.currency.to_string()).or_default();
        *sum = sum.saturating_add(gap.amount);
        oldest = Some(oldest.map_or(gap.since, |oldest| oldest.min(gap.since)));
    }
    let mut dead_letters: BTreeMap<&'static str, u64> = LetterClass::ALL
        .iter()
        .map(|class| (class.as_str(), 0))
        .collect();
    for class in held.letters() {
        let count = dead_letters.entry(class.as_str()).or_default();
        *count = count.saturating_add(1);
    }
    let states = held
        .partitions
        .values()
        .filter_map(|held| held.state.as_ref());
    SummaryAnswer {
        orders: states.map(|state| state.known_orders).sum(),
        open_gaps,
        gap_amount,
        oldest_gap_seconds: oldest.map(|since| now.saturating_sub(since).max(0) / 1_000),
        windows: windows(held, behind, now),
        dead_letters,
        lag: behind.values().sum(),
    }
}

/// A partition that is read to its end is at the present minute; one that is not, at its own.
fn windows(
    held: &Held,
    behind: &BTreeMap<i32, i64>,
    now: UnixMillis,
) -> BTreeMap<&'static str, WindowAnswer> {
    let mut sums = Span::ALL.map(|span| (span, Totals::ZERO));
    for (partition, held) in &held.partitions {
        let mut rolled: Rolling = held.windows.clone();
        if behind.get(partition).is_none_or(|behind| *behind == 0) {
            rolled.advance(now);
        }
        for (span, sum) in &mut sums {
            sum.add(rolled.sum(*span));
        }
    }
    let answers = sums.map(|(span, sum)| (span.as_str(), window(&sum)));
    answers.into_iter().collect()
}

fn window(sum: &Totals) -> WindowAnswer {
    let by_currency = |stage: fn(Stages) -> i128| -> BTreeMap<String, i64> {
        let amounts = sum.amounts();
        amounts
            .map(|(currency, stages)| (currency.to_string(), number(stage(stages))))
            .filter(|(_, amount)| *amount != 0)
            .collect()
    };
    WindowAnswer {
        succeeded: number(sum.counts.succeeded),
        reconciled: number(sum.counts.reconciled),
        in_gap: number(sum.counts.in_gap),
        amount: by_currency(|stages| stages.succeeded),
        reconciled_amount: by_currency(|stages| stages.reconciled),
        in_gap_amount: by_currency(|stages| stages.in_gap),
    }
}

/// Beyond what JSON readers can hold there is nothing to tell apart.
fn number(sum: i128) -> i64 {
    let within = sum.clamp(i64::MIN.into(), i64::MAX.into());
    i64::try_from(within).unwrap_or(i64::MAX)
}
