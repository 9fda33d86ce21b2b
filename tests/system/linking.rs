//! Events that name no order, on the real services: they find it before and after its link is
//! told, and through a kill of the processor that parked them.

use serde_json::{Value, json};
use trueup_testkit::wait_until;

use crate::support::LIMIT;
use crate::support::bench::{Bench, code, said};
use crate::support::http::metric;
use crate::support::shop::{event, now_s, success};

const PARKED: &str = "trueup_linker_items_added_total";

/// Of the payment of `success(order, 0, _)`; it names that payment and no order.
fn refund(order: &str, amount: i64) -> Value {
    let object = json!({
        "id": format!("re_{order}"), "object": "refund", "amount": amount, "currency": "usd",
        "charge": format!("ch_{order}"), "payment_intent": format!("pi_{order}_0"),
        "status": "succeeded", "created": now_s(), "metadata": {},
    });
    let id = format!("evt_refund_{order}");
    event(&id, "refund.created", now_s(), object)
}

/// What came back by the last status record.
fn refunded(bench: &Bench, order: &str) -> Option<i64> {
    let told = bench.statuses(order);
    told.last().map(|(_, told)| told.amount_refunded)
}

#[test]
fn a_refund_that_names_no_order_finds_it_before_and_after_its_link_and_through_a_kill() {
    let bench = Bench::applied("linking");
    let mut ingest = bench.ingest();
    let gateway = ingest.ready(LIMIT);
    let mut process = bench.process(&[]);
    let first = process.ready(LIMIT);

    // The link is there when the refund comes.
    bench.send(&gateway, &[success("L-1", 0, now_s())]);
    bench.statuses_once("L-1", 1);
    bench.send(&gateway, &[refund("L-1", 400)]);
    let told = wait_until(LIMIT, || {
        (refunded(&bench, "L-1") == Some(400)).then_some(())
    });
    told.unwrap_or_else(|| panic!("{:?}", bench.statuses("L-1")));

    // The refund comes first, and whoever parked it dies.
    let ops = first.ops.unwrap();
    let before = metric(&ops, PARKED).unwrap();
    bench.send(&gateway, &[refund("L-2", 1000)]);
    let parked = wait_until(LIMIT, || metric(&ops, PARKED).filter(|now| *now > before));
    assert!(parked.is_some(), "nothing was parked");
    process.kill();
    let mut again = bench.process(&[]);
    again.ready(LIMIT);
    bench.send(&gateway, &[success("L-2", 0, now_s())]);
    let told = wait_until(LIMIT, || {
        (refunded(&bench, "L-2") == Some(1000)).then_some(())
    });
    told.unwrap_or_else(|| panic!("{:?}", bench.statuses("L-2")));

    for order in ["L-1", "L-2"] {
        let told = bench.statuses(order);
        assert_eq!(told.len(), 2, "each effect once: {told:?}");
        let payment = format!("pi_{order}_0");
        let answer = bench.look_up("payment", &payment).unwrap();
        assert_eq!(answer, json!({"object_id": payment, "order_id": order}));
    }
    let unknown = bench.both().args(["payment", "pi_nobody"]).output();
    assert_eq!(code(&unknown), 1, "{}", said(&unknown));
}
