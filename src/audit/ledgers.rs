//! Compares one order's row with what the log says of it: each event that must be in it is, each
//! that is in it was said, and all of them together make this row and no other.

use std::collections::BTreeMap;
use std::fmt::Debug;

use trueup_domain::digest;
use trueup_domain::event::{Event, Snapshot};
use trueup_domain::fold::{fold_event, fold_snapshot};
use trueup_domain::ids::EventId;
use trueup_domain::ledger::{FactsDigest, KEPT_SNAPSHOTS, Ledger, MAX_EVENTS_PER_ORDER, SeenEvent};

/// What the log says of one order, in its order.
#[derive(Debug, Clone, Default)]
pub struct OrderLog {
    pub events: Vec<(i64, Event)>,
    pub snapshots: Vec<(i64, Snapshot)>,
}

/// How far one partition was read, and how far its ledgers must have come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reach {
    /// The first offset of the events that was read.
    pub events_start: i64,
    /// The first that was not.
    pub events_end: i64,
    /// Of the orders topic.
    pub orders_end: i64,
    /// Below these every fact is in its ledger.
    pub events_checkpoint: i64,
    pub orders_checkpoint: i64,
    /// Whether no snapshot has been compacted away, or left unread.
    pub orders_whole: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Differences, each as a sentence; none where all is well.
    Compared(Vec<String>),
    /// As [`Judgement::Compared`], but the row rests on records that are not in the log any more,
    /// or were not read.
    Partly(Vec<String>),
    /// The row is ahead of what was read: to be looked at again.
    Newer,
    /// There is no row, and there must be.
    Missing,
    /// Nothing of it needs to be in the store yet.
    NotYet,
}

/// On the last look the log was read after the row, so that nothing can be newer.
pub fn judge(row: Option<&Ledger>, log: &OrderLog, reach: &Reach, last_look: bool) -> Judgement {
    let must = log
        .events
        .iter()
        .any(|(at, _)| *at < reach.events_checkpoint)
        || log
            .snapshots
            .iter()
            .any(|(at, _)| *at < reach.orders_checkpoint);
    let Some(row) = row else {
        return if must {
            Judgement::Missing
        } else {
            Judgement::NotYet
        };
    };
    let unread = |pair: &(i64, FactsDigest)| {
        let mut said = log.snapshots.iter();
        !said.any(|(_, said)| (said.version, digest::of_snapshot(said)) == *pair)
    };
    let newer = row
        .events
        .iter()
        .any(|seen| seen.offset >= reach.events_end)
        || (reach.orders_whole && row.snapshots.kept.iter().any(unread));
    if newer && !last_look {
        return Judgement::Newer;
    }
    let mut said: BTreeMap<(&EventId, FactsDigest), i64> = BTreeMap::new();
    for (at, event) in &log.events {
        let pair = (&event.id, digest::of_event(event));
        let first = said.entry(pair).or_insert(*at);
        *first = (*first).min(*at);
    }
    let mut differences = Vec::new();
    differences.extend(absent(row, &said, reach));
    let older = row
        .events
        .iter()
        .any(|seen| seen.offset < reach.events_start);
    for seen in &row.events {
        differences.extend(unsaid(seen, &said, reach));
    }
    let (snapshots, snapshots_whole) = snapshots(row, log, reach);
    differences.extend(snapshots);
    if older || !differences.is_empty() {
        // One fault is told once: what it makes of the cells follows from it.
        return if older {
            Judgement::Partly(differences)
        } else {
            Judgement::Compared(differences)
        };
    }
    let mut folded = Ledger::default();
    for (at, event) in &log.events {
        let digest = digest::of_event(event);
        let held = |seen: &SeenEvent| seen.id == event.id && seen.digest == digest;
        if row.events.iter().any(held) {
            // The row holds no more than an order may.
            let _ = fold_event(&mut folded, event, *at);
        }
    }
    differences.extend(cells(row, &folded));
    if snapshots_whole {
        Judgement::Compared(differences)
    } else {
        Judgement::Partly(differences)
    }
}

/// What lies below the checkpoint and is not in the row.
fn absent(
    row: &Ledger,
    said: &BTreeMap<(&EventId, FactsDigest), i64>,
    reach: &Reach,
) -> Vec<String> {
    // A full order has refused what came later, into dead letters.
    if row.events.len() >= MAX_EVENTS_PER_ORDER {
        return Vec::new();
    }
    let below = said.iter().filter(|(_, at)| **at < reach.events_checkpoint);
    below
        .filter(|((id, digest), _)| {
            let held = |seen: &SeenEvent| seen.id == **id && seen.digest == *digest;
            !row.events.iter().any(held)
        })
        .map(|((id, _), at)| {
            let other = row.events.iter().any(|seen| seen.id == **id);
            let what = if other { "has other facts of" } else { "lacks" };
            format!("it {what} event `{id}`, which lies at offset {at}, below the checkpoint")
        })
        .collect()
}

/// What the row holds and the log, as far as it was read, does not say.
fn unsaid(
    seen: &SeenEvent,
    said: &BTreeMap<(&EventId, FactsDigest), i64>,
    reach: &Reach,
) -> Option<String> {
    if seen.offset < reach.events_start {
        return None;
    }
    let id = &seen.id;
    match said.get(&(id, seen.digest)) {
        None if said.keys().any(|(said, _)| *said == id) => Some(format!(
            "it has facts of event `{id}` that the log does not say"
        )),
        None => Some(format!(
            "it has event `{id}` from offset {}, where the log has none",
            seen.offset
        )),
        Some(first) if *first != seen.offset && *first < reach.events_checkpoint => Some(format!(
            "it has event `{id}` from offset {}, the log has it first at {first}",
            seen.offset
        )),
        Some(_) => None,
    }
}

/// The row's snapshots against the log's, and whether they could be compared in full.
fn snapshots(row: &Ledger, log: &OrderLog, reach: &Reach) -> (Vec<String>, bool) {
    let mut differences = Vec::new();
    let held = &row.snapshots;
    let full = held.kept.len() >= KEPT_SNAPSHOTS;
    let mut folded = Ledger::default();
    for (at, snapshot) in &log.snapshots {
        let pair = (snapshot.version, digest::of_snapshot(snapshot));
        let in_row = held.kept.contains(&pair);
        let let_go = full && held.kept.first().is_some_and(|least| pair < *least);
        if *at < reach.orders_checkpoint && !in_row && !let_go {
            let version = snapshot.version;
            differences.push(format!(
                "it lacks the order's snapshot of version {version}"
            ));
        }
        if *at < reach.orders_checkpoint || in_row {
            fold_snapshot(&mut folded, snapshot);
        }
    }
    // What the latest says is covered by its own digest, wherever the record has gone.
    if let Some(latest) = &held.latest {
        let content = Snapshot {
            status: latest.status,
            amount_due: latest.amount_due,
            currency: latest.currency,
            version: latest.version,
            updated_at: latest.updated_at,
        };
        if digest::of_snapshot(&content) != latest.digest {
            differences.push(format!(
                "its snapshot of version {} is not what its digest says",
                latest.version
            ));
        } else if !held.kept.contains(&(latest.version, latest.digest)) {
            differences.push("its latest snapshot is not among those it has seen".to_owned());
        }
    }
    let same = folded.snapshots == *held;
    if !same && differences.is_empty() && reach.orders_whole && folded.snapshots.seen < held.seen {
        differences.push(format!(
            "it has seen {} snapshots, the log has {}",
            held.seen, folded.snapshots.seen
        ));
    }
    if !same && differences.is_empty() && folded.snapshots.seen >= held.seen {
        differences.push("its snapshots are not those that the log makes".to_owned());
    }
    (differences, same)
}

/// What differs although the events are the same: somebody changed it.
fn cells(row: &Ledger, folded: &Ledger) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(changed("event", &row.events, &folded.events, |seen| {
        seen.id.as_str()
    }));
    all.extend(changed(
        "payment",
        &row.payments,
        &folded.payments,
        |cell| cell.id.as_str(),
    ));
    all.extend(changed("charge", &row.charges, &folded.charges, |cell| {
        cell.id.as_str()
    }));
    all.extend(changed(
        "session",
        &row.sessions,
        &folded.sessions,
        |cell| cell.id.as_str(),
    ));
    all.extend(changed("refund", &row.refunds, &folded.refunds, |cell| {
        cell.id.as_str()
    }));
    all.extend(changed(
        "dispute",
        &row.disputes,
        &folded.disputes,
        |cell| cell.id.as_str(),
    ));
    if row.livemode != folded.livemode {
        all.push(format!(
            "its livemode is {:?}, the log says {:?}",
            row.livemode, folded.livemode
        ));
    }
    all
}

fn changed<T: PartialEq + Debug>(
    what: &str,
    row: &[T],
    log: &[T],
    id: impl Fn(&T) -> &str,
) -> Vec<String> {
    let mut all = Vec::new();
    for cell in row {
        match log.iter().find(|said| id(said) == id(cell)) {
            None => all.push(format!("it has {what} `{}`, the log does not", id(cell))),
            Some(said) if said != cell && row.iter().filter(|c| id(c) == id(cell)).count() == 1 => {
                all.push(format!(
                    "{what} `{}` is {cell:?}, by the log it is {said:?}",
                    id(cell)
                ));
            }
            Some(_) => {}
        }
    }
    for said in log {
        if !row.iter().any(|cell| id(cell) == id(said)) {
            all.push(format!("it lacks {what} `{}`", id(said)));
        }
    }
    all
}
