//! Any history of appends, checkpoints, cuts and crashes, against a plain list of batches.

use proptest::prelude::*;

use super::*;

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
