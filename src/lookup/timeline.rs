//! Works an order's history out again: the records of the log, folded one after the other.
//!
//! The store keeps only what the facts add up to. Where the log no longer holds a record, what
//! came of it and after it cannot be told and is left out, not guessed.

use std::collections::BTreeMap;

use trueup_domain::event::{Event, Snapshot, UnixMillis};
use trueup_domain::fold::{self, Verdict};
use trueup_domain::ledger::{Ledger, SeenEvent};
use trueup_domain::status::OrderStatus;
use trueup_domain::view::view;

use super::answer::{Moment, Position, rfc3339};

/// One event as the log holds it.
#[derive(Debug, Clone)]
pub struct LoggedEvent {
    pub event: Event,
    /// When it was received: the order in which the processor most likely saw it.
    pub at: UnixMillis,
    pub trace_id: Option<String>,
}

/// One snapshot as the log holds it.
#[derive(Debug, Clone)]
pub struct LoggedSnapshot {
    pub snapshot: Snapshot,
    /// When it was written.
    pub at: UnixMillis,
    pub offset: i64,
}

/// What an order's history is made of.
#[derive(Debug)]
pub struct History<'a> {
    pub ledger: &'a Ledger,
    pub events_topic: &'a str,
    pub orders_topic: &'a str,
    pub partition: i32,
    /// By offset of `events_topic`.
    pub events: BTreeMap<i64, LoggedEvent>,
    pub snapshots: Vec<LoggedSnapshot>,
}

enum Entry<'a> {
    Event(&'a SeenEvent, Option<&'a LoggedEvent>),
    Snapshot(&'a LoggedSnapshot),
}

/// The timeline, oldest first.
pub fn timeline(history: &History<'_>) -> Vec<Moment> {
    let mut told = Told {
        ledger: Ledger::default(),
        status: OrderStatus::Pending,
        whole: true,
    };
    // A snapshot that compaction took away still counts in every later version.
    let known = u64::try_from(history.snapshots.len()).unwrap_or(u64::MAX);
    let versions = known >= history.ledger.snapshots.seen;
    let mut moments = Vec::new();
    for entry in entries(history) {
        moments.extend(match entry {
            Entry::Event(seen, logged) => told.event(history, seen, logged, versions),
            Entry::Snapshot(logged) => told.snapshot(history, logged, versions),
        });
    }
    moments
}

/// Events in the log's order, snapshots among them by time: the two topics have no order of
/// their own between them.
fn entries<'a>(history: &'a History<'_>) -> Vec<Entry<'a>> {
    let mut seen: Vec<&SeenEvent> = history.ledger.events.iter().collect();
    seen.sort_by_key(|event| event.offset);
    let mut snapshots = history.snapshots.iter().peekable();
    let mut entries = Vec::new();
    for event in seen {
        let logged = history.events.get(&event.offset);
        let at = logged.map_or_else(|| created_ms(event.created), |logged| logged.at);
        while let Some(snapshot) = snapshots.next_if(|snapshot| snapshot.at < at) {
            entries.push(Entry::Snapshot(snapshot));
        }
        entries.push(Entry::Event(event, logged));
    }
    entries.extend(snapshots.map(Entry::Snapshot));
    entries
}

fn created_ms(created: i64) -> UnixMillis {
    created.saturating_mul(1_000)
}

/// The order as told so far.
struct Told {
    ledger: Ledger,
    status: OrderStatus,
    /// No event before was missing.
    whole: bool,
}

impl Told {
    fn event(
        &mut self,
        history: &History<'_>,
        seen: &SeenEvent,
        logged: Option<&LoggedEvent>,
        versions: bool,
    ) -> Option<Moment> {
        let position = Position {
            topic: history.events_topic.to_owned(),
            partition: history.partition,
            offset: seen.offset,
        };
        let mut moment = Moment {
            at: rfc3339(logged.map_or_else(|| created_ms(seen.created), |logged| logged.at)),
            kind: "event",
            event_id: Some(seen.id.to_string()),
            event_type: Some(seen.kind.as_str().to_owned()),
            position: Some(position),
            trace_id: logged.and_then(|logged| logged.trace_id.clone()),
            ..Moment::default()
        };
        match logged {
            Some(logged) => {
                if fold::fold_event(&mut self.ledger, &logged.event, seen.offset).is_ok() {
                    self.tell(&mut moment, versions);
                }
            }
            None => self.whole = false,
        }
        Some(moment)
    }

    fn snapshot(
        &mut self,
        history: &History<'_>,
        logged: &LoggedSnapshot,
        versions: bool,
    ) -> Option<Moment> {
        let verdict = fold::fold_snapshot(&mut self.ledger, &logged.snapshot);
        if verdict == Verdict::Duplicate {
            return None;
        }
        let position = Position {
            topic: history.orders_topic.to_owned(),
            partition: history.partition,
            offset: logged.offset,
        };
        let mut moment = Moment {
            at: rfc3339(logged.at),
            kind: "snapshot",
            position: Some(position),
            ..Moment::default()
        };
        self.tell(&mut moment, versions);
        Some(moment)
    }

    fn tell(&mut self, moment: &mut Moment, versions: bool) {
        if !self.whole {
            return;
        }
        let to = view(&self.ledger).status;
        moment.from = Some(self.status.as_str());
        moment.to = Some(to.as_str());
        moment.version = versions.then(|| self.ledger.version());
        self.status = to;
    }
}

/// The trace id of a W3C `traceparent`, `00-<trace>-<span>-<flags>`.
pub fn trace_id(traceparent: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(traceparent).ok()?;
    let trace = text.split('-').nth(1)?;
    let sound = trace.len() == 32
        && trace.bytes().all(|byte| byte.is_ascii_hexdigit())
        && trace.bytes().any(|byte| byte != b'0');
    sound.then(|| trace.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
