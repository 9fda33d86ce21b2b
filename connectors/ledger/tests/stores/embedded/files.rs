//! The file: kept between runs, one process's alone, and refused where it is not this program's.

use std::fs;
use std::path::Path;

use redb::{Database, TableDefinition};
use trueup_engine::FOLD_REVISION;
use trueup_engine::ports::store::{Checkpoint, CheckpointKey, LedgerStore};
use trueup_ledger::{
    AnyLedger, EmbeddedLedger, FILE_FORMAT, Locked, NewerFile, NotALedger, OpenFault,
    OtherRevision, Unopened,
};

use super::support::{Embedded, NOW, directory, file, settings};
use crate::conformance::{batch, entry, event, ledger, load_one, order, write};

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

fn refused(directory: &Path) -> OpenFault {
    match EmbeddedLedger::open(settings(directory)) {
        Ok(_) => panic!("it was opened"),
        Err(fault) => fault,
    }
}

fn key() -> CheckpointKey {
    CheckpointKey {
        topic: "payments.events".to_owned(),
        partition: 2,
        epoch: 1,
    }
}

/// A file with one ledger, closed.
fn written() -> tempfile::TempDir {
    let Embedded {
        ledger: open,
        directory,
    } = Embedded::new();
    write(
        &mut open.store(),
        batch(vec![ledger(&order("kept"), 1)], Vec::new()),
    );
    directory
}

/// Changes what the file says of itself.
fn say(directory: &Path, name: &str, number: Option<u64>) {
    let database = Database::open(file(directory)).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut meta = transaction.open_table(META).unwrap();
    match number {
        Some(number) => meta.insert(name, number).unwrap(),
        None => meta.remove(name).unwrap(),
    };
    drop(meta);
    transaction.commit().unwrap();
}

#[test]
fn what_was_written_is_there_when_the_file_is_opened_again() {
    let Embedded {
        ledger: first,
        directory,
    } = Embedded::new();
    let (kept, seen) = (order("kept"), event("evt_kept"));
    let checkpoint = Checkpoint {
        events: 7,
        orders: 8,
        saved_at: NOW,
    };
    let mut store = first.store();
    let events = vec![entry(&seen, &kept, 41, NOW)];
    write(&mut store, batch(vec![ledger(&kept, 3)], events));
    store.save_checkpoint(&key(), checkpoint).unwrap();
    drop((store, first));

    let again = AnyLedger::Embedded(EmbeddedLedger::open(settings(directory.path())).unwrap());
    let mut store = again.store();
    assert_eq!(load_one(&mut store, &kept), Some(ledger(&kept, 3).cell));
    assert_eq!(store.load_checkpoint(&key()), Ok(Some(checkpoint)));
    let found = again.find_event(&seen).unwrap().unwrap();
    assert_eq!((found.order_id, found.offset), (kept.clone(), 41));
    let found = again.find_ledger(&kept).unwrap().unwrap();
    assert_eq!(found.timestamp, 3 * 256 + 1);
    assert_eq!(found.cell, ledger(&kept, 3).cell);
    assert_eq!(again.find_ledger(&order("kep")), Ok(None));
    assert_eq!((again.ping(), again.clock_ms()), (Ok(()), Ok(NOW)));
}

#[test]
fn what_was_submitted_lands_when_all_handles_are_dropped() {
    let Embedded {
        ledger: first,
        directory,
    } = Embedded::new();
    let mut store = first.store();
    for token in 0..50 {
        let ledgers = (0..64).map(|n| ledger(&order(&format!("order-{token}-{n}")), 1));
        store.submit(token, batch(ledgers.collect(), Vec::new()));
    }
    drop((first, store));
    let again = EmbeddedLedger::open(settings(directory.path())).unwrap();
    let orders: Vec<_> = (0..50 * 64)
        .map(|n| order(&format!("order-{}-{}", n / 64, n % 64)))
        .collect();
    let cells = again.store().load(&orders).unwrap();
    assert!(cells.iter().all(Option::is_some));
}

#[test]
fn an_open_file_is_refused_to_a_second_and_free_again_when_it_is_closed() {
    let Embedded { ledger, directory } = Embedded::new();
    let path = file(directory.path());
    let fault = refused(directory.path());
    assert_eq!(fault, OpenFault::Locked(Locked { path: path.clone() }));
    let said = fault.to_string();
    assert!(said.contains(&*path.to_string_lossy()), "{said}");
    assert!(said.contains("in use by another process"), "{said}");
    let store = ledger.store();
    drop(ledger);
    assert!(matches!(refused(directory.path()), OpenFault::Locked(_)));
    drop(store);
    EmbeddedLedger::open(settings(directory.path())).unwrap();
}

#[test]
fn a_file_of_a_later_format_is_refused_and_keeps_what_it_holds() {
    let directory = written();
    say(directory.path(), "format", Some(FILE_FORMAT + 1));
    let fault = refused(directory.path());
    let newer = NewerFile {
        path: file(directory.path()),
        found: FILE_FORMAT + 1,
        wanted: FILE_FORMAT,
    };
    assert_eq!(fault, OpenFault::NewerFile(newer));
    let said = fault.to_string();
    assert!(
        said.contains("format 2") && said.contains("run the version"),
        "{said}"
    );
    say(directory.path(), "format", Some(FILE_FORMAT));
    let open = EmbeddedLedger::open(settings(directory.path())).unwrap();
    let kept = load_one(&mut open.store(), &order("kept"));
    assert_eq!(kept, Some(ledger(&order("kept"), 1).cell));
}

#[test]
fn a_file_of_another_fold_revision_is_refused() {
    let directory = written();
    say(directory.path(), "fold_revision", Some(FOLD_REVISION + 1));
    let other = OtherRevision {
        path: file(directory.path()),
        found: FOLD_REVISION + 1,
        wanted: FOLD_REVISION,
    };
    assert_eq!(refused(directory.path()), OpenFault::OtherRevision(other));
}

#[test]
fn a_file_that_is_something_else_is_refused_and_left_as_it_is() {
    let directory = directory();
    let path = file(directory.path());
    for text in ["no ledger\n".to_owned(), "no ledger\n".repeat(100_000)] {
        fs::write(&path, &text).unwrap();
        let fault = refused(directory.path());
        assert!(matches!(fault, OpenFault::NotALedger(_)), "{fault}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::remove_file(&path).unwrap();

    let other = Database::create(&path).unwrap();
    let transaction = other.begin_write().unwrap();
    let table = TableDefinition::<u64, u64>::new("somebody's");
    transaction.open_table(table).unwrap();
    transaction.commit().unwrap();
    drop(other);
    let fault = refused(directory.path());
    let OpenFault::NotALedger(NotALedger { reason, .. }) = fault else {
        panic!("{fault}");
    };
    assert!(reason.contains("somebody's"), "{reason}");
}

#[test]
fn a_file_that_does_not_tell_what_it_is_or_has_odd_tables_is_refused() {
    for (name, number) in [
        ("format", None),
        ("format", Some(0)),
        ("fold_revision", None),
    ] {
        let directory = written();
        say(directory.path(), name, number);
        let fault = refused(directory.path());
        assert!(matches!(fault, OpenFault::NotALedger(_)), "{fault}");
    }
    let directory = written();
    let database = Database::open(file(directory.path())).unwrap();
    let transaction = database.begin_write().unwrap();
    let ledgers = TableDefinition::<&str, (i64, &[u8])>::new("ledgers");
    assert!(transaction.delete_table(ledgers).unwrap());
    let odd = TableDefinition::<u64, u64>::new("ledgers");
    transaction.open_table(odd).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let fault = refused(directory.path());
    assert!(matches!(fault, OpenFault::NotALedger(_)), "{fault}");
}

#[test]
fn a_file_that_lost_its_end_is_refused_and_does_not_panic() {
    let directory = written();
    let path = file(directory.path());
    let whole = fs::read(&path).unwrap();
    for part in [1, 64, 320, 4_096, whole.len() / 2] {
        fs::write(&path, &whole[..part]).unwrap();
        let fault = refused(directory.path());
        assert!(
            matches!(fault, OpenFault::NotALedger(_) | OpenFault::Unopened(_)),
            "{part}: {fault}"
        );
    }
}

/// Bytes of a small file that somebody changed are found at the start. What does not tell is what
/// nothing depends on.
#[test]
fn a_small_file_that_somebody_changed_is_refused_or_still_right() {
    let Embedded {
        ledger: first,
        directory,
    } = Embedded::new();
    let orders: Vec<_> = (0..200).map(|n| order(&format!("order-{n}"))).collect();
    let ledgers = orders.iter().map(|order| ledger(order, 1)).collect();
    write(&mut first.store(), batch(ledgers, Vec::new()));
    drop(first);
    let path = file(directory.path());
    let whole = fs::read(&path).unwrap();
    let (mut refusals, mut answers, mut random) = (0, 0, 7_usize);
    for round in 0..300 {
        let mut changed = whole.clone();
        for _ in 0..=round % 8 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695);
            // Half of them where the file says what it is.
            let end = if round % 2 == 0 { 512 } else { whole.len() };
            changed[(random >> 20) % end] ^= 1 << (random >> 60 & 7);
        }
        fs::write(&path, &changed).unwrap();
        let Ok(open) = EmbeddedLedger::open(settings(directory.path())) else {
            refusals += 1;
            continue;
        };
        let mut store = open.store();
        if let Ok(cells) = store.load(&orders) {
            answers += 1;
            for (order, cell) in orders.iter().zip(cells) {
                assert_eq!(cell, Some(ledger(order, 1).cell), "round {round}, {order}");
            }
        }
        let _ = store.load_checkpoint(&key());
        let _ = open.find_event(&event("evt_1"));
        store.submit(1, batch(vec![ledger(&orders[0], 2)], Vec::new()));
        let _ = store.acknowledged(std::time::Duration::from_millis(200));
    }
    assert!(
        refusals > 20 && answers > 20,
        "{refusals} refusals, {answers} answers"
    );
}

#[test]
fn a_place_where_no_file_can_be_is_named() {
    let directory = directory();
    let absent = directory.path().join("absent");
    let fault = refused(&absent);
    let OpenFault::Unopened(Unopened { path, .. }) = fault else {
        panic!("{fault}");
    };
    assert_eq!(path, file(&absent));
}

#[test]
fn a_ledger_of_another_fold_revision_stops_the_load_of_all() {
    let subject = Embedded::new();
    let mut store = subject.ledger.store();
    let mut foreign = ledger(&order("foreign"), 4);
    foreign.timestamp += 1;
    let own = ledger(&order("own"), 9);
    write(&mut store, batch(vec![own, foreign], Vec::new()));
    let fault = store.load(&[order("own"), order("foreign")]).unwrap_err();
    let said = fault.to_string();
    assert!(
        said.contains("`foreign` was folded by revision 2"),
        "{said}"
    );
    assert!(store.load(&[order("own")]).is_ok());
}

#[cfg(unix)]
#[test]
fn a_file_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let subject = Embedded::new();
    let metadata = fs::metadata(file(subject.directory.path())).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}
