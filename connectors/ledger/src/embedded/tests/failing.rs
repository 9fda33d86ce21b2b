//! A disk that is full, does not sync, or is away: faults meanwhile, and nothing lost after.

use std::time::Duration;

use tempfile::TempDir;
use trueup_engine::ports::store::{Checkpoint, CheckpointKey, LedgerStore};
use trueup_plants::{Plant, with};

use super::media::FaultyFile;
use super::{NOW, PATIENCE, assert_there, batch, cell, open, order, told};

fn file() -> (TempDir, FaultyFile) {
    let directory = tempfile::tempdir().unwrap();
    let medium = FaultyFile::new(directory.path().join("ledger.redb"));
    (directory, medium)
}

fn key() -> CheckpointKey {
    CheckpointKey {
        topic: "payments.events".to_owned(),
        partition: 0,
        epoch: 0,
    }
}

fn at(events: i64) -> Checkpoint {
    Checkpoint {
        events,
        orders: 0,
        saved_at: NOW,
    }
}

#[test]
fn a_full_disk_is_a_fault_and_what_was_submitted_lands_when_there_is_room() {
    let (_directory, medium) = file();
    let ledger = open(medium.clone()).unwrap();
    let mut store = ledger.store();
    store.submit(0, batch(0));
    told(&mut store, [0]);
    store.save_checkpoint(&key(), at(1)).unwrap();

    // Full from where it has come to: what is in use can be written over.
    medium.faults().room = Some(0);
    for token in 1..200 {
        store.submit(token, batch(token));
    }
    let fault = store.save_checkpoint(&key(), at(2)).unwrap_err();
    assert_eq!(fault.operation, "save a checkpoint");
    assert!(fault.reason.contains("storage"), "{fault}");
    assert!(store.acknowledged(Duration::from_millis(300)).is_empty());
    // What cannot be read is a fault; what can is what was written.
    if let Ok(cells) = store.load(&[order("order-0"), order("order-1")]) {
        assert_eq!(cells, [Some(cell(0)), None]);
    }
    if let Ok(held) = store.load_checkpoint(&key()) {
        assert_eq!(held, Some(at(1)));
    }

    medium.faults().room = None;
    told(&mut store, 1..200);
    assert_there(&ledger, 0..200);
    store.save_checkpoint(&key(), at(2)).unwrap();
    assert_eq!(store.load_checkpoint(&key()), Ok(Some(at(2))));
    drop((ledger, store));
    let ledger = open(medium).unwrap();
    assert_there(&ledger, 0..200);
}

#[test]
fn a_disk_that_fills_little_by_little_loses_nothing_and_is_read_meanwhile() {
    let (directory, medium) = file();
    let ledger = open(medium.clone()).unwrap();
    let mut store = ledger.store();
    store.submit(0, batch(0));
    told(&mut store, [0]);
    let path = directory.path().join("ledger.redb");
    let size = std::fs::metadata(path).unwrap().len();
    medium.faults().room = Some(size + 1024 * 1024);
    // Large enough for a few of these to outgrow the file.
    let large = |token| {
        let mut batch = batch(token);
        batch.ledgers[0].cell = cell(token).repeat(100);
        batch
    };
    let mut next = 1;
    loop {
        store.submit(next, large(next));
        next += 1;
        let came = store.acknowledged(Duration::from_millis(500));
        if came.is_empty() {
            break;
        }
        assert_eq!(came, [next - 1]);
        assert!(next < 1_000, "the disk never fills");
    }
    assert!(next > 2, "full at once");
    // Opened anew on what there is, the file answers.
    let cells = trueup_testkit::wait_until(PATIENCE, || store.load(&[order("order-0")]).ok());
    assert_eq!(cells, Some(vec![Some(cell(0))]));
    medium.faults().room = None;
    told(&mut store, [next - 1]);
    for token in 1..next {
        let found = ledger
            .find_ledger(&order(&format!("order-{token}")))
            .unwrap();
        assert_eq!(found.unwrap().cell, cell(token).repeat(100));
    }
}

#[test]
fn a_sync_that_fails_at_any_moment_is_repeated_and_nothing_is_lost() {
    for failing in 1..40 {
        let (_directory, medium) = file();
        let ledger = open(medium.clone()).unwrap();
        {
            let mut faults = medium.faults();
            faults.synced = 0;
            faults.syncs = [failing, failing + 1].into();
        }
        let mut store = ledger.store();
        let mut next = 0;
        while medium.faults().synced <= failing + 1 {
            // Two at once, so that some share their syncs and some do not.
            store.submit(next, batch(next));
            store.submit(next + 1, batch(next + 1));
            told(&mut store, [next, next + 1]);
            next += 2;
        }
        assert_there(&ledger, 0..next);
        drop((ledger, store));
        assert_there(&open(medium).unwrap(), 0..next);
    }
}

#[test]
fn a_disk_that_is_away_is_not_taken_for_an_empty_one_and_the_plant_is_caught() {
    let (_directory, medium) = file();
    let ledger = open(medium.clone()).unwrap();
    let mut store = ledger.store();
    store.submit(0, batch(0));
    told(&mut store, [0]);
    medium.faults().away = true;
    store.submit(1, batch(1));
    let fault = store.save_checkpoint(&key(), at(1)).unwrap_err();
    assert!(fault.reason.contains("away"), "{fault}");
    let there = [order("order-0")];
    let taken_for_absent = |store: &mut dyn LedgerStore| store.load(&there) == Ok(vec![None]);
    assert!(store.load(&there).is_err());
    assert!(!taken_for_absent(&mut store));
    let caught = with(Plant::TimeoutIsNotFound, || taken_for_absent(&mut store));
    assert!(caught, "the plant was not caught");
    assert!(store.load_checkpoint(&key()).is_err());
    assert!(ledger.find_ledger(&there[0]).is_err());
    assert!(ledger.find_event(&super::event("evt_0")).is_err());
    assert!(ledger.ping().is_err());

    medium.faults().away = false;
    told(&mut store, [1]);
    assert_there(&ledger, 0..2);
    assert!(ledger.ping().is_ok());
}

#[test]
fn a_store_that_is_dropped_while_the_disk_is_away_holds_nobody_up() {
    let (_directory, medium) = file();
    let ledger = open(medium.clone()).unwrap();
    let mut store = ledger.store();
    medium.faults().away = true;
    for token in 0..40 {
        store.submit(token, batch(token));
    }
    let began = std::time::Instant::now();
    drop((store, ledger));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

/// Another worker's batches go on, and what nobody waits for is given up.
#[test]
fn batches_of_a_worker_that_stopped_do_not_pile_up_while_the_disk_is_away() {
    let (_directory, medium) = file();
    let ledger = open(medium.clone()).unwrap();
    let mut stays = ledger.store();
    medium.faults().away = true;
    stays.submit(1, batch(1));
    for _ in 0..5 {
        let mut stops = ledger.store();
        stops.submit(2, batch(2));
        // It has failed at least once when this is told.
        assert!(stops.save_checkpoint(&key(), at(1)).is_err());
    }
    assert!(stays.save_checkpoint(&key(), at(1)).is_err());
    assert!(stays.save_checkpoint(&key(), at(1)).is_err());
    medium.faults().away = false;
    told(&mut stays, [1]);
    assert_there(&ledger, [1]);
    assert_eq!(ledger.find_ledger(&order("order-2")), Ok(None));
}
