//! Reading ledgers: each order's own cell, in the order asked, and `None` only for what is absent.

use super::{Subject, batch, ledger, ledger_of, load_one, odd_ids, order, told, write};

pub(crate) fn a_load_of_nothing_is_nothing(subject: &impl Subject) {
    assert_eq!(subject.open().load(&[]), Ok(Vec::new()));
}

pub(crate) fn a_thousand_orders_load_in_the_order_they_are_asked_for(subject: &impl Subject) {
    let mut store = subject.open();
    let orders: Vec<_> = (0..1_000).map(|n| order(&format!("order-{n}"))).collect();
    let written: Vec<_> = orders.iter().step_by(3).collect();
    for (token, orders) in (0..).zip(written.chunks(64)) {
        let ledgers = orders.iter().map(|order| ledger(order, 1)).collect();
        store.submit(token, batch(ledgers, Vec::new()));
    }
    told(&mut *store, written.len().div_ceil(64));

    let asked: Vec<_> = orders.iter().rev().cloned().collect();
    let cells = store.load(&asked).unwrap();
    assert_eq!(cells.len(), asked.len());
    for (order, cell) in asked.iter().zip(cells) {
        let expected = written.contains(&order).then(|| ledger(order, 1).cell);
        assert_eq!(cell, expected, "{order}");
    }
}

pub(crate) fn an_order_that_is_asked_for_twice_is_answered_twice(subject: &impl Subject) {
    let mut store = subject.open();
    let (there, absent) = (order("there"), order("absent"));
    write(&mut *store, batch(vec![ledger(&there, 1)], Vec::new()));
    // Far enough apart that a store which asks in chunks asks for it in several.
    let asked: Vec<_> = (0..300)
        .map(|n| match n % 5 {
            0 | 1 => there.clone(),
            2 => absent.clone(),
            _ => order(&format!("filler-{n}")),
        })
        .collect();
    let cells = store.load(&asked).unwrap();
    assert_eq!(cells.len(), asked.len());
    for (order, cell) in asked.iter().zip(cells) {
        let expected = (*order == there).then(|| ledger(&there, 1).cell);
        assert_eq!(cell, expected, "{order}");
    }
}

pub(crate) fn odd_ids_of_orders_are_kept_apart(subject: &impl Subject) {
    let mut store = subject.open();
    let orders: Vec<_> = odd_ids().iter().map(|id| order(id)).collect();
    let (first, second) = orders.split_at(orders.len() / 2);
    let ledgers = first.iter().map(|order| ledger(order, 1)).collect();
    write(&mut *store, batch(ledgers, Vec::new()));
    let cells = store.load(&orders).unwrap();
    assert!(cells[..first.len()].iter().all(Option::is_some));
    assert_eq!(&cells[first.len()..], vec![None; second.len()]);

    let ledgers = second.iter().map(|order| ledger(order, 2)).collect();
    write(&mut *store, batch(ledgers, Vec::new()));
    for (place, order) in orders.iter().enumerate() {
        let version = if place < first.len() { 1 } else { 2 };
        let expected = Some(ledger(order, version).cell);
        assert_eq!(load_one(&mut *store, order), expected, "{order}");
    }
}

/// The largest cell that the domain's limits allow: 512 events, each of them a dispute whose every
/// id has 255 bytes. What Stripe sends stays below a tenth of it.
const LARGEST_CELL_BYTES: usize = 850_000;

pub(crate) fn the_largest_ledgers_come_back_byte_for_byte(subject: &impl Subject) {
    let mut store = subject.open();
    let sizes = [1, 0, 32_000, 33_000, 60_000, 200_000, LARGEST_CELL_BYTES];
    let ledgers: Vec<_> = (0..)
        .zip(sizes)
        .map(|(n, size)| ledger_of(&order(&format!("large-{n}")), 1, noise(n, size)))
        .collect();
    let orders: Vec<_> = ledgers.iter().map(|write| write.order_id.clone()).collect();
    let cells: Vec<_> = ledgers
        .iter()
        .map(|write| Some(write.cell.clone()))
        .collect();
    write(&mut *store, batch(ledgers, Vec::new()));
    assert!(store.load(&orders).unwrap() == cells, "a cell differs");
}

pub(crate) fn a_load_of_many_large_ledgers_is_answered_whole(subject: &impl Subject) {
    let mut store = subject.open();
    let orders: Vec<_> = (0..128).map(|n| order(&format!("large-{n}"))).collect();
    for (token, orders) in (0..).zip(orders.chunks(16)) {
        let ledgers = orders
            .iter()
            .map(|order| ledger_of(order, 1, noise(1, LARGEST_CELL_BYTES / 4)))
            .collect();
        store.submit(token, batch(ledgers, Vec::new()));
        told(&mut *store, 1);
    }
    let expected = noise(1, LARGEST_CELL_BYTES / 4);
    let cells = store.load(&orders).unwrap();
    assert_eq!(cells.len(), orders.len());
    assert!(cells.iter().all(|cell| cell.as_ref() == Some(&expected)));
}

/// Bytes that do not compress, every value among them.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(size)
    .collect()
}
