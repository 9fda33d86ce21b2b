use std::collections::BTreeMap;
use std::convert::Infallible;

use super::*;
use crate::disk::{SimulatedDisk, Survival};

mod history;

mod noise;

const DIRECTORY: &str = "journal";
type Entries = BTreeMap<u64, Vec<Bytes>>;

fn open_with(
    disk: &SimulatedDisk,
    after: Position,
    salt: u64,
) -> Result<(Journal, Entries), RecoveryFault> {
    let mut entries = Entries::new();
    let journal = Journal::open(
        Arc::new(disk.clone()),
        DIRECTORY,
        after,
        salt,
        |position, parts| {
            assert!(entries.insert(position.get(), parts).is_none());
            Ok::<_, Infallible>(())
        },
    )?;
    Ok((journal, entries))
}

fn open(disk: &SimulatedDisk) -> Result<(Journal, Entries), RecoveryFault> {
    open_with(disk, Position::START, 0x1234_5678_9abc_def0)
}

fn parts(texts: &[&'static str]) -> Vec<Bytes> {
    texts
        .iter()
        .map(|text| Bytes::from_static(text.as_bytes()))
        .collect()
}

fn sync(journal: &mut Journal) {
    let outcome = journal.sync_job().run();
    journal.synced(&outcome);
}

/// Three lots of one entry each, every one durable before the next.
fn three_durable_lots(disk: &SimulatedDisk) -> Vec<usize> {
    let (mut journal, _) = open(disk).unwrap();
    let mut ends = Vec::new();
    for text in ["first", "second", "third"] {
        journal.append(parts(&[text])).unwrap();
        journal.write_out().unwrap();
        sync(&mut journal);
        ends.push(usize::try_from(journal.file_bytes).unwrap());
    }
    ends
}

fn file() -> String {
    path(DIRECTORY, Position(1))
}

#[test]
fn entries_come_back_in_order_with_their_parts_apart() {
    let disk = SimulatedDisk::new();
    let (mut journal, entries) = open(&disk).unwrap();
    assert!(entries.is_empty());
    journal.append(parts(&["a", "", "bc"])).unwrap();
    journal.append(parts(&[])).unwrap();
    assert_eq!(journal.write_out().unwrap().get(), 2);
    assert_eq!(disk.syncs(), 1, "only the head of the file was synced");
    sync(&mut journal);
    assert_eq!(journal.durable(), journal.end());
    disk.crash(Survival::Nothing);
    let (mut journal, entries) = open(&disk).unwrap();
    assert_eq!(entries[&1], parts(&["a", "", "bc"]));
    assert_eq!(entries[&2], parts(&[]));
    assert_eq!(journal.append(parts(&["d"])).unwrap().get(), 3);
}

#[test]
fn entries_larger_and_smaller_than_what_is_read_at_once_come_back() {
    let disk = SimulatedDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    let sizes = [10, 3_000_000, 0, 900_000, 900_000, 1_048_576 - 36, 5];
    for (fill, size) in (1_u8..).zip(sizes) {
        journal.append(vec![Bytes::from(vec![fill; size])]).unwrap();
    }
    journal.write_out().unwrap();
    let (_, entries) = open(&disk).unwrap();
    let found: Vec<usize> = entries.values().map(|parts| parts[0].len()).collect();
    assert_eq!(found, sizes);
    assert_eq!(entries[&2][0], vec![2; 3_000_000]);
}

#[test]
fn a_full_disk_refuses_a_lot_whole_and_takes_it_when_there_is_room() {
    let disk = SimulatedDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    journal.append(parts(&["kept"])).unwrap();
    journal.write_out().unwrap();
    disk.limit_bytes(Some(disk.used_bytes() + 40));
    journal.append(parts(&["one"])).unwrap();
    journal.append(parts(&["two"])).unwrap();
    assert!(matches!(
        journal.write_out(),
        Err(JournalFault::Disk(DiskFault::Full(_)))
    ));
    assert_eq!(journal.sync_job().through().get(), 1);
    disk.limit_bytes(None);
    assert_eq!(journal.write_out().unwrap().get(), 3);
    sync(&mut journal);
    disk.crash(Survival::Nothing);
    assert_eq!(open(&disk).unwrap().1.len(), 3);
}

#[test]
fn a_failed_sync_ends_the_journal_for_good() {
    let disk = SimulatedDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    journal.append(parts(&["lost"])).unwrap();
    journal.write_out().unwrap();
    disk.fail_syncs(1);
    sync(&mut journal);
    sync(&mut journal);
    journal.append(parts(&["after"])).unwrap();
    assert_eq!(journal.write_out(), Err(JournalFailed.into()));
    assert_eq!(journal.roll(), Err(JournalFailed.into()));
}

#[test]
fn damage_below_what_was_durable_is_refused_with_its_place() {
    let ends = three_durable_lots(&SimulatedDisk::new());
    for at in ends[0]..ends[1] {
        let disk = SimulatedDisk::new();
        three_durable_lots(&disk);
        disk.corrupt(&file(), at, |byte| *byte ^= 0x40);
        assert_eq!(
            open(&disk).unwrap_err(),
            RecoveryFault::Corrupt(JournalCorrupt {
                path: file(),
                byte: u64::try_from(ends[0]).unwrap(),
                entry: Position(2),
            })
        );
    }
}

#[test]
fn damage_after_which_nothing_was_written_is_a_torn_tail() {
    let disk = SimulatedDisk::new();
    let ends = three_durable_lots(&disk);
    disk.corrupt(&file(), ends[2] - 1, |byte| *byte ^= 1);
    let (mut journal, entries) = open(&disk).unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(journal.append(parts(&["new third"])).unwrap().get(), 3);
    journal.write_out().unwrap();
    sync(&mut journal);
    disk.crash(Survival::Nothing);
    assert_eq!(open(&disk).unwrap().1[&3], parts(&["new third"]));
}

#[test]
fn a_damaged_head_and_a_newer_format_are_refused() {
    for at in 0..usize::try_from(files::HEADER_BYTES).unwrap() {
        let disk = SimulatedDisk::new();
        three_durable_lots(&disk);
        disk.corrupt(&file(), at, |byte| *byte ^= 0x80);
        let fault = open(&disk).unwrap_err();
        match at {
            8..12 => assert!(matches!(fault, RecoveryFault::NewerFormat(_))),
            _ => assert!(matches!(fault, RecoveryFault::NotAJournal(_))),
        }
    }
}

#[test]
fn files_that_are_missing_are_missed() {
    let disk = SimulatedDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    journal.append(parts(&["one"])).unwrap();
    journal.roll().unwrap();
    journal.append(parts(&["two"])).unwrap();
    journal.write_out().unwrap();
    sync(&mut journal);
    assert!(matches!(
        open_with(&disk, Position(3), 0).unwrap_err(),
        RecoveryFault::Incomplete(_)
    ));
    disk.remove(&file()).unwrap();
    assert_eq!(open_with(&disk, Position(1), 0).unwrap().1.len(), 1);
    assert!(matches!(open(&disk).unwrap_err(), RecoveryFault::Gap(_)));
    disk.remove(&path(DIRECTORY, Position(2))).unwrap();
    assert!(matches!(
        open_with(&disk, Position(2), 0).unwrap_err(),
        RecoveryFault::Gap(_)
    ));
}

#[test]
fn what_the_reader_does_not_understand_ends_the_recovery() {
    let disk = SimulatedDisk::new();
    three_durable_lots(&disk);
    let fault = Journal::open(Arc::new(disk), DIRECTORY, Position(1), 0, |position, _| {
        Err(format!("no idea of {}", position.get()))
    })
    .unwrap_err();
    assert_eq!(
        fault,
        RecoveryFault::Refused(Refused {
            entry: Position(2),
            reason: "no idea of 2".to_owned(),
        })
    );
}

#[test]
fn a_checkpoint_drops_the_files_before_it_and_no_entry_after_it() {
    let disk = SimulatedDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    journal.append(parts(&["one"])).unwrap();
    journal.roll().unwrap();
    journal.roll().unwrap();
    let snapshot = journal.end();
    journal.append(parts(&["two"])).unwrap();
    journal.write_out().unwrap();
    sync(&mut journal);
    journal.drop_through(snapshot).unwrap();
    assert_eq!(disk.list(DIRECTORY).unwrap().len(), 1);
    journal.drop_through(journal.end()).unwrap();
    let (_, entries) = open_with(&disk, snapshot, 0).unwrap();
    assert_eq!(entries.into_keys().collect::<Vec<_>>(), [2]);
}

#[test]
fn an_entry_inside_a_clients_bytes_is_no_witness_and_no_entry() {
    let disk = SimulatedDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    journal.append(parts(&["one"])).unwrap();
    let forged = Frame::new(parts(&["x"]), Position(9), Position(8), 42).unwrap();
    let forged: Vec<u8> = forged.parts().flatten().copied().collect();
    journal.append(vec![Bytes::from(forged)]).unwrap();
    journal.write_out().unwrap();
    let end = usize::try_from(journal.file_bytes).unwrap();
    disk.corrupt(&file(), end - 100, |byte| *byte ^= 1);
    assert!(open(&disk).unwrap().1.len() < 2);
}

#[test]
fn a_real_disk_gives_back_the_journal_with_its_torn_tail_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let disk = crate::disk::RealDisk::new(directory.path()).unwrap();
        let mut count = 0;
        let apply = |_: Position, _: Vec<Bytes>| {
            count += 1;
            Ok::<_, Infallible>(())
        };
        let journal = Journal::open(Arc::new(disk), DIRECTORY, Position::START, 5, apply).unwrap();
        (journal, count)
    };
    let (mut journal, _) = open();
    for _ in 0..3_000 {
        journal.append(parts(&["many", "parts"])).unwrap();
    }
    journal.write_out().unwrap();
    sync(&mut journal);
    journal.append(parts(&["torn"])).unwrap();
    journal.write_out().unwrap();
    journal.file.truncate(journal.file_bytes - 1).unwrap();
    drop(journal);
    let (mut journal, count) = open();
    assert_eq!(count, 3_000);
    journal.append(parts(&["whole"])).unwrap();
    journal.roll().unwrap();
    journal.append(parts(&["next file"])).unwrap();
    journal.write_out().unwrap();
    drop(journal);
    assert_eq!(open().1, 3_002);
}

#[test]
fn an_entry_beyond_the_limits_is_refused() {
    let disk = SimulatedDisk::new();
    let (mut journal, _) = open(&disk).unwrap();
    let zeros = Bytes::from(vec![0; crate::limits::MAX_ENTRY_BYTES]);
    assert!(matches!(
        journal.append(vec![zeros]),
        Err(EntryFault::TooLarge(_))
    ));
    let many = vec![Bytes::new(); crate::limits::MAX_ENTRY_PARTS + 1];
    assert!(matches!(
        journal.append(many),
        Err(EntryFault::TooManyParts(_))
    ));
    assert_eq!(journal.end(), Position::START);
}
