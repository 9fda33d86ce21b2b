//! `kill -9`: what was accepted is not lost, and nothing is told twice.

use crate::bench::{Dev, said, success};

#[test]
fn what_was_accepted_before_a_kill_is_told_once_after_it() {
    let mut dev = Dev::start(&[]);
    let orders: Vec<String> = (0..20).map(|number| format!("order{number}")).collect();
    let events: Vec<_> = orders.iter().map(|order| success(order, 1)).collect();
    let sent = dev.send(&events);
    assert!(sent.status.success(), "{}", said(&sent));
    // Nothing is waited for: some are folded, some are not.
    dev.kill_and_restart();
    // A second payment is folded after all that came before it in its partition.
    let again: Vec<_> = orders.iter().map(|order| success(order, 2)).collect();
    assert!(dev.send(&again).status.success());
    for order in &orders {
        let last = format!("evt_{order}2");
        let held = dev.statuses(order, |held| {
            held.last().is_some_and(|record| record.event_id == last)
        });
        let causes: Vec<&str> = held.iter().map(|record| record.event_id.as_str()).collect();
        assert_eq!(causes, [format!("evt_{order}1"), last]);
        assert_eq!(held[1].amount_received, 2_000);
    }
}

#[test]
fn a_ledger_that_is_gone_is_folded_anew_from_the_log() {
    let mut dev = Dev::start(&[]);
    assert!(dev.send(&[success("mug", 1)]).status.success());
    dev.statuses("mug", |held| held.len() == 1);
    dev.process.kill();
    std::fs::remove_file(dev.data().join("ledger.redb")).unwrap();
    dev.kill_and_restart();
    assert!(dev.send(&[success("mug", 2)]).status.success());
    let held = dev.statuses("mug", |held| held.len() == 2);
    assert_eq!(held[1].amount_received, 2_000);
}
