//! `--demo`: a day of a shop, told as it happens.

use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT};

#[test]
fn the_demo_reaches_paid_orders_an_open_gap_and_one_that_closed() {
    let dev = Dev::start(&["--demo"]);
    let log = wait_until(LIMIT, || {
        Some(dev.process.log()).filter(|log| log.contains("the day is over"))
    })
    .unwrap_or_else(|| panic!("no end: {}", dev.process.log()));
    let of = |goods: &str, what: &str| {
        let mut lines = log.lines();
        lines.any(|line| line.contains(&format!("  {goods}-")) && line.contains(what))
    };
    for goods in ["mug", "lamp", "chair", "desk", "clock", "vase", "book"] {
        assert!(of(goods, " paid "), "{goods} is not paid: {log}");
    }
    assert!(of("plant", " refunded ") && of("rug", " disputed ") && of("tent", " canceled "));
    assert!(
        of("vase", "GAP OPENS") && !of("vase", "gap closes"),
        "{log}"
    );
    assert!(of("book", "GAP OPENS") && of("book", "gap closes"), "{log}");
    assert!(of("clock", "GAP OPENS          duplicate_payment"), "{log}");
    assert!(of("rug", "GAP OPENS          dispute_open"), "{log}");

    let vase = log
        .split_whitespace()
        .find(|word| word.starts_with("vase-"))
        .unwrap();
    let order = dev.known("order", vase, |order| {
        order["gaps"] != serde_json::json!([])
    });
    assert_eq!(order["status"], "paid");
    assert_eq!(order["gaps"][0]["kind"], "paid_not_marked");
    assert_eq!(order["gaps"][0]["status"], "open");
}
