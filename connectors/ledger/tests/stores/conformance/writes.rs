//! Writing: the ledger that holds more wins, and a batch is told once, when all of it is there.

use std::collections::HashMap;
use std::time::Duration;

use super::{Subject, batch, entry, event, ledger, ledger_of, load_one, order, told, write};

/// All sequences of `versions` of the given length.
fn sequences(versions: u64, length: u32) -> Vec<Vec<u64>> {
    (0..versions.pow(length))
        .map(|mut number| {
            let mut sequence = Vec::new();
            for _ in 0..length {
                sequence.push(number % versions + 1);
                number /= versions;
            }
            sequence
        })
        .collect()
}

pub(crate) fn the_greatest_timestamp_wins_in_every_order_of_landing(subject: &impl Subject) {
    let mut store = subject.open();
    let sequences = sequences(3, 4);
    let orders: Vec<_> = (0..sequences.len())
        .map(|n| order(&format!("order-{n}")))
        .collect();
    // Step by step, each acknowledged before the next, so that this is the order they land in.
    for step in 0..4 {
        let ledgers: Vec<_> = orders
            .iter()
            .zip(&sequences)
            .map(|(order, sequence)| ledger(order, sequence[step]))
            .collect();
        write(&mut *store, batch(ledgers, Vec::new()));
        let cells = store.load(&orders).unwrap();
        for ((order, sequence), cell) in orders.iter().zip(&sequences).zip(cells) {
            let greatest = *sequence[..=step].iter().max().unwrap();
            assert_eq!(cell, Some(ledger(order, greatest).cell), "{sequence:?}");
        }
    }
}

/// As a quorum's nodes decide it among themselves, so that both kinds of store end alike.
pub(crate) fn of_equal_timestamps_the_greater_bytes_win_in_both_orders_of_landing(
    subject: &impl Subject,
) {
    let mut store = subject.open();
    let cells: [&[u8]; 5] = [b"b", b"a", b"ab", b"\xff", b"\x7f\xff"];
    for (place, first) in cells.iter().enumerate() {
        for (other, second) in cells.iter().enumerate() {
            let order = order(&format!("order-{place}-{other}"));
            for cell in [first, second] {
                let ledgers = vec![ledger_of(&order, 1, cell.to_vec())];
                write(&mut *store, batch(ledgers, Vec::new()));
            }
            let greater = first.max(second).to_vec();
            assert_eq!(load_one(&mut *store, &order), Some(greater), "{order}");
        }
    }
}

pub(crate) fn the_greatest_timestamp_wins_among_writers_at_once(subject: &impl Subject) {
    let mut stores = [subject.open(), subject.open(), subject.open()];
    let order = order("contended");
    for version in 1..=60 {
        // Each writer has the versions in another order, some of them twice.
        for (offset, store) in (0..).zip(&mut stores) {
            let version = (version * 7 + offset * 23) % 61;
            store.submit(version, batch(vec![ledger(&order, version)], Vec::new()));
        }
    }
    for store in &mut stores {
        told(&mut **store, 60);
    }
    let cell = load_one(&mut *stores[0], &order);
    assert_eq!(cell, Some(ledger(&order, 60).cell));
}

pub(crate) fn the_greatest_timestamp_wins_within_one_batch(subject: &impl Subject) {
    let mut store = subject.open();
    let orders = ["up", "down", "across"].map(order);
    let versions = [[1, 2, 3, 3], [3, 3, 2, 1], [2, 3, 1, 3]];
    let ledgers = (0..4).flat_map(|place| {
        let of_each = orders.iter().zip(&versions);
        of_each.map(move |(order, versions)| ledger(order, versions[place]))
    });
    write(&mut *store, batch(ledgers.collect(), Vec::new()));
    for order in &orders {
        let cell = load_one(&mut *store, order);
        assert_eq!(cell, Some(ledger(order, 3).cell), "{order}");
    }
}

pub(crate) fn a_batch_of_hundreds_is_told_once_with_every_row_there(subject: &impl Subject) {
    let mut store = subject.open();
    let now = subject.now_ms();
    let orders: Vec<_> = (0..400).map(|n| order(&format!("order-{n}"))).collect();
    let events: Vec<_> = (0..700).map(|n| event(&format!("evt_{n}"))).collect();
    let ledgers = orders.iter().map(|order| ledger(order, 9)).collect();
    let entries = (0..)
        .zip(&events)
        .map(|(offset, event)| entry(event, &orders[0], offset, now))
        .collect();
    write(&mut *store, batch(ledgers, entries));
    for (order, cell) in orders.iter().zip(store.load(&orders).unwrap()) {
        assert_eq!(cell, Some(ledger(order, 9).cell), "{order}");
    }
    for (offset, event) in (0..).zip(&events).step_by(7) {
        let found = subject.find_event(event).unwrap();
        assert_eq!(found.offset, offset, "{event}");
    }
    assert!(store.acknowledged(Duration::from_millis(50)).is_empty());
}

pub(crate) fn a_batch_of_nothing_is_told_too(subject: &impl Subject) {
    let mut store = subject.open();
    store.submit(5, batch(Vec::new(), Vec::new()));
    assert_eq!(told(&mut *store, 1), HashMap::from([(5, 1)]));
}

/// More batches than any store takes at once, by a worker that listens to none before the last.
pub(crate) fn every_token_is_told_exactly_once(subject: &impl Subject) {
    const BATCHES: u64 = 1_500;
    let mut store = subject.open();
    assert!(store.acknowledged(Duration::ZERO).is_empty());
    for token in 0..BATCHES {
        let order = order(&format!("order-{}", token % 100));
        store.submit(token, batch(vec![ledger(&order, token + 1)], Vec::new()));
    }
    let told = told(&mut *store, 1_500);
    assert_eq!(told.len(), 1_500);
    assert!(told.values().all(|times| *times == 1), "{told:?}");
    assert!((0..BATCHES).all(|token| told.contains_key(&token)));
    assert!(store.acknowledged(Duration::from_millis(50)).is_empty());
    for n in 0..100 {
        let order = order(&format!("order-{n}"));
        let last = ledger(&order, 1_400 + n + 1).cell;
        assert_eq!(load_one(&mut *store, &order), Some(last), "{order}");
    }
}

pub(crate) fn a_token_is_told_to_the_worker_that_chose_it(subject: &impl Subject) {
    let (mut one, mut two) = (subject.open(), subject.open());
    one.submit(1, batch(vec![ledger(&order("one"), 1)], Vec::new()));
    two.submit(2, batch(vec![ledger(&order("two"), 1)], Vec::new()));
    assert_eq!(told(&mut *one, 1), HashMap::from([(1, 1)]));
    assert_eq!(told(&mut *two, 1), HashMap::from([(2, 1)]));
}
