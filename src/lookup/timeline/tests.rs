//! Timelines of a small order: whole, with a record gone, and with snapshots in between.

use trueup_domain::event::{EventType, Facts, PaymentFacts, SnapshotStatus};
use trueup_domain::ids::{EventId, ObjectId};
use trueup_domain::money::{Currency, MinorUnits};

use super::*;

const START_S: i64 = 1_700_000_000;

fn payment(id: &str, kind: EventType, received: i64, second: i64) -> LoggedEvent {
    let event = Event {
        id: EventId::try_from(id).unwrap(),
        kind,
        created: START_S + second,
        livemode: Some(false),
        facts: Facts::Payment(PaymentFacts {
            id: ObjectId::try_from("pi_1").unwrap(),
            amount: MinorUnits::try_from(500).unwrap(),
            amount_received: MinorUnits::try_from(received).unwrap(),
            currency: Currency::try_from("eur").unwrap(),
        }),
    };
    LoggedEvent {
        event,
        at: (START_S + second) * 1_000,
        trace_id: None,
    }
}

fn snapshot(second: i64, offset: i64) -> LoggedSnapshot {
    let at = (START_S + second) * 1_000;
    let snapshot = Snapshot {
        status: SnapshotStatus::Pending,
        amount_due: MinorUnits::try_from(500).unwrap(),
        currency: Currency::try_from("eur").unwrap(),
        version: offset,
        updated_at: at,
    };
    LoggedSnapshot {
        snapshot,
        at,
        offset,
    }
}

fn told(
    events: &[(i64, LoggedEvent)],
    snapshots: Vec<LoggedSnapshot>,
    gone: &[i64],
) -> Vec<String> {
    let mut ledger = Ledger::default();
    for (offset, logged) in events {
        fold::fold_event(&mut ledger, &logged.event, *offset).unwrap();
    }
    for logged in &snapshots {
        fold::fold_snapshot(&mut ledger, &logged.snapshot);
    }
    let held = events
        .iter()
        .filter(|(offset, _)| !gone.contains(offset))
        .cloned()
        .collect();
    let history = History {
        ledger: &ledger,
        events_topic: "payments.events",
        orders_topic: "orders",
        partition: 3,
        events: held,
        snapshots,
    };
    timeline(&history)
        .into_iter()
        .map(|moment| {
            let name = moment.event_id.unwrap_or_else(|| moment.kind.to_owned());
            let turn = format!(
                "{}>{}",
                moment.from.unwrap_or("?"),
                moment.to.unwrap_or("?")
            );
            format!("{name} {turn} {:?}", moment.version)
        })
        .collect()
}

fn two_events() -> Vec<(i64, LoggedEvent)> {
    vec![
        (
            7,
            payment("evt_1", EventType::PaymentIntentProcessing, 0, 1),
        ),
        (
            12,
            payment("evt_2", EventType::PaymentIntentSucceeded, 500, 9),
        ),
    ]
}

#[test]
fn each_event_tells_what_it_turned() {
    assert_eq!(
        told(&two_events(), Vec::new(), &[]),
        [
            "evt_1 pending>processing Some(1)",
            "evt_2 processing>paid Some(2)"
        ]
    );
}

#[test]
fn snapshots_stand_between_events_by_their_time() {
    assert_eq!(
        told(&two_events(), vec![snapshot(5, 1)], &[]),
        [
            "evt_1 pending>processing Some(1)",
            "snapshot processing>processing Some(2)",
            "evt_2 processing>paid Some(3)",
        ]
    );
}

#[test]
fn what_came_of_a_record_that_is_gone_is_left_out_and_not_guessed() {
    assert_eq!(
        told(&two_events(), Vec::new(), &[7]),
        ["evt_1 ?>? None", "evt_2 ?>? None"]
    );
}

#[test]
fn a_trace_id_is_taken_from_a_sound_traceparent_only() {
    let sound = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(trace_id(sound).unwrap(), "0af7651916cd43dd8448eb211c80319c");
    for wrong in [
        &b""[..],
        b"00-0-1-01",
        b"00-00000000000000000000000000000000-1-01",
        b"\xff",
    ] {
        assert_eq!(trace_id(wrong), None);
    }
}
