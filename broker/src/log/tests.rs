use bytes::{Bytes, BytesMut};

use super::*;
use crate::batch::sample;
use crate::disk::{DiskFault, SimulatedDisk, Survival};

mod history;

const DIRECTORY: &str = "topics/t-0";

fn settings() -> LogSettings {
    LogSettings {
        segment_bytes: 600,
        segment_ms: 1_000,
        index_interval_bytes: 150,
        flush_bytes: 200,
        ..LogSettings::default()
    }
}

fn open(disk: &SimulatedDisk, position: LogPosition) -> Log {
    Log::open(Arc::new(disk.clone()), DIRECTORY, settings(), position).unwrap()
}

fn fresh() -> (SimulatedDisk, Log) {
    let disk = SimulatedDisk::new();
    let log = open(&disk, LogPosition::default());
    (disk, log)
}

/// Appends a batch with records at these times.
fn append(log: &mut Log, timestamps: &[i64], now_ms: i64) -> Batch {
    let batch = sample::keyless(timestamps, 20).assigned(log.end_offset(), 0, None);
    log.append(batch.clone(), now_ms).unwrap();
    batch
}

fn joined(batches: &[Batch]) -> Bytes {
    let mut bytes = BytesMut::new();
    batches
        .iter()
        .for_each(|batch| bytes.extend_from_slice(&batch.bytes));
    bytes.freeze()
}

#[test]
fn a_batch_is_read_from_memory_and_then_from_the_file() {
    let (disk, mut log) = fresh();
    let batches: Vec<Batch> = (0..3)
        .map(|time| append(&mut log, &[time, time], 0))
        .collect();
    assert_eq!(disk.used_bytes(), 0, "appending does no io");
    assert!(log.wants_flush());
    for _ in 0..2 {
        assert_eq!(log.read(0, 9_999, 99).unwrap(), joined(&batches));
        assert_eq!(log.read(3, 9_999, 99).unwrap(), joined(&batches[1..]));
        assert_eq!(
            log.read(3, 1, 99).unwrap(),
            joined(&batches[1..2]),
            "one at least"
        );
        assert_eq!(
            log.read(0, 9_999, 5).unwrap(),
            joined(&batches[..2]),
            "whole ones below"
        );
        assert!(log.read(6, 9_999, 99).unwrap().is_empty());
        assert!(log.read(0, 9_999, 0).unwrap().is_empty());
        log.flush().unwrap();
        assert!(!log.wants_flush());
    }
    assert!(matches!(log.read(7, 1, 99), Err(LogFault::OutOfRange(_))));
    let taken = sample::keyless(&[0], 1).assigned(5, 0, None);
    assert_eq!(log.append(taken, 0), Err(NotNext { offset: 5, end: 6 }));
}

#[test]
fn a_batch_larger_than_any_buffer_is_read_whole() {
    let (_disk, mut log) = fresh();
    append(&mut log, &[1], 0);
    let large = sample::keyless(&[2], 300_000).assigned(1, 0, None);
    log.append(large.clone(), 0).unwrap();
    append(&mut log, &[3], 0);
    log.flush().unwrap();
    assert_eq!(log.read(1, 10, 99).unwrap(), large.bytes);
    assert_eq!(log.read(0, 300_000, 99).unwrap().len(), 61 + 20 + 7);
}

#[test]
fn segments_end_by_size_and_by_age() {
    let (disk, mut log) = fresh();
    for time in 0..8 {
        append(&mut log, &[time; 4], 0);
    }
    log.flush().unwrap();
    assert_eq!(log.segments.len(), 3);
    append(&mut log, &[9], 1_000);
    assert_eq!(log.segments.len(), 3);
    log.roll_if_due(1_000);
    assert_eq!(log.segments.len(), 3);
    log.roll_if_due(1_001);
    log.roll_if_due(9_001);
    assert_eq!(log.segments.len(), 4, "an empty segment is not closed");
    append(&mut log, &[9], 1_002);
    log.flush().unwrap();
    let names = disk.list(DIRECTORY).unwrap();
    assert_eq!(names.first().unwrap(), "00000000000000000000.log");
    assert_eq!(names.last().unwrap(), "00000000000000000033.log");
}

#[test]
fn a_full_disk_leaves_the_batches_in_memory_until_there_is_room() {
    let (disk, mut log) = fresh();
    let mut batches = vec![append(&mut log, &[1], 0)];
    log.flush().unwrap();
    batches.push(append(&mut log, &[2], 0));
    batches.push(append(&mut log, &[3], 0));
    disk.limit_bytes(Some(disk.used_bytes() + 100));
    assert!(matches!(
        log.flush(),
        Err(LogFault::Disk(DiskFault::Full(_)))
    ));
    assert!(log.begin_checkpoint().is_err());
    assert_eq!(log.read(0, 9_999, 99).unwrap(), joined(&batches));
    disk.limit_bytes(None);
    let position = log.begin_checkpoint().unwrap().run().unwrap();
    disk.crash(Survival::Nothing);
    let log = open(&disk, position);
    assert_eq!(log.read(0, 9_999, 99).unwrap(), joined(&batches));
}

#[test]
fn what_a_checkpoint_that_was_not_run_should_have_synced_the_next_one_does() {
    let (disk, mut log) = fresh();
    let batch = append(&mut log, &[1], 0);
    drop(log.begin_checkpoint().unwrap());
    let position = log.begin_checkpoint().unwrap().run().unwrap();
    disk.crash(Survival::Nothing);
    let log = open(&disk, position);
    assert_eq!(log.read(0, 99, 99).unwrap(), batch.bytes);
}

#[test]
fn after_a_failed_sync_no_checkpoint_succeeds() {
    let (disk, mut log) = fresh();
    append(&mut log, &[1], 0);
    let checkpoint = log.begin_checkpoint().unwrap();
    disk.fail_syncs(1);
    assert!(checkpoint.run().is_err());
    assert!(matches!(
        log.begin_checkpoint(),
        Err(LogFault::Unsyncable(_))
    ));
}

#[test]
fn old_segments_go_by_time_and_by_size_and_never_above_what_is_committed() {
    let (disk, mut log) = fresh();
    for time in 0..12 {
        append(&mut log, &[time * 100; 4], time * 100);
    }
    log.flush().unwrap();
    assert_eq!(log.segments.len(), 4);
    log.configure(LogSettings {
        retention_ms: Some(1_000),
        ..settings()
    });
    assert_eq!(log.retention_start(1_200, 99), None);
    assert_eq!(log.retention_start(1_201, 99), Some(12));
    assert_eq!(log.retention_start(9_999, 99), Some(48), "all of it is old");
    assert_eq!(log.retention_start(9_999, 30), Some(24));
    log.configure(LogSettings {
        retention_ms: None,
        retention_bytes: Some(log.size_bytes() * 7 / 12),
        ..settings()
    });
    assert_eq!(log.retention_start(0, 99), Some(12));
    log.configure(LogSettings {
        retention_ms: None,
        retention_bytes: Some(0),
        ..settings()
    });
    assert_eq!(
        log.retention_start(0, 99),
        Some(36),
        "the last segment stays"
    );

    log.advance_start(30).unwrap();
    assert_eq!(
        (log.start_offset(), disk.list(DIRECTORY).unwrap().len()),
        (30, 2)
    );
    assert!(matches!(log.read(29, 1, 99), Err(LogFault::OutOfRange(_))));
    let bytes = log.read(30, 1, 99).unwrap();
    assert_eq!(
        crate::batch::BatchHeader::parse(&bytes)
            .unwrap()
            .base_offset,
        28
    );
    log.advance_start(999).unwrap();
    assert_eq!((log.start_offset(), log.size_bytes()), (48, 0));
    append(&mut log, &[1], 0);
    assert_eq!(log.end_offset(), 49);
}

#[test]
fn damage_below_a_checkpoint_is_refused_with_its_place() {
    let (disk, mut log) = fresh();
    for time in 0..3 {
        append(&mut log, &[time; 3], 0);
    }
    let position = log.begin_checkpoint().unwrap().run().unwrap();
    append(&mut log, &[5], 0);
    log.flush().unwrap();
    let size = usize::try_from(log.segments[0].written).unwrap();
    let path = format!("{DIRECTORY}/00000000000000000000.log");
    disk.corrupt(&path, size - 1, |byte| *byte ^= 1);
    open(&disk, position);
    disk.corrupt(&path, 70, |byte| *byte ^= 1);
    let fault = Log::open(Arc::new(disk.clone()), DIRECTORY, settings(), position).unwrap_err();
    assert!(matches!(
        fault,
        LogFault::Corrupt(LogCorrupt { byte: 0, .. })
    ));
}

#[test]
fn an_index_file_spares_the_reading_and_a_damaged_one_is_made_anew() {
    let disk = SimulatedDisk::new();
    let large = LogSettings::default();
    let open = |position| Log::open(Arc::new(disk.clone()), DIRECTORY, large.clone(), position);
    let mut log = open(LogPosition::default()).unwrap();
    for time in 0..40 {
        let batch = sample::keyless(&[time], 50_000).assigned(time, 0, None);
        log.append(batch, 0).unwrap();
    }
    let position = log.begin_checkpoint().unwrap().run().unwrap();
    let path = format!("{DIRECTORY}/00000000000000000000.index");
    assert!(disk.open(&path).is_ok());
    let index = log.segments[0].index.clone();
    disk.crash(Survival::Nothing);
    // With the index trusted, the damage in what it covers is not read.
    let log_path = format!("{DIRECTORY}/00000000000000000000.log");
    disk.corrupt(&log_path, 100, |byte| *byte ^= 1);
    let log = open(position).unwrap();
    assert_eq!(log.segments[0].index, index);
    assert_eq!(log.offset_for_time(30, 99).unwrap().unwrap().offset, 30);
    disk.corrupt(&log_path, 100, |byte| *byte ^= 1);
    disk.corrupt(&path, 60, |byte| *byte ^= 1);
    let log = open(position).unwrap();
    assert_eq!(log.segments[0].index, index);
    assert!(disk.open(&path).is_err());
}

#[test]
fn a_real_disk_gives_back_what_was_checkpointed_and_compacted() {
    let directory = tempfile::tempdir().unwrap();
    let open = |position| {
        let disk = crate::disk::RealDisk::new(directory.path()).unwrap();
        Log::open(Arc::new(disk), DIRECTORY, settings(), position).unwrap()
    };
    let mut log = open(LogPosition::default());
    for offset in 0..20 {
        let record = (
            Some(Bytes::from_static(b"key")),
            Some(Bytes::from("x")),
            offset,
        );
        let batch = sample::batch(&[record], None).assigned(offset, 0, None);
        log.append(batch, 0).unwrap();
    }
    let position = log.begin_checkpoint().unwrap().run().unwrap();
    let whole = log.read(0, usize::MAX, 99).unwrap();
    append(&mut log, &[1], 0);
    log.flush().unwrap();
    drop(log);
    let mut log = open(position);
    assert_eq!(log.read(0, usize::MAX, 99).unwrap(), whole);
    let order = log.begin_compaction(0, 99, 0).unwrap().unwrap();
    let report = log.finish_compaction(order.run(), 0).unwrap().unwrap();
    let compacted = log.read(0, usize::MAX, 99).unwrap();
    assert!(compacted.len() < whole.len() && whole.ends_with(&compacted));
    drop(log);
    let mut log = open(position);
    assert_eq!(log.read(0, usize::MAX, 99).unwrap(), compacted);
    assert_eq!(log.size_bytes(), report.bytes_after);
    log.advance_start(20).unwrap();
    log.remove().unwrap();
    let topics = directory.path().join("topics");
    assert_eq!(std::fs::read_dir(topics).unwrap().count(), 0);
}

#[test]
fn a_removed_log_leaves_nothing() {
    let (disk, mut log) = fresh();
    append(&mut log, &[1], 0);
    log.flush().unwrap();
    log.remove().unwrap();
    assert_eq!(disk.used_bytes(), 0);
}
