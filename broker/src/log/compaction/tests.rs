use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::super::fates::{Fate, Fates};
use super::super::{LogPosition, LogSettings};
use super::*;
use crate::batch::sample::{self, Sample};
use crate::batch::{Batch, Marker, marker};
use crate::disk::{Disk, SimulatedDisk, Survival};

mod history;

const DIRECTORY: &str = "topics/t-0";
const RETENTION_MS: i64 = 100;

fn settings() -> LogSettings {
    LogSettings {
        segment_bytes: 400,
        segment_ms: 60,
        index_interval_bytes: 100,
        min_dirty_percent: 0,
        delete_retention_ms: RETENTION_MS,
        ..LogSettings::default()
    }
}

fn open(disk: &SimulatedDisk, position: LogPosition) -> Log {
    Log::open(Arc::new(disk.clone()), DIRECTORY, settings(), position).unwrap()
}

fn key(number: u8) -> Bytes {
    Bytes::from(vec![b'k', number])
}

fn put(log: &mut Log, number: u8, value: Option<&'static str>, producer: Option<i64>, now: i64) {
    let sample: Sample = (Some(key(number)), value.map(Bytes::from), now);
    let batch = sample::batch(&[sample], producer).assigned(log.end_offset(), 0, None);
    log.append(batch, now).unwrap();
}

fn end(log: &mut Log, kind: Marker, producer: i64, now: i64) {
    log.append(marker(kind, producer, 0, 0, now, log.end_offset()), now)
        .unwrap();
}

/// Closes the last segment.
fn close(log: &mut Log) {
    log.roll_if_due(i64::MAX);
}

fn compact(log: &mut Log, now: i64, below: i64, forgotten: i64) -> Option<CompactionReport> {
    let order = log.begin_compaction(now, below, forgotten).unwrap()?;
    log.finish_compaction(order.run(), i64::MAX).unwrap()
}

fn batches(log: &Log) -> Vec<Batch> {
    let mut bytes = log.read(log.start_offset(), usize::MAX, i64::MAX).unwrap();
    let mut batches = Vec::new();
    while !bytes.is_empty() {
        batches.push(Batch::take_first(&mut bytes, usize::MAX).unwrap());
    }
    batches
}

/// A data record with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    key: Bytes,
    value: Option<Bytes>,
    timestamp: i64,
    fate: Fate,
}

fn rows(batches: &[Batch]) -> BTreeMap<i64, Row> {
    let mut fates = Fates::default();
    batches.iter().for_each(|batch| fates.note(batch));
    let mut rows = BTreeMap::new();
    for batch in batches.iter().filter(|batch| !batch.header.is_control()) {
        for record in batch.records().unwrap() {
            let row = Row {
                key: record.key.clone().unwrap(),
                value: record.value.clone(),
                timestamp: record.timestamp(&batch.header),
                fate: fates.of(&batch.header),
            };
            rows.insert(record.offset(&batch.header), row);
        }
    }
    rows
}

/// What a reader of committed records knows at the end.
fn view(rows: &BTreeMap<i64, Row>) -> BTreeMap<Bytes, Bytes> {
    let mut view = BTreeMap::new();
    for row in rows.values().filter(|row| row.fate == Fate::Committed) {
        match &row.value {
            Some(value) => view.insert(row.key.clone(), value.clone()),
            None => view.remove(&row.key),
        };
    }
    view
}

fn offsets(log: &Log) -> Vec<i64> {
    batches(log)
        .iter()
        .map(|batch| batch.header.base_offset)
        .collect()
}

#[test]
fn the_last_value_of_each_key_stays_and_the_open_segment_is_left_alone() {
    let disk = SimulatedDisk::new();
    let mut log = open(&disk, LogPosition::default());
    for (number, value) in [(1, "a"), (2, "b"), (1, "c")] {
        put(&mut log, number, Some(value), None, 0);
    }
    close(&mut log);
    put(&mut log, 2, Some("d"), None, 0);
    let report = compact(&mut log, 0, 99, 0).unwrap();
    assert_eq!(offsets(&log), [1, 2, 3]);
    assert_eq!(report.cleaned_until, 3);
    assert!(report.bytes_after < report.bytes_before);
    assert!(
        compact(&mut log, 0, 99, 0).is_none(),
        "there is nothing new"
    );
}

#[test]
fn nothing_at_or_above_the_limit_or_younger_than_the_lag_is_touched() {
    let disk = SimulatedDisk::new();
    let mut log = open(&disk, LogPosition::default());
    put(&mut log, 1, Some("a"), None, 0);
    put(&mut log, 1, Some("b"), None, 50);
    close(&mut log);
    put(&mut log, 1, Some("c"), None, 0);
    assert!(compact(&mut log, 0, 1, 0).is_none());
    log.configure(LogSettings {
        min_compaction_lag_ms: 300,
        ..settings()
    });
    assert!(compact(&mut log, 349, 99, 0).is_none());
    assert!(compact(&mut log, 350, 99, 0).is_some());
    assert_eq!(offsets(&log), [1, 2]);
}

#[test]
fn a_log_is_compacted_when_dirty_enough_or_when_dirt_is_old() {
    let disk = SimulatedDisk::new();
    let mut log = open(&disk, LogPosition::default());
    log.configure(LogSettings {
        min_dirty_percent: 50,
        max_compaction_lag_ms: 1_000,
        ..settings()
    });
    for number in 0..4 {
        put(&mut log, number, Some("a"), None, 0);
    }
    close(&mut log);
    assert!(compact(&mut log, 0, 99, 0).is_some());
    put(&mut log, 1, Some("b"), None, 0);
    close(&mut log);
    assert!(compact(&mut log, 999, 99, 0).is_none());
    assert!(compact(&mut log, 1_000, 99, 0).is_some());
}

#[test]
fn a_tombstone_stays_for_its_delay_after_it_deleted_and_then_goes() {
    let disk = SimulatedDisk::new();
    let mut log = open(&disk, LogPosition::default());
    put(&mut log, 1, Some("a"), None, 0);
    put(&mut log, 1, None, None, 0);
    close(&mut log);
    put(&mut log, 2, Some("x"), None, 0);
    compact(&mut log, 1_000, 99, 0).unwrap();
    assert_eq!(offsets(&log), [1, 2]);
    assert_eq!(
        rows(&batches(&log))[&1].timestamp,
        0,
        "its time is what it was"
    );
    assert!(compact(&mut log, 1_099, 99, 0).is_none());
    compact(&mut log, 1_100, 99, 0).unwrap();
    assert_eq!(offsets(&log), [2]);
}

#[test]
fn aborted_data_goes_and_hides_nothing_and_markers_stay_while_needed() {
    let disk = SimulatedDisk::new();
    let mut log = open(&disk, LogPosition::default());
    put(&mut log, 1, Some("kept"), None, 0);
    put(&mut log, 1, Some("aborted"), Some(7), 0);
    end(&mut log, Marker::Abort, 7, 0);
    put(&mut log, 2, Some("old"), Some(7), 0);
    end(&mut log, Marker::Commit, 7, 0);
    put(&mut log, 3, Some("committed"), Some(7), 0);
    end(&mut log, Marker::Commit, 7, 0);
    put(&mut log, 2, Some("new"), None, 0);
    close(&mut log);
    put(&mut log, 9, Some("x"), None, 0);
    let report = compact(&mut log, 0, 99, 0).unwrap();
    assert_eq!(offsets(&log), [0, 2, 5, 6, 7, 8]);
    assert_eq!(report.aborted_gone_below, 8);
    close(&mut log);
    compact(&mut log, 0, 99, report.aborted_gone_below).unwrap();
    assert_eq!(
        offsets(&log),
        [0, 5, 6, 7, 8],
        "readers know no abort any more"
    );
}

#[test]
fn a_transaction_whose_end_lies_beyond_is_kept_and_hides_nothing() {
    let disk = SimulatedDisk::new();
    let mut log = open(&disk, LogPosition::default());
    put(&mut log, 1, Some("first"), None, 0);
    put(&mut log, 1, Some("undecided"), Some(7), 0);
    put(&mut log, 1, None, None, 0);
    close(&mut log);
    end(&mut log, Marker::Abort, 7, 0);
    let report = compact(&mut log, 0, 99, 0).unwrap();
    assert_eq!(report.cleaned_until, 1);
    assert_eq!(offsets(&log), [1, 2, 3]);
    close(&mut log);
    compact(&mut log, 500, 99, 0).unwrap();
    assert_eq!(
        offsets(&log),
        [2, 3],
        "the tombstone's delay begins only now"
    );
}

#[test]
fn an_unreadable_batch_stays_and_so_do_the_tombstones_after_it() {
    let disk = SimulatedDisk::new();
    let mut log = open(&disk, LogPosition::default());
    let batch = sample::batch(&[(Some(key(1)), Some(Bytes::from("a")), 0)], None);
    let mut bytes = batch.bytes.to_vec();
    bytes[61] = 0x7f;
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let spoiled = Batch::take_first(&mut Bytes::from(bytes), usize::MAX).unwrap();
    assert!(spoiled.records().is_err());
    log.append(spoiled.assigned(0, 0, None), 0).unwrap();
    put(&mut log, 2, None, None, 0);
    close(&mut log);
    put(&mut log, 3, None, None, 0);
    close(&mut log);
    for now in [0, 1_000, 2_000] {
        compact(&mut log, now, 99, 0);
        assert_eq!(offsets(&log), [0, 1, 2]);
    }
}

#[test]
fn a_log_that_lost_its_start_meanwhile_keeps_what_it_has() {
    let disk = SimulatedDisk::new();
    let mut log = open(&disk, LogPosition::default());
    for _ in 0..9 {
        put(&mut log, 1, Some("a"), None, 0);
    }
    close(&mut log);
    let order = log.begin_compaction(0, 99, 0).unwrap().unwrap();
    assert!(
        log.begin_compaction(0, 99, 0).unwrap().is_none(),
        "one at a time"
    );
    let compacted = order.run();
    log.advance_start(log.until(0)).unwrap();
    let start = log.start_offset();
    log.finish_compaction(compacted, 0).unwrap();
    assert!(start > 0 && log.start_offset() == start);
    assert_eq!(*offsets(&log).last().unwrap(), 8);
    let names = disk.list(DIRECTORY).unwrap();
    assert!(names.iter().all(|name| name.ends_with(".log")));
}

#[test]
fn a_full_disk_ends_a_compaction_and_nothing_else() {
    let disk = SimulatedDisk::new();
    let mut log = open(&disk, LogPosition::default());
    put(&mut log, 1, Some("a"), None, 0);
    put(&mut log, 1, Some("b"), None, 0);
    close(&mut log);
    let order = log.begin_compaction(0, 99, 0).unwrap().unwrap();
    disk.limit_bytes(Some(disk.used_bytes() + 10));
    assert_eq!(log.finish_compaction(order.run(), 0), Ok(None));
    assert_eq!(offsets(&log), [0, 1]);
}
