//! The minutes of one partition, and their sums over the last 5 minutes, hour and day.
//!
//! Minutes are corrected for 25 hours and then forgotten, so what is held stays bounded; what is
//! said of an older minute is too late and changes nothing.

use std::collections::BTreeMap;

use crate::event::UnixMillis;
use crate::window::{Minute, Totals};

/// How many minutes before the present one are kept: 25 hours, one more than is ever summed.
pub const KEPT_MINUTES: i64 = 25 * 60;

/// How far back a sum goes, the running minute included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    FiveMinutes,
    Hour,
    Day,
}

impl Span {
    pub const ALL: [Self; 3] = [Self::FiveMinutes, Self::Hour, Self::Day];

    /// A metric's label and a JSON word: must stay stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
            Self::Day => "24h",
        }
    }

    fn minutes(self) -> i64 {
        match self {
            Self::FiveMinutes => 5,
            Self::Hour => 60,
            Self::Day => 24 * 60,
        }
    }

    /// The first minute of the span that ends with `now`.
    fn first(self, now: Minute) -> Minute {
        now.back(self.minutes().saturating_sub(1))
    }
}

/// What one transaction makes of the minutes: new totals, or `None` where a minute ends.
pub type Corrections = BTreeMap<Minute, Option<Totals>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolling {
    minutes: BTreeMap<Minute, Totals>,
    now: Minute,
    /// As [`Span::ALL`].
    sums: [Totals; 3],
}

impl Default for Rolling {
    fn default() -> Self {
        Self {
            minutes: BTreeMap::new(),
            now: Minute::of(0),
            sums: [Totals::ZERO; 3],
        }
    }
}

impl Rolling {
    /// The running minute, by the last [`Rolling::advance`].
    #[must_use]
    pub fn now(&self) -> Minute {
        self.now
    }

    pub fn minutes(&self) -> impl Iterator<Item = (Minute, &Totals)> {
        self.minutes
            .iter()
            .map(|(minute, totals)| (*minute, totals))
    }

    #[must_use]
    pub fn sum(&self, span: Span) -> &Totals {
        let [five_minutes, hour, day] = &self.sums;
        match span {
            Span::FiveMinutes => five_minutes,
            Span::Hour => hour,
            Span::Day => day,
        }
    }

    /// Lets time pass; a clock that falls back changes nothing.
    pub fn advance(&mut self, clock: UnixMillis) {
        let now = Minute::of(clock).max(self.now);
        for (span, sum) in Span::ALL.into_iter().zip(&mut self.sums) {
            let (from, to) = (span.first(self.now), span.first(now));
            for (_, left) in self.minutes.range(from..to) {
                sum.subtract(left);
            }
        }
        self.now = now;
    }

    /// Works out, and does not yet take in, what `changes` make of the minutes at `clock`, and
    /// which minutes end by then.
    #[must_use]
    pub fn correct(&self, changes: &BTreeMap<Minute, Totals>, clock: UnixMillis) -> Corrections {
        let now = Minute::of(clock);
        let kept = now.back(KEPT_MINUTES)..=now.back(-KEPT_MINUTES);
        let ended = self.minutes.range(..*kept.start());
        let mut corrections: Corrections = ended.map(|(minute, _)| (*minute, None)).collect();
        for (minute, change) in changes {
            if !kept.contains(minute) {
                continue;
            }
            let held = self.minutes.get(minute);
            let mut totals = held.cloned().unwrap_or(Totals::ZERO);
            totals.add(change);
            if !totals.is_zero() {
                corrections.insert(*minute, Some(totals.within_long()));
            } else if held.is_some() {
                corrections.insert(*minute, None);
            }
        }
        corrections
    }

    /// Takes in what was worked out; doing it twice is doing it once.
    pub fn install(&mut self, corrections: Corrections) {
        for (minute, totals) in corrections {
            self.set(minute, totals.unwrap_or(Totals::ZERO));
        }
    }

    /// Replaces the totals of one minute; zeros remove it.
    pub fn set(&mut self, minute: Minute, totals: Totals) {
        let held = self.minutes.remove(&minute);
        for (span, sum) in Span::ALL.into_iter().zip(&mut self.sums) {
            if minute < span.first(self.now) {
                continue;
            }
            if let Some(held) = &held {
                sum.subtract(held);
            }
            sum.add(&totals);
        }
        if !totals.is_zero() {
            self.minutes.insert(minute, totals);
        }
    }
}
