//! One order: its records against the oracle, replayed along the log. As the oracle is a
//! function of a set, the only freedom is when the reader of the snapshots took each of them;
//! every way of weaving them in is tried.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Fault;
use crate::oracle::reading::{number, text};
use crate::oracle::{self, OrderState};
use crate::status_log::StatusRecord;

/// All that is known of one order.
#[derive(Debug)]
pub struct OrderEvidence<'a> {
    pub order_id: &'a str,
    /// Every used event that was sent.
    pub events: Vec<Value>,
    /// Event ids as they lie in the log, first arrivals only.
    pub arrived: &'a [String],
    /// In the order in which they were written.
    pub snapshots: Vec<Value>,
    /// As they lie in `orders.status`.
    pub records: &'a [StatusRecord],
}

/// What is wrong with the order; at most one fault of each kind.
#[must_use]
pub fn order_faults(order: &OrderEvidence<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut add = |what: &str, evidence: String| {
        let subject = order.order_id.to_owned();
        faults.push(Fault {
            subject,
            what: what.to_owned(),
            evidence,
        });
    };
    let listed = || listing(order.records);
    let pairs = || order.records.iter().zip(order.records.iter().skip(1));
    if pairs().any(|(earlier, later)| later.version <= earlier.version) {
        add("versions do not increase strictly", listed());
    }
    if pairs().any(|(earlier, later)| later.from != earlier.to) {
        add("a record's `from` is not the `to` before it", listed());
    }
    if order
        .records
        .first()
        .is_some_and(|first| first.from != "pending")
    {
        add("the first record's `from` is not pending", listed());
    }
    let arrived = in_log_order(order);
    if arrived.len() != order.arrived.len() {
        add(
            "events in the log that were not sent for this order",
            format!("{:?}", order.arrived),
        );
    }
    let last = oracle::state(&arrived, &order.snapshots);
    let found = order.records.last().map_or(("pending", 0, 0), |record| {
        (record.to.as_str(), record.received, record.refunded)
    });
    if found != (last.status, last.received, last.refunded) {
        add(
            "the last record is not what the oracle says",
            format!("oracle: {last:?}\n{}", listed()),
        );
    } else if !replays(order, &arrived) {
        let path = expected_listing(&arrived, &order.snapshots);
        let evidence = format!("found:\n{}\nexpected, snapshots last:\n{path}", listed());
        add("the records are not one per change along the log", evidence);
    }
    faults
}

fn in_log_order(order: &OrderEvidence<'_>) -> Vec<Value> {
    let find = |id: &String| order.events.iter().find(|event| text(event, "id") == id);
    order.arrived.iter().filter_map(find).cloned().collect()
}

fn differs(before: &OrderState, after: &OrderState) -> bool {
    (before.status, before.received, before.refunded)
        != (after.status, after.received, after.refunded)
}

/// True if some weaving of snapshots into events yields exactly these records.
fn replays(order: &OrderEvidence<'_>, arrived: &[Value]) -> bool {
    let goal = (arrived.len(), order.snapshots.len(), order.records.len());
    let mut open = vec![(0, 0, 0)];
    let mut seen = BTreeSet::new();
    while let Some(at) = open.pop() {
        if at == goal {
            return true;
        }
        if !seen.insert(at) {
            continue;
        }
        let (events, snapshots, records) = at;
        for (next_events, next_snapshots) in [(events + 1, snapshots), (events, snapshots + 1)] {
            let Some(before) = prefix(arrived, &order.snapshots, events, snapshots) else {
                continue;
            };
            let Some(after) = prefix(arrived, &order.snapshots, next_events, next_snapshots) else {
                continue;
            };
            let cause = if next_events > events {
                arrived.get(events).map(event_cause)
            } else {
                order.snapshots.get(snapshots).map(snapshot_cause)
            };
            if !differs(&before, &after) {
                open.push((next_events, next_snapshots, records));
            } else if let (Some(record), Some(cause)) = (order.records.get(records), cause)
                && matches_record(record, &before, &after, &cause)
                && record.version == after.version
            {
                open.push((next_events, next_snapshots, records + 1));
            }
        }
    }
    false
}

fn prefix(
    arrived: &[Value],
    snapshots: &[Value],
    events: usize,
    taken: usize,
) -> Option<OrderState> {
    Some(oracle::state(
        arrived.get(..events)?,
        snapshots.get(..taken)?,
    ))
}

fn event_cause(event: &Value) -> (String, String, i64) {
    let id = text(event, "id").to_owned();
    (
        id,
        text(event, "type").to_owned(),
        number(event, "created") * 1000,
    )
}

fn snapshot_cause(shop: &Value) -> (String, String, i64) {
    (
        format!("snapshot:{}", number(shop, "version")),
        "order.snapshot".to_owned(),
        oracle::updated_at_ms(shop),
    )
}

fn matches_record(
    record: &StatusRecord,
    before: &OrderState,
    after: &OrderState,
    (id, event_type, at_ms): &(String, String, i64),
) -> bool {
    record.from == before.status
        && record.to == after.status
        && record.due == after.due
        && record.received == after.received
        && record.refunded == after.refunded
        && record.currency == after.currency
        && record.event_id == *id
        && record.event_type == *event_type
        && record.occurred_at_ms == *at_ms
}

fn listing(records: &[StatusRecord]) -> String {
    let line = |record: &StatusRecord| {
        format!(
            "{}/{} v{} {} -> {} due {:?} received {} refunded {} {} by {} {}",
            record.partition,
            record.offset,
            record.version,
            record.from,
            record.to,
            record.due,
            record.received,
            record.refunded,
            record.currency.as_deref().unwrap_or("-"),
            record.event_id,
            record.event_type,
        )
    };
    let lines: Vec<String> = records.iter().map(line).collect();
    if lines.is_empty() {
        "no records".to_owned()
    } else {
        lines.join("\n")
    }
}

fn expected_listing(arrived: &[Value], snapshots: &[Value]) -> String {
    let mut lines = Vec::new();
    for events in 1..=arrived.len() {
        if let Some(after) = prefix(arrived, snapshots, events, 0)
            && let Some(event) = arrived.get(events - 1)
        {
            lines.push(format!(
                "{} {} {after:?}",
                text(event, "id"),
                text(event, "type")
            ));
        }
    }
    for taken in 1..=snapshots.len() {
        if let Some(after) = prefix(arrived, snapshots, arrived.len(), taken) {
            let shop = snapshots
                .get(taken - 1)
                .map(Value::to_string)
                .unwrap_or_default();
            lines.push(format!("{shop} {after:?}"));
        }
    }
    lines.join("\n")
}
