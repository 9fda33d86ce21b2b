use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::batch::sample;
use crate::disk::{DiskFault, SimulatedDisk, Survival};

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

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<i64>),
    Pass(i64),
    Flush,
    Roll,
    Checkpoint,
    AdvanceStart(prop::sample::Index),
    CutTo(prop::sample::Index),
    Crash(Survival),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec(0_i64..50, 1..5).prop_map(Step::Append),
        2 => (0_i64..600).prop_map(Step::Pass),
        4 => Just(Step::Flush),
        1 => Just(Step::Roll),
        2 => Just(Step::Checkpoint),
        1 => any::<prop::sample::Index>().prop_map(Step::AdvanceStart),
        1 => any::<prop::sample::Index>().prop_map(Step::CutTo),
        1 => any::<u64>().prop_map(|seed| Step::Crash(Survival::Torn { seed })),
        1 => Just(Step::Crash(Survival::Nothing)),
        1 => Just(Step::Crash(Survival::Everything)),
    ]
}

/// What the log should have, kept in the plainest way.
struct Model {
    disk: SimulatedDisk,
    log: Log,
    now_ms: i64,
    start: i64,
    batches: Vec<Batch>,
    checkpoint: LogPosition,
}

impl Model {
    fn end(&self) -> i64 {
        self.batches
            .last()
            .map_or(0, |last| last.header.next_offset())
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append(times) => {
                let times: Vec<i64> = times.iter().map(|time| time + self.now_ms).collect();
                self.batches
                    .push(append(&mut self.log, &times, self.now_ms));
            }
            Step::Pass(ms) => self.now_ms += ms,
            Step::Flush => self.log.flush().unwrap(),
            Step::Roll => self.log.roll_if_due(self.now_ms),
            Step::Checkpoint => {
                self.checkpoint = self.log.begin_checkpoint().unwrap().run().unwrap();
            }
            Step::AdvanceStart(to) => {
                let to = i64::try_from(to.index(usize::try_from(self.end() + 1).unwrap())).unwrap();
                self.start = self.start.max(to);
                self.log.advance_start(to).unwrap();
            }
            Step::CutTo(to) => {
                // Nothing that a checkpoint has is ever cut: the journal would not have it.
                let floor = self.start.max(self.checkpoint.end);
                let bases: Vec<i64> = self
                    .batches
                    .iter()
                    .map(|batch| batch.header.base_offset)
                    .filter(|base| *base >= floor)
                    .collect();
                if !bases.is_empty() {
                    let to = bases[to.index(bases.len())];
                    self.log.cut_to(to).unwrap();
                    self.batches.retain(|batch| batch.header.base_offset < to);
                    assert_eq!(self.log.end_offset(), to);
                }
            }
            Step::Crash(survival) => self.crash(survival),
        }
    }

    /// Opens the log as of its checkpoint, and appends again what the journal would have.
    fn crash(&mut self, survival: Survival) {
        self.disk.crash(survival);
        self.log = open(&self.disk, self.checkpoint);
        assert!(self.log.start_offset() >= self.checkpoint.start);
        assert_eq!(self.log.end_offset(), self.checkpoint.end);
        for batch in &self.batches {
            if batch.header.base_offset >= self.checkpoint.end {
                self.log.append(batch.clone(), self.now_ms).unwrap();
            }
        }
        self.log.advance_start(self.start).unwrap();
    }

    fn check(&self, from: i64, max_bytes: usize, below: i64, time: i64) {
        assert_eq!(
            (self.log.start_offset(), self.log.end_offset()),
            (self.start, self.end().max(self.start))
        );
        let mut expected: Vec<Batch> = Vec::new();
        let mut size = 0;
        for batch in self
            .batches
            .iter()
            .filter(|batch| batch.header.last_offset() >= from)
        {
            let fits = expected.is_empty() || size + batch.bytes.len() <= max_bytes;
            if !fits || batch.header.last_offset() >= below {
                break;
            }
            size += batch.bytes.len();
            expected.push(batch.clone());
        }
        let read = self.log.read(from, max_bytes, below);
        if from < self.start || from > self.end() {
            assert!(matches!(read, Err(LogFault::OutOfRange(_))));
        } else {
            assert_eq!(read.unwrap(), joined(&expected));
        }
        let naive = self
            .batches
            .iter()
            .filter(|batch| batch.header.last_offset() < below)
            .flat_map(|batch| {
                batch
                    .records()
                    .unwrap()
                    .into_iter()
                    .map(|record| FoundTime {
                        offset: record.offset(&batch.header),
                        timestamp_ms: record.timestamp(&batch.header),
                    })
            })
            .find(|found| found.offset >= self.start && found.timestamp_ms >= time);
        assert_eq!(self.log.offset_for_time(time, below).unwrap(), naive);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_reads_as_a_plain_list_of_batches_whatever_happens_to_it(
        steps in prop::collection::vec(step(), 1..70),
        looks in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..900, any::<prop::sample::Index>(), -5_i64..2_000), 8),
    ) {
        let (disk, log) = fresh();
        let mut model = Model {
            disk, log, now_ms: 0, start: 0, batches: Vec::new(), checkpoint: LogPosition::default(),
        };
        for (index, step) in steps.into_iter().enumerate() {
            model.take(step);
            let (from, max_bytes, below, time) = &looks[index % looks.len()];
            let end = usize::try_from(model.end() + 2).unwrap();
            let from = i64::try_from(from.index(end)).unwrap();
            let below = i64::try_from(below.index(end)).unwrap();
            model.check(from, *max_bytes, below, *time);
        }
    }
}
