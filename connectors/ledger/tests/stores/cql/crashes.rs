//! A store that is killed, frozen and started again: faults meanwhile, and nothing lost after.
//! These tests start nodes of their own.

use std::process::Command;
use std::time::{Duration, Instant};

use trueup_engine::ports::store::{Checkpoint, CheckpointKey, LedgerStore, WriteBatch};
use trueup_testkit::{Cassandra, CassandraOptions, wait_until};

use super::connecting::takes_silence_for_absence;
use super::dropping::{count_panics_of_tasks, drop_with_writes_under_way, panics_of_tasks};
use super::support::{Cql, SOON, settings};
use crate::conformance::{Subject, batch, entry, event, ledger, load_one, order, told, write};

const CHECKPOINT: Checkpoint = Checkpoint {
    events: 12,
    orders: 5,
    saved_at: 1_700_000_000_000,
};

fn key() -> CheckpointKey {
    CheckpointKey {
        topic: "payments.events".to_owned(),
        partition: 0,
        epoch: 0,
    }
}

fn start() -> (Cassandra, Cql) {
    let node = Cassandra::start(&CassandraOptions::default()).unwrap();
    // Tables are made under generous limits; the limits under test are short.
    let mut settings = settings(node.address(), "own");
    Cql::applied(&settings);
    settings.request_timeout = Duration::from_secs(1);
    settings.read_deadline = Duration::from_secs(2);
    (node, Cql::connected(settings))
}

/// 20 batches of 64 ledgers and 64 events.
fn batches() -> Vec<WriteBatch> {
    let batches = (0..20).map(|batch_no| {
        let orders: Vec<_> = (0..64)
            .map(|n| order(&format!("order-{batch_no}-{n}")))
            .collect();
        let entries = orders.iter().enumerate().map(|(n, order)| {
            entry(
                &event(&format!("evt_{batch_no}_{n}")),
                order,
                1,
                1_700_000_000_000,
            )
        });
        let entries = entries.collect();
        batch(
            orders.iter().map(|order| ledger(order, 3)).collect(),
            entries,
        )
    });
    batches.collect()
}

fn assert_all_there(store: &mut dyn LedgerStore) {
    let ledgers: Vec<_> = batches()
        .into_iter()
        .flat_map(|batch| batch.ledgers)
        .collect();
    let orders: Vec<_> = ledgers.iter().map(|write| write.order_id.clone()).collect();
    // A node that just started is slow at first: a fault is no answer.
    let cells = wait_until(SOON, || store.load(&orders).ok()).unwrap();
    for (write, cell) in ledgers.iter().zip(cells) {
        assert_eq!(cell.as_ref(), Some(&write.cell), "{}", write.order_id);
    }
}

#[test]
fn own_store_that_is_killed_is_a_fault_and_what_was_submitted_lands_when_it_is_back() {
    let (mut node, cql) = start();
    let mut store = cql.store();
    let kept = [order("kept-1"), order("kept-2")];
    let ledgers = kept.iter().map(|order| ledger(order, 1)).collect();
    write(&mut store, batch(ledgers, Vec::new()));
    store.save_checkpoint(&key(), CHECKPOINT).unwrap();
    assert!(!takes_silence_for_absence(&mut store, &kept));

    node.kill();
    let began = Instant::now();
    let fault = store.load(&kept).unwrap_err();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(fault.operation, "read ledgers");
    assert!(store.load(&[order("never-written")]).is_err());
    assert!(store.load_checkpoint(&key()).is_err());
    assert!(store.save_checkpoint(&key(), CHECKPOINT).is_err());
    assert!(cql.runtime.block_on(cql.ledger.ping()).is_err());
    let found = cql
        .runtime
        .block_on(cql.ledger.find_event(&event("evt_0_0")));
    assert!(found.is_err(), "{found:?}");
    let found = cql.runtime.block_on(cql.ledger.find_ledger(&kept[0]));
    assert!(found.is_err(), "{found:?}");
    for (token, batch) in (0..).zip(batches()) {
        store.submit(token, batch);
    }
    assert!(store.acknowledged(Duration::from_secs(3)).is_empty());

    node.restart().unwrap();
    let began = Instant::now();
    let told = told(&mut store, 20);
    assert!(told.values().all(|times| *times == 1), "{told:?}");
    // The driver tries again at most every 10 s by itself.
    assert!(
        began.elapsed() < SOON,
        "the session took {:?}",
        began.elapsed()
    );
    assert_all_there(&mut store);
    let asked = wait_until(SOON, || store.load_checkpoint(&key()).ok());
    assert_eq!(asked, Some(Some(CHECKPOINT)));
    assert_eq!(
        load_one(&mut store, &kept[0]),
        Some(ledger(&kept[0], 1).cell)
    );
    assert_eq!(load_one(&mut store, &order("never-written")), None);
}

#[test]
fn own_store_killed_in_the_midst_of_writes_keeps_what_it_told_and_gets_the_rest() {
    let (mut node, cql) = start();
    let mut store = cql.store();
    for (token, batch) in (0..).zip(batches()) {
        store.submit(token, batch);
    }
    // Twenty batches at once are much for a node that has just started, under limits this short.
    let first = || Some(store.acknowledged(SOON)).filter(|told| !told.is_empty());
    let mut early = wait_until(SOON * 4, first).unwrap_or_default();
    node.kill();
    early.extend(store.acknowledged(Duration::ZERO));
    assert!(!early.is_empty());
    node.restart().unwrap();
    if early.len() < 20 {
        let late = told(&mut store, 20 - early.len());
        assert!(late.values().all(|times| *times == 1), "{late:?}");
        assert!(
            early.iter().all(|token| !late.contains_key(token)),
            "told again"
        );
    }
    assert_all_there(&mut store);
    // Received long ago, so that a look-up reads no day of theirs; the rows are there.
    let rows = cql.raw().rows(&format!(
        "SELECT event_id FROM {}.event_index",
        cql.settings.keyspace
    ));
    assert_eq!(rows.rows_num(), 20 * 64);
}

#[test]
fn own_store_that_is_frozen_is_a_fault_and_is_asked_again_when_it_thaws() {
    let (node, cql) = start();
    let mut store = cql.store();
    let there = [order("there")];
    write(&mut store, batch(vec![ledger(&there[0], 1)], Vec::new()));
    let signal = |name: &str| {
        let sent = Command::new("kill")
            .args([name, &node.pid().to_string()])
            .status();
        assert!(sent.unwrap().success(), "{name}");
    };
    signal("-STOP");
    assert!(store.load(&there).is_err());
    assert!(!takes_silence_for_absence(&mut store, &there));
    store.submit(1, batch(vec![ledger(&there[0], 2)], Vec::new()));
    assert!(store.acknowledged(Duration::from_millis(1_500)).is_empty());
    signal("-CONT");
    assert_eq!(told(&mut store, 1).get(&1), Some(&1));
    let cells = wait_until(SOON, || store.load(&there).ok());
    assert_eq!(cells, Some(vec![Some(ledger(&there[0], 2).cell)]));
    assert!(cql.now_ms() > 1_700_000_000_000);
}

#[test]
fn own_store_that_is_away_does_not_hold_up_a_worker_that_stops() {
    count_panics_of_tasks();
    let (mut node, cql) = start();
    node.kill();
    drop_with_writes_under_way(&cql, 40);
    let began = Instant::now();
    cql.end_runtime();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "ending took {took:?}");
    assert_eq!(panics_of_tasks(), 0);
}
