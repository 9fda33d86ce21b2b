//! Whatever is committed, pending, ended and deleted: what is seen is what a plain reading of the
//! story gives, and the journal gives the state.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use trueup_plants::{Plant, with};

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Commit {
        group: usize,
        partition: i32,
    },
    Pend {
        group: usize,
        producer: i64,
        partition: i32,
    },
    End {
        producer: i64,
        ending: Ending,
    },
    DeleteOffset {
        group: usize,
        partition: i32,
    },
    DeleteGroup {
        group: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (group, producer, partition) = (0..2_usize, 0..3_i64, 0..3_i32);
    let ending = prop_oneof![Just(Ending::Commit), Just(Ending::Abort)];
    let step = prop_oneof![
        3 => (group.clone(), partition.clone())
            .prop_map(|(group, partition)| Step::Commit { group, partition }),
        5 => (group.clone(), producer.clone(), partition.clone())
            .prop_map(|(group, producer, partition)| Step::Pend { group, producer, partition }),
        4 => (producer, ending).prop_map(|(producer, ending)| Step::End { producer, ending }),
        1 => (group.clone(), partition)
            .prop_map(|(group, partition)| Step::DeleteOffset { group, partition }),
        1 => group.prop_map(|group| Step::DeleteGroup { group }),
    ];
    vec(step, 1..60)
}

const GROUPS: [&str; 2] = ["a", "b"];

fn group(index: usize) -> GroupId {
    GroupId::try_from(GROUPS[index]).unwrap()
}

fn partition(partition: i32) -> TopicPartition {
    let topic = TopicName::try_from("orders").unwrap();
    TopicPartition { topic, partition }
}

/// The offset that the n-th step commits is n, so that it says where it comes from.
fn committed(at: usize) -> Committed {
    Committed {
        offset: i64::try_from(at).unwrap(),
        leader_epoch: -1,
        metadata: String::new(),
        committed_ms: 0,
    }
}

fn ran(steps: &[Step]) -> (Offsets, Vec<Change>) {
    let mut offsets = Offsets::default();
    let mut journal = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let changes: Vec<Change> = match *step {
            Step::Commit {
                group: g,
                partition: p,
            } => {
                let commit = vec![(partition(p), committed(at))];
                offsets
                    .commit(&group(g), commit)
                    .change
                    .into_iter()
                    .collect()
            }
            Step::Pend {
                group: g,
                producer,
                partition: p,
            } => {
                let commit = vec![(partition(p), committed(at))];
                let outcome = offsets.commit_pending(&group(g), producer, commit);
                outcome.change.into_iter().collect()
            }
            Step::End { producer, ending } => (0..2)
                .filter_map(|g| offsets.end(&group(g), producer, ending))
                .collect(),
            Step::DeleteOffset {
                group: g,
                partition: p,
            } => vec![Change::Forgotten {
                group: group(g),
                partitions: vec![partition(p)],
            }],
            Step::DeleteGroup { group: g } => vec![Change::GroupForgotten { group: group(g) }],
        };
        changes.iter().for_each(|change| offsets.apply(change));
        journal.extend(changes);
    }
    (offsets, journal)
}

/// What each write came to: seen, pending, or gone.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Seen,
    Pending(i64),
    Gone,
}

/// Every write to one partition, in order, with its fate: the last one seen is the offset.
fn naive(steps: &[Step], g: usize, p: i32) -> (Option<i64>, bool) {
    let mut writes: BTreeMap<usize, Fate> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        match *step {
            Step::Commit { group, partition } if (group, partition) == (g, p) => {
                writes.insert(at, Fate::Seen);
            }
            Step::Pend {
                group,
                producer,
                partition,
            } if (group, partition) == (g, p) => {
                writes.insert(at, Fate::Pending(producer));
            }
            Step::End { producer, ending } => {
                let fate = if ending == Ending::Commit {
                    Fate::Seen
                } else {
                    Fate::Gone
                };
                let of_producer = writes
                    .values_mut()
                    .filter(|f| **f == Fate::Pending(producer));
                of_producer.for_each(|f| *f = fate);
            }
            Step::DeleteOffset { group, partition } if (group, partition) == (g, p) => {
                writes.clear();
            }
            Step::DeleteGroup { group } if group == g => writes.clear(),
            Step::Commit { .. }
            | Step::Pend { .. }
            | Step::DeleteOffset { .. }
            | Step::DeleteGroup { .. } => {}
        }
    }
    let seen = writes.iter().rev().find(|(_, fate)| **fate == Fate::Seen);
    let pending = writes.values().any(|fate| matches!(fate, Fate::Pending(_)));
    (seen.map(|(at, _)| i64::try_from(*at).unwrap()), pending)
}

fn agree(steps: &[Step]) -> Result<(), TestCaseError> {
    let (offsets, _) = ran(steps);
    for g in 0..2 {
        for p in 0..3 {
            let (seen, pending) = naive(steps, g, p);
            let expected = seen.map_or(Fetched::None, |at| {
                Fetched::Committed(committed(usize::try_from(at).unwrap()))
            });
            let fetched = |stable| offsets.fetch(&group(g), &partition(p), stable);
            prop_assert_eq!(fetched(false), expected.clone());
            let expected = if pending { Fetched::Unstable } else { expected };
            prop_assert_eq!(fetched(true), expected);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_seen_is_what_a_plain_reading_of_the_story_gives(steps in steps()) {
        agree(&steps)?;
    }

    #[test]
    fn a_replay_of_the_journal_gives_the_same_state(steps in steps(), cut in 0..100_usize) {
        let (offsets, journal) = ran(&steps);
        let cut = cut.min(journal.len());
        let mut replayed = Offsets::default();
        for change in &journal[..cut] {
            replayed.apply(&Change::decode(&change.encode().unwrap()).unwrap());
        }
        let mut replayed = Offsets::decode(&replayed.encode().unwrap()).unwrap();
        for change in &journal[cut..] {
            replayed.apply(change);
        }
        prop_assert_eq!(replayed, offsets);
    }
}

#[test]
fn the_properties_find_what_is_planted() {
    for plant in [Plant::OffsetsBeforeEnd, Plant::OffsetsDespiteAbort] {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let found = with(plant, || runner.run(&steps(), |steps| agree(&steps)));
        assert!(found.is_err(), "{plant:?}");
    }
}
