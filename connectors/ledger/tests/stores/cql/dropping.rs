//! A worker that stops drops its store, whatever is under way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use trueup_engine::ports::store::LedgerStore;
use trueup_testkit::wait_until;

use super::support::{Cql, SOON, WORKER_THREAD};
use crate::conformance::{batch, ledger, order};

/// Panics of tasks end in the runtime's threads, where no test sees them.
static PANICS: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn count_panics_of_tasks() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() == Some(WORKER_THREAD) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            before(info);
        }));
    });
}

pub(crate) fn panics_of_tasks() -> usize {
    PANICS.load(Ordering::SeqCst)
}

/// Submits `batches` of 64 ledgers and drops the store with them under way.
pub(crate) fn drop_with_writes_under_way(cql: &Cql, batches: u64) {
    let mut store = cql.store();
    for token in 0..batches {
        let ledgers = (0..64).map(|n| ledger(&order(&format!("order-{token}-{n}")), 1));
        store.submit(token, batch(ledgers.collect(), Vec::new()));
    }
    let began = Instant::now();
    drop(store);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "dropping took {took:?}");
}

#[test]
fn a_store_dropped_with_writes_under_way_neither_panics_nor_hangs_and_they_land() {
    count_panics_of_tasks();
    let cql = Cql::new(&trueup_testkit::cql(), "dropped");
    drop_with_writes_under_way(&cql, 40);
    let last = order("order-39-63");
    let landed = wait_until(SOON, || {
        cql.store()
            .load(std::slice::from_ref(&last))
            .unwrap()
            .remove(0)
    });
    assert_eq!(landed, Some(ledger(&last, 1).cell));
    assert_eq!(panics_of_tasks(), 0);
}

#[test]
fn a_runtime_that_ends_with_writes_under_way_neither_panics_nor_hangs() {
    count_panics_of_tasks();
    let cql = Cql::new(&trueup_testkit::cql(), "runtime_ends");
    drop_with_writes_under_way(&cql, 40);
    let began = Instant::now();
    cql.end_runtime();
    let took = began.elapsed();
    assert!(took < SOON, "ending took {took:?}");
    assert_eq!(panics_of_tasks(), 0);
}
