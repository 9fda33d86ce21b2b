//! Any history of appends, syncs, checkpoints, full disks and crashes, against a plain map.

use proptest::prelude::*;
use trueup_plants::{Plant, with};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Vec<u8>>),
    WriteOut,
    OrderSync,
    FinishSync,
    FailSync,
    Roll,
    Checkpoint,
    Room(Option<u64>),
    Crash(Survival),
}

fn survival() -> impl Strategy<Value = Survival> {
    prop_oneof![
        Just(Survival::Nothing),
        Just(Survival::Everything),
        any::<u64>().prop_map(|seed| Survival::Torn { seed }),
        any::<u64>().prop_map(|seed| Survival::Torn { seed }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let part = prop::collection::vec(any::<u8>(), 0..60);
    prop_oneof![
        8 => prop::collection::vec(part, 0..4).prop_map(Step::Append),
        6 => Just(Step::WriteOut),
        3 => Just(Step::OrderSync),
        3 => Just(Step::FinishSync),
        1 => Just(Step::FailSync),
        1 => Just(Step::Roll),
        1 => Just(Step::Checkpoint),
        1 => prop::option::of(0_u64..150).prop_map(Step::Room),
        2 => survival().prop_map(Step::Crash),
    ]
}

/// What was appended, by position, and what of it must be there.
struct Model {
    disk: SimulatedDisk,
    journal: Journal,
    ordered: Option<SyncJob>,
    appended: Entries,
    durable: Position,
    snapshot: Position,
    salt: u64,
}

impl Model {
    fn new() -> Self {
        let disk = SimulatedDisk::new();
        let (journal, _) = open(&disk).unwrap();
        Self {
            disk,
            journal,
            ordered: None,
            appended: Entries::new(),
            durable: Position::START,
            snapshot: Position::START,
            salt: 1,
        }
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Append(parts) => {
                let parts: Vec<Bytes> = parts.into_iter().map(Bytes::from).collect();
                let position = self.journal.append(parts.clone()).unwrap();
                self.appended.insert(position.get(), parts);
            }
            Step::WriteOut => {
                if self.journal.write_out().is_err() && self.journal.failed {
                    return self.crash(Survival::Everything);
                }
            }
            Step::OrderSync => self.ordered = Some(self.journal.sync_job()),
            Step::FinishSync => {
                if let Some(job) = self.ordered.take() {
                    let outcome = job.run();
                    self.journal.synced(&outcome);
                    self.durable = self.durable.max(outcome.unwrap());
                }
            }
            Step::FailSync => {
                self.disk.fail_syncs(1);
                let outcome = self.journal.sync_job().run();
                self.disk.fail_syncs(0);
                self.journal.synced(&outcome);
                prop_assert!(self.journal.write_out().is_err());
                return self.crash(Survival::Everything);
            }
            Step::Roll => {
                let _full = self.journal.roll();
            }
            Step::Checkpoint => {
                if self.journal.durable() == self.journal.end() && self.journal.roll().is_ok() {
                    self.snapshot = self.journal.durable();
                    self.journal.drop_through(self.snapshot).unwrap();
                }
            }
            Step::Room(room) => self
                .disk
                .limit_bytes(room.map(|room| self.disk.used_bytes() + room)),
            Step::Crash(survival) => return self.crash(survival),
        }
        Ok(())
    }

    fn crash(&mut self, survival: Survival) -> Result<(), TestCaseError> {
        self.disk.crash(survival);
        self.disk.limit_bytes(None);
        self.ordered = None;
        self.salt += 0x1_0000_0001;
        let (journal, entries) = open_with(&self.disk, self.snapshot, self.salt)
            .map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        prop_assert!(journal.end() >= self.durable, "what was durable is there");
        self.appended
            .retain(|position, _| *position <= journal.end().get());
        let expected: Entries = self.appended.clone().split_off(&self.snapshot.next().get());
        prop_assert_eq!(
            entries,
            expected,
            "exactly what was appended, and nothing else"
        );
        self.durable = journal.end();
        self.journal = journal;
        Ok(())
    }
}

fn any_history(cases: u32) -> Result<(), TestCaseError> {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let steps = (prop::collection::vec(step(), 1..60), survival());
    proptest::test_runner::TestRunner::new(config)
        .run(&steps, |(steps, last)| {
            let mut model = Model::new();
            for step in steps {
                model.take(step)?;
            }
            model.crash(last)
        })
        .map_err(|error| TestCaseError::fail(error.to_string()))
}

#[test]
fn whatever_happens_a_prefix_comes_back_that_has_all_that_was_synced() {
    any_history(1_500).unwrap();
}

#[test]
fn the_plant_of_a_torn_tail_that_is_accepted_is_caught() {
    with(Plant::TornTailAccepted, || any_history(1_500)).unwrap_err();
}
