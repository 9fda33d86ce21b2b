//! The event index forgets, by the clock and in bounded steps.

use std::sync::atomic::{AtomicI64, Ordering};

use redb::ReadableTableMetadata;
use trueup_domain::event::UnixMillis;
use trueup_engine::ports::store::{IndexWrite, LedgerStore, WriteBatch};

use super::media::Memory;
use super::{NOW, PATIENCE, event, order, told};
use crate::embedded::ledger::{EmbeddedLedger, EmbeddedSettings};
use crate::embedded::tables::EVENTS;
use crate::embedded::{disk::Disk, expire, ledger::Shared};
use crate::limits::{EXPIRE_ROWS, INDEX_TTL_DAYS};

const DAY_MS: i64 = 86_400_000;

fn rows(disk: &Disk) -> usize {
    let rows = disk.read(|transaction| Ok(transaction.open_table(EVENTS)?.len()?));
    usize::try_from(rows.unwrap()).unwrap()
}

fn entry(id: &str, received_at: UnixMillis) -> IndexWrite {
    IndexWrite {
        event_id: event(id),
        order_id: order("order"),
        partition: 0,
        offset: 7,
        created: received_at / 1_000,
        received_at,
    }
}

fn write(ledger: &EmbeddedLedger, events: Vec<IndexWrite>) {
    let mut store = ledger.store();
    let ledgers = Vec::new();
    store.submit(0, WriteBatch { ledgers, events });
    told(&mut store, [0]);
}

fn open(clock: fn() -> UnixMillis) -> EmbeddedLedger {
    let settings = EmbeddedSettings::new("tested".into(), clock);
    let memory = Memory::with_power_for(u64::MAX);
    EmbeddedLedger::open_on(Box::new(memory), settings).unwrap()
}

#[test]
fn an_event_is_found_for_35_days_after_it_was_received_and_not_later() {
    static CLOCK: AtomicI64 = AtomicI64::new(NOW);
    let ledger = open(|| CLOCK.load(Ordering::SeqCst));
    write(&ledger, vec![entry("evt_1", NOW)]);
    let last = NOW + i64::from(INDEX_TTL_DAYS) * DAY_MS;
    for (now, there) in [(NOW, true), (last, true), (last + 1, false), (NOW, true)] {
        CLOCK.store(now, Ordering::SeqCst);
        let found = ledger.find_event(&event("evt_1")).unwrap();
        assert_eq!(found.is_some(), there, "at {now}");
    }
}

#[test]
fn what_has_expired_goes_in_bounded_steps_and_what_has_not_stays() {
    static CLOCK: AtomicI64 = AtomicI64::new(NOW);
    let ledger = open(|| CLOCK.load(Ordering::SeqCst));
    let old = EXPIRE_ROWS * 2 + 10;
    let mut events: Vec<_> = (0..old).map(|n| entry(&format!("evt_{n}"), NOW)).collect();
    events.push(entry("evt_young", NOW + DAY_MS));
    write(&ledger, events);
    let Shared { disk, .. } = &*ledger.shared;
    assert_eq!(rows(disk), old + 1);

    let later = NOW + i64::from(INDEX_TTL_DAYS + 1) * DAY_MS;
    let steps: Vec<usize> = (0..4)
        .map(|_| {
            disk.write(|transaction| expire::step(transaction, later))
                .unwrap()
        })
        .collect();
    assert_eq!(steps, [EXPIRE_ROWS, EXPIRE_ROWS, 10, 0]);
    CLOCK.store(later, Ordering::SeqCst);
    assert_eq!(rows(disk), 1);
    assert!(ledger.find_event(&event("evt_young")).unwrap().is_some());
}

#[test]
fn the_writer_forgets_by_itself_once_it_has_written() {
    static CLOCK: AtomicI64 = AtomicI64::new(NOW);
    let ledger = open(|| CLOCK.load(Ordering::SeqCst));
    let old = EXPIRE_ROWS * 2 + 10;
    let events = (0..old).map(|n| entry(&format!("evt_{n}"), NOW)).collect();
    write(&ledger, events);
    CLOCK.fetch_add(40 * DAY_MS, Ordering::SeqCst);
    write(&ledger, Vec::new());
    let Shared { disk, .. } = &*ledger.shared;
    let gone = trueup_testkit::wait_until(PATIENCE, || (rows(disk) == 0).then_some(()));
    assert_eq!(gone, Some(()));
}

#[test]
fn what_expired_before_it_came_is_not_kept_and_what_comes_from_tomorrow_is_found() {
    let ledger = open(|| NOW);
    let ancient = NOW - 400 * DAY_MS;
    let ahead = NOW + 500 * DAY_MS;
    write(
        &ledger,
        vec![entry("evt_old", ancient), entry("evt_ahead", ahead)],
    );
    assert_eq!(rows(&ledger.shared.disk), 1);
    assert_eq!(ledger.find_event(&event("evt_old")), Ok(None));
    let found = ledger.find_event(&event("evt_ahead")).unwrap();
    assert_eq!(found.map(|found| found.received_at), Some(ahead));
}
