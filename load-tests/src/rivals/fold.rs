//! What Kafka Streams must write, worked out again by other means: a plain fold over the raw log,
//! with a tree of JSON and a set of whole ids. It shares nothing with the Java.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::kafka::LogRecord;
use crate::oracle::reading::{number, text};

/// What each order must say, in its order.
#[derive(Debug, Default)]
pub(super) struct Expected {
    orders: BTreeMap<Vec<u8>, Order>,
    pub(super) changes: u64,
}

#[derive(Debug)]
struct Order {
    seen: BTreeSet<String>,
    status: &'static str,
    /// `created` and rank of the event that decided.
    decided: (i64, u8),
    changes: Vec<Value>,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            seen: BTreeSet::new(),
            status: "pending",
            decided: (i64::MIN, 0),
            changes: Vec::new(),
        }
    }
}

impl Expected {
    /// The next raw record of its partition.
    pub(super) fn fold(&mut self, record: &LogRecord) {
        let body = record.payload.as_deref().unwrap_or_default();
        let event: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let order = self.orders.entry(record.key.clone()).or_default();
        if !order.seen.insert(text(&event, "id").to_owned()) {
            return;
        }
        let Some((rank, status)) = decision(text(&event, "type")) else {
            return;
        };
        let decides = (number(&event, "created"), rank);
        if decides < order.decided {
            return;
        }
        order.decided = decides;
        if status == order.status {
            return;
        }
        let object = event.pointer("/data/object").unwrap_or(&Value::Null);
        order.changes.push(json!({
            "version": order.seen.len(),
            "from": order.status,
            "to": status,
            "amount_received": number(object, "amount_received"),
            "currency": text(object, "currency"),
            "event_id": text(&event, "id"),
            "occurred_at": number(&event, "created"),
        }));
        order.status = status;
        self.changes += 1;
    }

    /// What was found instead, if it is not this, record by record within each order.
    pub(super) fn fault(&self, found: &BTreeMap<Vec<u8>, Vec<Value>>) -> Option<String> {
        let name = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
        let unknown = found.keys().find(|key| !self.orders.contains_key(*key));
        if let Some(key) = unknown {
            return Some(format!("`{}`: an order that nobody sent", name(key)));
        }
        let none = Vec::new();
        self.orders.iter().find_map(|(key, order)| {
            let told = found.get(key).unwrap_or(&none);
            (*told != order.changes).then(|| {
                let expected = Value::from(order.changes.clone());
                let told = Value::from(told.clone());
                format!("`{}`: expected {expected}, found {told}", name(key))
            })
        })
    }
}

/// Which step an event is, and the status that it stands for; `None` where it decides nothing.
fn decision(event_type: &str) -> Option<(u8, &'static str)> {
    Some(match event_type.strip_prefix("payment_intent.")? {
        "created" => (1, "pending"),
        "requires_action" => (2, "pending"),
        "processing" | "partially_funded" => (3, "processing"),
        "amount_capturable_updated" => (4, "processing"),
        "payment_failed" => (5, "payment_failed"),
        "canceled" => (6, "canceled"),
        "succeeded" => (7, "paid"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, id: &str, kind: &str, created: i64, received: i64) -> LogRecord {
        let body = json!({
            "id": id, "type": kind, "created": created,
            "data": {"object": {"amount_received": received, "currency": "eur"}},
        });
        LogRecord {
            partition: 0,
            offset: 0,
            key: key.as_bytes().to_vec(),
            headers: BTreeMap::new(),
            payload: Some(body.to_string().into_bytes()),
        }
    }

    #[test]
    fn the_latest_payment_event_decides_and_each_event_counts_once() {
        let mut expected = Expected::default();
        let steps = [
            ("evt_1", "payment_intent.created", 10, 0),
            ("evt_2", "charge.succeeded", 30, 0),
            ("evt_3", "payment_intent.succeeded", 20, 42),
            ("evt_3", "payment_intent.succeeded", 20, 42),
            ("evt_4", "payment_intent.payment_failed", 19, 0),
            ("evt_5", "payment_intent.processing", 20, 0),
            ("evt_6", "payment_intent.canceled", 21, 0),
        ];
        for (id, kind, created, received) in steps {
            expected.fold(&record("o", id, kind, created, received));
        }
        expected.fold(&record("other", "evt_1", "payment_intent.created", 1, 0));
        let change = |version, from: &str, to: &str, received, id: &str, at| {
            json!({"version": version, "from": from, "to": to, "amount_received": received,
                   "currency": "eur", "event_id": id, "occurred_at": at})
        };
        let changes = vec![
            change(3, "pending", "paid", 42, "evt_3", 20),
            change(6, "paid", "canceled", 0, "evt_6", 21),
        ];
        assert_eq!(expected.changes, 2);
        let told = |changes: &[Value]| BTreeMap::from([(b"o".to_vec(), changes.to_vec())]);
        assert_eq!(expected.fault(&told(&changes)), None);
        // Lost, doubled, in another order, and of an order that is not there.
        let mut reversed = changes.clone();
        reversed.reverse();
        let doubled = [changes.clone(), vec![changes[1].clone()]].concat();
        for lie in [&changes[..1], &reversed, &doubled, &[]] {
            assert!(expected.fault(&told(lie)).is_some(), "{lie:?}");
        }
        let strange = BTreeMap::from([(b"p".to_vec(), Vec::new())]);
        assert!(expected.fault(&strange).is_some());
    }
}
