//! The reconcile gap from outside: a payment that its order service does not mark, and then does.

use serde_json::{Value, json};
use trueup_domain::event::{Snapshot, SnapshotStatus};
use trueup_domain::gap::{GapKind, GapStatus};
use trueup_domain::ids::OrderId;
use trueup_domain::money::{Currency, MinorUnits};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::{GapSetRecord, OrderSnapshotRecord};
use trueup_testkit::wait_until;

use crate::support::LIMIT;
use crate::support::bench::Bench;
use crate::support::http::{get, metric, metric_becomes};
use crate::support::shop::{event, now_s, payment};
use crate::support::writer::Writer;

const ORDER: &str = "G-2001";

#[test]
fn a_success_that_is_not_marked_opens_a_gap_and_the_mark_closes_it() {
    let bench = Bench::applied("gaps");
    let mut ingest = bench.ingest();
    let mut process = bench.process(&["--grace", "1s"]);
    let gateway = ingest.ready(LIMIT);
    let ops = process.ready(LIMIT).ops.unwrap();
    let open = "payments_gap_entries{kind=\"paid_not_marked\"}";
    assert_eq!(metric(&ops, "payments_reconcile_gap"), Some(0.0));
    assert_eq!(metric(&ops, open), Some(0.0));

    // The order service says what is due, as plain JSON, and then falls silent.
    let at_ms = now_s() * 1000;
    let waiting = json!({
        "order_id": ORDER, "status": "pending", "amount_due": 4200, "currency": "usd",
        "version": 1, "updated_at": at_ms, "placed_by": "somebody",
    });
    let writer = Writer::new(&bench.kafka);
    writer.put_value(
        &bench.topics.orders(),
        ORDER,
        waiting.to_string().as_bytes(),
    );
    // The two inputs have no order between them, so the event waits for the snapshot.
    let known = wait_until(LIMIT, || bench.look_up("order", ORDER));
    assert_eq!(known.unwrap()["status"], "pending");
    let paid = payment(ORDER, "pi_gap", "succeeded", 4200, 4200);
    let success = event("evt_gap", "payment_intent.succeeded", now_s(), paid);
    bench.send(&gateway, &[success]);

    metric_becomes(&ops, "payments_reconcile_gap", 1.0);
    assert_eq!(metric(&ops, open), Some(1.0));
    metric_becomes(&ops, "payments_reconciliation_failures_total", 1.0);
    let sets = bench.gap_sets(ORDER);
    the_set_is_awaiting_and_then_open(&sets);
    the_order_shows_its_gap(&bench, &ops, sets[1].as_ref().unwrap());

    // The order service wakes up, and writes Avro now.
    let marked = Codec::SingleObject.encode(&OrderSnapshotRecord {
        order_id: OrderId::try_from(ORDER).unwrap(),
        snapshot: Snapshot {
            status: SnapshotStatus::Paid,
            amount_due: MinorUnits::try_from(4200).unwrap(),
            currency: Currency::try_from("usd").unwrap(),
            version: 2,
            updated_at: at_ms + 1,
        },
    });
    writer.put_value(&bench.topics.orders(), ORDER, &marked);
    metric_becomes(&ops, "payments_reconcile_gap", 0.0);
    assert_eq!(metric(&ops, open), Some(0.0));
    metric_becomes(&ops, "payments_reconciled_total", 1.0);
    let sets = bench.gap_sets(ORDER);
    assert_eq!(
        (sets.len(), sets.last()),
        (3, Some(&None)),
        "no tombstone: {sets:?}"
    );

    let told = bench.statuses(ORDER);
    assert_eq!(
        told.len(),
        1,
        "a snapshot that changes nothing is not told: {told:?}"
    );
    assert_eq!((told[0].1.version, told[0].1.amount_due), (2, Some(4200)));
    the_timeline_has_both_snapshots(&bench, &ops);
}

fn the_set_is_awaiting_and_then_open(sets: &[Option<GapSetRecord>]) {
    let [Some(first), Some(second)] = sets else {
        panic!("{sets:?}")
    };
    let gap = &first.gaps.gaps[0];
    assert_eq!(first.order_id.as_str(), ORDER);
    assert_eq!((first.version, second.version), (2, 2));
    assert_eq!(
        (gap.kind, gap.status),
        (GapKind::PaidNotMarked, GapStatus::Awaiting)
    );
    assert_eq!((gap.amount, gap.currency.as_str()), (4200, "usd"));
    assert_eq!(gap.payment.as_ref().map(|id| id.as_str()), Some("pi_gap"));
    assert_eq!(gap.deadline, gap.since + 1000);
    let mut opened = first.gaps.clone();
    opened.gaps[0].status = GapStatus::Open;
    assert_eq!(second.gaps, opened);
}

fn the_order_shows_its_gap(bench: &Bench, ops: &str, told: &GapSetRecord) {
    let found = wait_until(LIMIT, || {
        Some(get(ops, "/api/v1/orders/G-2001")).filter(|a| a.status == 200)
    });
    let found = found.unwrap().json();
    let gap = &found["gaps"][0];
    assert_eq!(found["gaps"].as_array().map(Vec::len), Some(1));
    for (name, value) in [
        ("order_id", json!(ORDER)),
        ("kind", json!("paid_not_marked")),
        ("status", json!("open")),
        ("amount", json!(4200)),
        ("currency", json!("usd")),
        ("payment_intent", json!("pi_gap")),
    ] {
        assert_eq!(gap[name], value, "{name}");
    }
    let event = wait_until(LIMIT, || bench.look_up("event", "evt_gap")).unwrap();
    assert_eq!(
        gap["since"], event["received_at"],
        "since is the receipt of its cause"
    );
    let since = |text: &Value| -> i64 {
        let at: jiff::Timestamp = text.as_str().unwrap().parse().unwrap();
        at.as_millisecond()
    };
    assert_eq!(since(&gap["since"]), told.gaps.gaps[0].since);
    assert_eq!(since(&gap["deadline"]), told.gaps.gaps[0].deadline);
    assert!(gap["age_seconds"].as_i64() >= Some(1), "{gap}");
}

fn the_timeline_has_both_snapshots(bench: &Bench, ops: &str) {
    let found = wait_until(LIMIT, || {
        let found = get(ops, "/api/v1/orders/G-2001").json();
        (found["version"] == 3).then_some(found)
    });
    let found = found.unwrap();
    assert_eq!(found["gaps"], json!([]));
    let steps: Vec<(&str, &str, u64)> = found["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| {
            let text = |name: &str| at[name].as_str().unwrap();
            (text("kind"), text("to"), at["version"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(
        steps,
        [
            ("snapshot", "pending", 1),
            ("event", "paid", 2),
            ("snapshot", "paid", 3)
        ]
    );
    let last = &found["timeline"][2];
    assert_eq!(last["position"]["topic"], bench.topics.orders());
    for absent in ["event_id", "event_type", "trace_id"] {
        assert!(last.get(absent).is_none(), "{last}");
    }
}
