//! The sweeper: reads the events that Stripe could not deliver, or all of them, slice of time by
//! slice of time, and feeds them in. What it repeats counts once, as every delivery does.
//!
//! A cursor says up to when everything is written. It moves only after the broker acknowledged
//! every record of a slice, and never back; so nothing is lost by a fault, a kill or a second
//! sweeper, and a slice is the most that is read again.

use std::sync::Arc;

use thiserror::Error;
use trueup_domain::event::UnixSeconds;
use trueup_plants::{Plant, planted};
use trueup_schemas::records::Source;

mod cursor;
mod page;
mod running;

pub use cursor::{CursorFault, Cursors, MemoryCursors};
pub use running::{Report, SweepHealth, SweepSettings, run, run_once};

use crate::api::{Api, ApiFault};
use crate::feed::{FeedFault, Feeder, Taken};
use crate::limits::{LONGEST_SINCE, MAX_BODY_BYTES, MAX_PAGES, SETTLE_S, SLICE_S};
use crate::metrics;
use crate::publish::Publisher;
use crate::settings::Clock;
use page::Page;

/// Which events a pass reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Those that Stripe could not deliver, or not yet, to any endpoint.
    Undelivered,
    /// All: also what was delivered to somebody else only, or acknowledged and lost.
    Full,
}

impl Pass {
    pub const ALL: &'static [Self] = &[Self::Undelivered, Self::Full];

    /// A metric's label and a part of the cursor's name: must stay stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undelivered => "undelivered",
            Self::Full => "full",
        }
    }
}

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PassReport {
    /// Events written and acknowledged.
    pub fed: u64,
    /// Events of types that are only counted.
    pub ignored: u64,
    /// Events that could not be read as Stripe documents them.
    pub refused: u64,
}

/// Why a pass ended early. Its cursor stands where everything before is written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SweepFault {
    #[error(transparent)]
    Api(#[from] ApiFault),
    #[error(transparent)]
    Feed(#[from] FeedFault),
    #[error(transparent)]
    Cursor(#[from] CursorFault),
    #[error("Stripe's API goes in circles: {reason}")]
    Circles { reason: String },
    #[error("the gaps could not be read: {reason}")]
    Gaps { reason: String },
    #[error("the topics are not known: is the broker up, and did `trueup topics apply` run?")]
    NoTopics,
    #[error("the Kafka client refuses its settings: {reason}")]
    Kafka { reason: String },
}

impl SweepFault {
    /// Whether nothing will be better the next time.
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        matches!(self, Self::Api(fault) if fault.is_for_good())
    }
}

/// Where a pass begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// What somebody asked for: a pass begins there where the cursor is later.
    pub asked: Option<UnixSeconds>,
    /// Where a pass without a cursor begins.
    pub first: UnixSeconds,
}

#[derive(Debug)]
pub struct Sweeper<P, C> {
    pub api: Arc<Api>,
    pub feeder: Arc<Feeder<P, C>>,
    pub cursors: Arc<dyn Cursors>,
    /// Of the key: test and live events are apart, and so are their cursors.
    pub mode: &'static str,
}

impl<P: Publisher, C: Clock> Sweeper<P, C> {
    /// Reads everything from the cursor, or from `since`, up to the present.
    ///
    /// # Errors
    /// Why it ended early; what was written before stays written.
    pub async fn pass(&self, pass: Pass, since: Since) -> Result<PassReport, SweepFault> {
        let now = (self.feeder.clock)().div_euclid(1_000);
        let horizon = now.saturating_sub(SETTLE_S);
        let mut from = self.start(pass, since, now).await?;
        let mut report = PassReport::default();
        while from < horizon {
            let until = from.saturating_add(SLICE_S).min(horizon);
            if planted(Plant::CursorBeforeWrite) {
                self.save(pass, until).await?;
            }
            self.slice(pass, from, until, &mut report).await?;
            self.save(pass, until).await?;
            from = until;
        }
        Ok(report)
    }

    /// The cursor, or what somebody asked for where that is earlier: never later, since the cursor
    /// must not come to say what is not so.
    async fn start(
        &self,
        pass: Pass,
        since: Since,
        now: UnixSeconds,
    ) -> Result<UnixSeconds, SweepFault> {
        let (cursors, name) = (Arc::clone(&self.cursors), self.name(pass));
        let load = tokio::task::spawn_blocking(move || cursors.load(&name));
        let saved = load.await.unwrap_or_else(|_| Err(CursorFault::broken()))?;
        let wanted = match (saved, since.asked) {
            (Some(saved), Some(asked)) => saved.min(asked),
            (Some(saved), None) => saved,
            (None, Some(asked)) => asked,
            (None, None) => since.first,
        };
        let days = i64::try_from(LONGEST_SINCE.as_secs()).unwrap_or(i64::MAX);
        let oldest = now.saturating_sub(days);
        if wanted < oldest {
            tracing::error!(
                pass = pass.as_str(),
                unlisted_s = oldest.saturating_sub(wanted),
                "Stripe lists no events older than 30 days: what was missed before is not swept",
            );
        }
        Ok(wanted.max(oldest))
    }

    async fn save(&self, pass: Pass, until: UnixSeconds) -> Result<(), SweepFault> {
        let (cursors, name) = (Arc::clone(&self.cursors), self.name(pass));
        let save = tokio::task::spawn_blocking(move || cursors.save(&name, until));
        save.await.unwrap_or_else(|_| Err(CursorFault::broken()))?;
        Ok(())
    }

    fn name(&self, pass: Pass) -> String {
        format!("{}:{}", self.mode, pass.as_str())
    }

    /// Every event created from `from` to before `until`, newest first, page by page. Each page is
    /// acknowledged before the next is asked for.
    async fn slice(
        &self,
        pass: Pass,
        from: UnixSeconds,
        until: UnixSeconds,
        report: &mut PassReport,
    ) -> Result<(), SweepFault> {
        let mut after: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let target = page::target(pass, from, until, after.as_deref());
            let page = self.api.get(&target, Page::read).await?;
            self.feed(pass, &page, report).await?;
            if !page.has_more {
                return Ok(());
            }
            let last = page.last_id;
            if last.is_none() || last == after {
                let reason = "it has more, and gives none of it".to_owned();
                return Err(SweepFault::Circles { reason });
            }
            after = last;
        }
        let reason = format!("more than {MAX_PAGES} pages of one hour");
        Err(SweepFault::Circles { reason })
    }

    async fn feed(
        &self,
        pass: Pass,
        page: &Page,
        report: &mut PassReport,
    ) -> Result<(), SweepFault> {
        let mut queued = Vec::with_capacity(page.events.len());
        let (mut ignored, mut refused) = (0_u64, 0_u64);
        for (id, body) in &page.events {
            if body.len() > MAX_BODY_BYTES {
                refused = refused.saturating_add(1);
                tracing::error!(
                    event_id = id,
                    bytes = body.len(),
                    "event too large to be kept"
                );
                continue;
            }
            match self.feeder.take(body.clone(), Source::Sweep)? {
                Ok(Taken::Queued(_, acknowledged)) => queued.push(acknowledged),
                Ok(Taken::Ignored) => ignored = ignored.saturating_add(1),
                // One event that nobody can read must not keep the others out.
                Err(fault) => {
                    refused = refused.saturating_add(1);
                    tracing::error!(event_id = id, %fault, "fetched event refused");
                }
            }
        }
        let fed = u64::try_from(queued.len()).unwrap_or(u64::MAX);
        self.feeder.settle(queued).await?;
        for (result, count) in [("fed", fed), ("ignored", ignored), ("refused", refused)] {
            metrics::swept(pass, result, count);
        }
        report.fed = report.fed.saturating_add(fed);
        report.ignored = report.ignored.saturating_add(ignored);
        report.refused = report.refused.saturating_add(refused);
        Ok(())
    }
}
