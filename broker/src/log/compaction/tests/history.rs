//! Any history of puts, transactions, compactions and crashes, against a plain list of batches.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use trueup_plants::{Plant, with};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Key, value (none for a tombstone), producer (0 for none), several records in one batch.
    Put(Vec<(u8, bool)>, i64),
    End(i64, bool),
    Pass(i64),
    Compact {
        forget: bool,
    },
    CrashWhileCompacting(Survival),
    Checkpoint,
    Crash(Survival),
}

fn step() -> impl Strategy<Value = Step> {
    let survival = any::<u64>().prop_map(|seed| Survival::Torn { seed });
    prop_oneof![
        10 => (prop::collection::vec((0_u8..4, prop::bool::weighted(0.7)), 1..3), 0_i64..4)
            .prop_map(|(records, producer)| Step::Put(records, producer)),
        6 => (1_i64..4, any::<bool>()).prop_map(|(producer, commit)| Step::End(producer, commit)),
        4 => (0_i64..90).prop_map(Step::Pass),
        5 => any::<bool>().prop_map(|forget| Step::Compact { forget }),
        1 => survival.clone().prop_map(Step::CrashWhileCompacting),
        2 => Just(Step::Checkpoint),
        1 => survival.prop_map(Step::Crash),
    ]
}

struct Model {
    disk: SimulatedDisk,
    log: Log,
    now_ms: i64,
    /// Everything that was ever appended.
    original: Vec<Batch>,
    open: BTreeMap<i64, i64>,
    checkpoint: LogPosition,
    /// When a compaction first saw each offset.
    seen_ms: BTreeMap<i64, i64>,
    aborted_gone_below: i64,
    forgotten_below: i64,
    values: u32,
}

impl Model {
    fn new() -> Self {
        let disk = SimulatedDisk::new();
        Self {
            log: open(&disk, LogPosition::default()),
            disk,
            now_ms: 0,
            original: Vec::new(),
            open: BTreeMap::new(),
            checkpoint: LogPosition::default(),
            seen_ms: BTreeMap::new(),
            aborted_gone_below: 0,
            forgotten_below: 0,
            values: 0,
        }
    }

    fn append(&mut self, batch: Batch) {
        let batch = batch.assigned(self.log.end_offset(), 0, None);
        self.original.push(batch.clone());
        self.log.append(batch, self.now_ms).unwrap();
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Put(records, producer) => {
                let mut samples: Vec<Sample> = Vec::new();
                for (number, value) in records {
                    self.values += 1;
                    let value = value.then(|| Bytes::from(format!("value {}", self.values)));
                    samples.push((Some(key(number)), value, self.now_ms));
                }
                let producer = (producer > 0).then_some(producer);
                if let Some(producer) = producer {
                    self.open.entry(producer).or_insert(self.log.end_offset());
                }
                self.append(sample::batch(&samples, producer));
            }
            Step::End(producer, commit) => {
                if self.open.remove(&producer).is_some() {
                    let kind = if commit {
                        Marker::Commit
                    } else {
                        Marker::Abort
                    };
                    self.append(marker(kind, producer, 0, 0, self.now_ms, 0));
                }
            }
            Step::Pass(ms) => self.now_ms += ms,
            Step::Compact { forget } => {
                self.log.roll_if_due(self.now_ms);
                if forget {
                    self.forgotten_below = self.aborted_gone_below;
                }
                let below = self.stable();
                let forgotten = self.forgotten_below;
                if let Some(order) = self.begin(below, forgotten) {
                    let report = self
                        .log
                        .finish_compaction(order.run(), self.checkpoint.end)
                        .unwrap()
                        .unwrap();
                    self.aborted_gone_below =
                        self.aborted_gone_below.max(report.aborted_gone_below);
                    self.check_cleaned(&report)?;
                }
            }
            Step::CrashWhileCompacting(survival) => {
                let below = self.stable();
                if let Some(order) = self.begin(below, self.forgotten_below) {
                    let _unused = order.run().unwrap();
                }
                self.crash(survival);
            }
            Step::Checkpoint => {
                self.checkpoint = self.log.begin_checkpoint().unwrap().run().unwrap();
            }
            Step::Crash(survival) => self.crash(survival),
        }
        self.check()
    }

    fn stable(&self) -> i64 {
        let first_open = self.open.values().min().copied();
        first_open.unwrap_or(self.log.end_offset())
    }

    fn begin(&mut self, below: i64, forgotten: i64) -> Option<Compaction> {
        let order = self
            .log
            .begin_compaction(self.now_ms, below, forgotten)
            .unwrap()?;
        let until = order.sources.last().unwrap().until;
        assert!(until <= below);
        for offset in 0..until {
            self.seen_ms.entry(offset).or_insert(self.now_ms);
        }
        Some(order)
    }

    fn crash(&mut self, survival: Survival) {
        self.disk.crash(survival);
        self.log = open(&self.disk, self.checkpoint);
        for batch in &self.original {
            if batch.header.base_offset >= self.checkpoint.end {
                self.log.append(batch.clone(), self.now_ms).unwrap();
            }
        }
    }

    /// What compaction must never do.
    fn check(&self) -> Result<(), TestCaseError> {
        let left = batches(&self.log);
        let (was, is) = (rows(&self.original), rows(&left));
        prop_assert_eq!(
            view(&is),
            view(&was),
            "committed readers end with the same values"
        );
        for (offset, row) in &is {
            prop_assert_eq!(
                Some(row),
                was.get(offset),
                "nothing is invented or re-decided"
            );
        }
        let mut latest: BTreeMap<&Bytes, i64> = BTreeMap::new();
        for (offset, row) in was.iter().filter(|(_, row)| row.fate == Fate::Committed) {
            latest.insert(&row.key, *offset);
        }
        for (offset, row) in &was {
            let present = is.contains_key(offset);
            let seen_ms = self.seen_ms.get(offset);
            prop_assert!(
                present || seen_ms.is_some(),
                "what no compaction saw is there"
            );
            prop_assert!(present || row.fate != Fate::Open);
            let forgotten = *offset < self.aborted_gone_below && row.fate == Fate::Aborted;
            prop_assert!(
                !(present && forgotten),
                "nobody knows that {} was aborted",
                offset
            );
            if row.value.is_none() && latest.get(&row.key) == Some(offset) && !present {
                let delay_ms = seen_ms.map_or(0, |seen_ms| self.now_ms - seen_ms);
                prop_assert!(
                    delay_ms >= RETENTION_MS,
                    "tombstone gone after {} ms",
                    delay_ms
                );
            }
        }
        let markers: BTreeSet<i64> = left
            .iter()
            .filter(|batch| batch.marker_kind() == Some(Marker::Abort))
            .map(|batch| batch.header.base_offset)
            .collect();
        for batch in &self.original {
            let offset = batch.header.base_offset;
            if batch.marker_kind() == Some(Marker::Abort) && offset >= self.forgotten_below {
                prop_assert!(markers.contains(&offset), "readers wait for this marker");
            }
        }
        Ok(())
    }

    /// What compaction is for.
    fn check_cleaned(&self, report: &CompactionReport) -> Result<(), TestCaseError> {
        let mut seen = BTreeSet::new();
        for row in rows(&batches(&self.log)).range(..report.cleaned_until) {
            let (offset, row) = row;
            prop_assert_ne!(row.fate, Fate::Open);
            prop_assert!(seen.insert(row.key.clone()), "one of a key at {}", offset);
        }
        Ok(())
    }
}

fn any_history() -> Result<(), TestCaseError> {
    let config = ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..90), |steps| {
            let mut model = Model::new();
            steps.into_iter().try_for_each(|step| model.take(step))
        })
        .map_err(|error| TestCaseError::fail(error.to_string()))
}

#[test]
fn readers_of_a_compacted_log_end_with_what_readers_of_the_whole_log_do() {
    any_history().unwrap();
}

#[test]
fn the_planted_mistakes_of_compaction_are_caught() {
    for plant in [
        Plant::TombstoneEarly,
        Plant::OpenTransactionCompacted,
        Plant::AbortedShadows,
    ] {
        with(plant, any_history).expect_err(&format!("{plant:?}"));
    }
}
