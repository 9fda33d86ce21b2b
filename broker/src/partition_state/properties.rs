//! Whatever producers do: the stable offset, the aborted index and the sequences are those that
//! a plain reading of the whole log gives.

use proptest::collection::vec;
use proptest::prelude::*;
use trueup_plants::{Plant, with};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Write {
        id: i64,
        count: i32,
        skip: i32,
        open: bool,
    },
    Again {
        back: usize,
    },
    End {
        id: i64,
        bump: bool,
        ending: Ending,
    },
    Sync,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 0..4_i64;
    let write = (
        id.clone(),
        1..4_i32,
        prop_oneof![6 => Just(0), 1 => 1..3_i32],
        any::<bool>(),
    );
    let ending = prop_oneof![Just(Ending::Commit), Just(Ending::Abort)];
    let step = prop_oneof![
        5 => write.prop_map(|(id, count, skip, open)| Step::Write { id, count, skip, open }),
        1 => (1..8_usize).prop_map(|back| Step::Again { back }),
        3 => (id, prop::bool::weighted(0.2), ending)
            .prop_map(|(id, bump, ending)| Step::End { id, bump, ending }),
        1 => Just(Step::Sync),
    ];
    vec(step, 1..80)
}

/// A transaction's producer, its first offset, and how and where it ended.
type Transaction = (i64, i64, Option<(Ending, i64)>);

/// The log and what a client of each producer believes.
#[derive(Default)]
struct World {
    state: PartitionState,
    log: Vec<ProducerBatch>,
    end: i64,
    synced: i64,
    epochs: [i16; 4],
    sequences: [i32; 4],
}

impl World {
    fn append(&mut self, mut batch: ProducerBatch) {
        batch.base_offset = self.end;
        self.state.apply(&batch, 0);
        self.end = batch.last_offset() + 1;
        self.log.push(batch);
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Write {
                id,
                count,
                skip,
                open,
            } => {
                let index = usize::try_from(id).unwrap();
                let batch = ProducerBatch {
                    producer: Producer {
                        id,
                        epoch: self.epochs[index],
                    },
                    base_sequence: self.sequences[index] + skip,
                    base_offset: -1,
                    last_offset_delta: count - 1,
                    transactional: open,
                    append_time_ms: -1,
                    marker: None,
                };
                if self.state.check(&batch) == Verdict::Fresh {
                    self.append(batch);
                    self.sequences[index] = batch.last_sequence() + 1;
                }
            }
            Step::Again { back } => {
                let Some(at) = self.log.len().checked_sub(back) else {
                    return;
                };
                let batch = self.log[at];
                if batch.marker.is_none() && self.state.check(&batch) == Verdict::Fresh {
                    self.append(batch);
                }
            }
            Step::End { id, bump, ending } => {
                let index = usize::try_from(id).unwrap();
                if bump {
                    self.epochs[index] += 1;
                    self.sequences[index] = 0;
                }
                self.append(ProducerBatch {
                    producer: Producer {
                        id,
                        epoch: self.epochs[index],
                    },
                    base_sequence: -1,
                    base_offset: -1,
                    last_offset_delta: 0,
                    transactional: true,
                    append_time_ms: -1,
                    marker: Some(ending),
                });
            }
            Step::Sync => {
                self.synced = self.end;
                self.state.synced(self.synced);
            }
        }
    }

    /// Every transaction that wrote here.
    fn transactions(&self) -> Vec<Transaction> {
        let mut found: Vec<Transaction> = Vec::new();
        for batch in self.log.iter().filter(|batch| batch.transactional) {
            let id = batch.producer.id;
            let open = found.iter_mut().find(|t| t.0 == id && t.2.is_none());
            match (open, batch.marker) {
                (Some(open), Some(ending)) => open.2 = Some((ending, batch.base_offset)),
                (None, None) => found.push((id, batch.base_offset, None)),
                (Some(_), None) | (None, Some(_)) => {}
            }
        }
        found
    }

    fn naive_stable(&self, high_watermark: i64) -> i64 {
        let undecided =
            |end: &Option<(Ending, i64)>| end.is_none_or(|(_, marker)| marker >= high_watermark);
        let all = self.transactions();
        let first = all.iter().filter(|t| undecided(&t.2)).map(|t| t.1).min();
        first.map_or(high_watermark, |first| first.min(high_watermark))
    }

    fn naive_aborted(&self, from: i64, below: i64) -> Vec<(i64, i64)> {
        let mut found: Vec<(i64, i64, i64)> = self
            .transactions()
            .into_iter()
            .filter_map(|(id, first, end)| match end {
                Some((Ending::Abort, marker)) if marker >= from && first < below => {
                    Some((marker, id, first))
                }
                _ => None,
            })
            .collect();
        found.sort_unstable();
        found
            .into_iter()
            .map(|(_, id, first)| (id, first))
            .collect()
    }

    fn agrees(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(
            self.state.last_stable_offset(0, self.synced),
            self.naive_stable(self.synced)
        );
        prop_assert_eq!(
            self.state.last_stable_offset(0, self.end),
            self.naive_stable(self.end)
        );
        for from in 0..=self.end {
            let below = (from + 1..=self.end).step_by(3).chain([self.end]);
            for below in below.filter(|below| *below > from) {
                let found = self.state.aborted_between(from, below);
                let found: Vec<_> = found
                    .iter()
                    .map(|a| (a.producer_id, a.first_offset))
                    .collect();
                prop_assert_eq!(
                    found,
                    self.naive_aborted(from, below),
                    "{}..{}",
                    from,
                    below
                );
            }
        }
        Ok(())
    }
}

fn ran(steps: &[Step]) -> World {
    let mut world = World::default();
    for step in steps {
        world.run(step);
    }
    world
}

proptest! {
    #[test]
    fn the_stable_offset_and_the_aborted_index_agree_with_a_scan_of_the_log(steps in steps()) {
        ran(&steps).agrees()?;
    }

    #[test]
    fn the_sequences_of_an_epoch_have_no_gap_and_no_repetition(steps in steps()) {
        let world = ran(&steps);
        for id in 0..4 {
            let mut last: Option<(i16, i32)> = None;
            let written = world.log.iter().filter(|b| b.producer.id == id && b.marker.is_none());
            for batch in written {
                let epoch = batch.producer.epoch;
                let expected = match last {
                    Some((known, sequence)) if known == epoch => sequence + 1,
                    Some((known, _)) => { prop_assert!(known < epoch); 0 }
                    None => batch.base_sequence,
                };
                prop_assert_eq!(batch.base_sequence, expected);
                last = Some((epoch, batch.last_sequence()));
            }
        }
    }

    #[test]
    fn a_replay_of_the_headers_gives_the_same_state(steps in steps(), cut in 0..80_usize) {
        let world = ran(&steps);
        let cut = cut.min(world.log.len());
        let mut replayed = PartitionState::default();
        for batch in &world.log[..cut] {
            replayed.apply(batch, 0);
        }
        // A snapshot in the middle changes nothing.
        let mut replayed = PartitionState::decode(&replayed.encode().unwrap()).unwrap();
        for batch in &world.log[cut..] {
            replayed.apply(batch, 0);
        }
        replayed.synced(world.synced);
        prop_assert_eq!(replayed, world.state);
    }
}

#[test]
fn the_properties_find_what_is_planted() {
    for plant in [
        Plant::StableOffsetIgnored,
        Plant::StableBeforeSync,
        Plant::AbortedIndexOffByOne,
    ] {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let found = with(plant, || runner.run(&steps(), |steps| ran(&steps).agrees()));
        assert!(found.is_err(), "{plant:?}");
    }
}
