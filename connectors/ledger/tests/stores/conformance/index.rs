//! The event index: an event is found by its id alone, and only if it was written.

use super::{Subject, batch, entry, event, odd_ids, order, write};

const DAY_MS: i64 = 86_400_000;

pub(crate) fn an_event_is_found_by_its_id_and_one_never_written_is_not(subject: &impl Subject) {
    let mut store = subject.open();
    let (now, order) = (subject.now_ms(), order("order-1"));
    let mut written = entry(&event("evt_1"), &order, 41, now);
    written.partition = 11;
    write(&mut *store, batch(Vec::new(), vec![written]));
    let found = subject.find_event(&event("evt_1")).unwrap();
    assert_eq!(found.event_id, event("evt_1"));
    assert_eq!(found.order_id, order);
    assert_eq!((found.partition, found.offset), (11, 41));
    assert_eq!(found.received_at, now);
    for absent in ["evt_2", "evt_", "evt_11", "EVT_1"] {
        assert_eq!(subject.find_event(&event(absent)), None, "{absent}");
    }
}

pub(crate) fn an_event_is_found_whenever_it_was_created_and_received(subject: &impl Subject) {
    let mut store = subject.open();
    let (now, order) = (subject.now_ms(), order("order-1"));
    let mut entries = Vec::new();
    for received_days_ago in [0, 1, 30, 34] {
        for created_days_before in [-400, -2, -1, 0, 1, 30, 31, 32, 400, 20_000] {
            let id = event(&format!("evt_{received_days_ago}_{created_days_before}"));
            let received_at = now - received_days_ago * DAY_MS;
            let mut entry = entry(&id, &order, 1, received_at);
            entry.created = (received_at - created_days_before * DAY_MS) / 1_000;
            entries.push(entry);
        }
    }
    let written = entries.clone();
    write(&mut *store, batch(Vec::new(), entries));
    for entry in written {
        let found = subject.find_event(&entry.event_id);
        let received_at = found.map(|found| found.received_at);
        assert_eq!(received_at, Some(entry.received_at), "{}", entry.event_id);
    }
}

pub(crate) fn odd_ids_of_events_are_kept_apart(subject: &impl Subject) {
    let mut store = subject.open();
    let (now, order) = (subject.now_ms(), order(&"ö".repeat(100)));
    let mut ids = odd_ids();
    ids.push("x".repeat(255));
    let entries = (0..)
        .zip(&ids)
        .map(|(offset, id)| entry(&event(id), &order, offset, now))
        .collect();
    write(&mut *store, batch(Vec::new(), entries));
    for (offset, id) in (0..).zip(&ids) {
        let found = subject.find_event(&event(id)).unwrap();
        assert_eq!(
            (found.order_id, found.offset),
            (order.clone(), offset),
            "{id}"
        );
    }
    assert_eq!(subject.find_event(&event("aa")), None);
}
