//! What one transaction will have counted once it is committed.

use std::collections::BTreeMap;

use trueup_domain::event::{EventType, UnixMillis};
use trueup_domain::fold::Verdict;
use trueup_domain::gap::GapSet;
use trueup_domain::ids::OrderId;
use trueup_domain::view::{PaymentStatus, View, entered};
use trueup_domain::window::is_right;

use crate::metrics;
use crate::told::Spans;
use crate::topology::Fact;

#[derive(Debug, Default)]
pub struct Tally {
    /// Each event's type, whether it was refused, and its receipt.
    events: Vec<(EventType, bool, UnixMillis)>,
    folded: BTreeMap<EventType, u64>,
    payments: BTreeMap<PaymentStatus, u64>,
    duplicates: u64,
    conflicts: u64,
    gaps_opened: u64,
    reconciled: u64,
    /// Milliseconds that each order which turned right had not been.
    waited: Vec<i64>,
    pub(crate) spans: Spans,
}

impl Tally {
    pub(crate) fn folded(&mut self, order: &OrderId, fact: &Fact, verdict: Verdict) {
        let Fact::Event { event, received_at } = fact else {
            return;
        };
        self.events.push((event.kind, false, *received_at));
        *self.folded.entry(event.kind).or_default() += 1;
        match verdict {
            Verdict::Fresh => {}
            Verdict::Duplicate => self.duplicates += 1,
            Verdict::Conflict => {
                self.conflicts += 1;
                tracing::warn!(
                    order_id = order.as_str(),
                    event_id = event.id.as_str(),
                    event_type = event.kind.as_str(),
                    payment_intent_id = event.facts.payment_id().map(|id| id.as_str()),
                    session_id = event.facts.session_id().map(|id| id.as_str()),
                    "event id is known with other facts; both are kept"
                );
                return;
            }
        }
        tracing::debug!(
            order_id = order.as_str(),
            event_id = event.id.as_str(),
            event_type = event.kind.as_str(),
            payment_intent_id = event.facts.payment_id().map(|id| id.as_str()),
            session_id = event.facts.session_id().map(|id| id.as_str()),
            ?verdict,
            "event folded"
        );
    }

    pub(crate) fn refused(&mut self, fact: &Fact) {
        if let Fact::Event { event, received_at } = fact {
            self.events.push((event.kind, true, *received_at));
        }
    }

    /// An order's meaning or its gaps may have changed.
    pub(crate) fn moved(&mut self, before: (&View, &GapSet), after: (&View, &GapSet)) {
        for status in entered(before.0, after.0) {
            *self.payments.entry(status).or_default() += 1;
        }
        let opened = after.1.newly_open(before.1).count();
        self.gaps_opened += u64::try_from(opened).unwrap_or(u64::MAX);
        if !is_right(before) && is_right(after) {
            self.reconciled += 1;
        }
    }

    /// An order turned right, so many milliseconds after it should have been.
    pub(crate) fn waited(&mut self, waited_ms: i64) {
        self.waited.push(waited_ms);
    }

    pub(crate) fn count(&self, wall_ms: UnixMillis) {
        for (kind, refused, received_at) in &self.events {
            metrics::processed(*kind, *refused, wall_ms.saturating_sub(*received_at));
        }
        for (kind, count) in &self.folded {
            metrics::folded(*kind, *count);
        }
        for (status, count) in &self.payments {
            metrics::payments(*status, *count);
        }
        for waited_ms in &self.waited {
            metrics::waited(*waited_ms);
        }
        metrics::duplicates(self.duplicates);
        metrics::conflicts(self.conflicts);
        metrics::gaps_opened(self.gaps_opened);
        metrics::reconciled(self.reconciled);
    }
}
