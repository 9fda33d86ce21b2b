//! Whatever producers ask, in whatever order: what was opened ends exactly once, a producer that
//! was replaced changes nothing, and the journal gives the state.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use trueup_plants::{Plant, with};

use super::*;
use crate::names::TopicName;

#[derive(Debug, Clone)]
enum Step {
    /// As the client that holds the n-th producer ever given to the id.
    Init {
        id: usize,
        from: Option<usize>,
    },
    Add {
        id: usize,
        by: usize,
        partition: i32,
    },
    AddGroup {
        id: usize,
        by: usize,
    },
    End {
        id: usize,
        by: usize,
        ending: Ending,
    },
    Pass {
        ms: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 0..2_usize;
    let by = prop_oneof![4 => Just(0), 1 => 1..4_usize];
    let ending = prop_oneof![Just(Ending::Commit), Just(Ending::Abort)];
    let step = prop_oneof![
        2 => (id.clone(), prop::option::of(by.clone())).prop_map(|(id, from)| Step::Init { id, from }),
        4 => (id.clone(), by.clone(), 0..3_i32)
            .prop_map(|(id, by, partition)| Step::Add { id, by, partition }),
        1 => (id.clone(), by.clone()).prop_map(|(id, by)| Step::AddGroup { id, by }),
        3 => (id, by, ending).prop_map(|(id, by, ending)| Step::End { id, by, ending }),
        2 => prop_oneof![Just(10_i64), Just(600), Just(1_001)].prop_map(|ms| Step::Pass { ms }),
    ];
    vec(step, 1..60)
}

#[derive(Default)]
struct World {
    transactions: Transactions,
    journal: Vec<Change>,
    given: [Vec<Producer>; 2],
    /// What a naive reader of the answers believes to be open: since when, and where.
    open: BTreeMap<usize, (i64, Vec<TopicPartition>)>,
    now_ms: i64,
}

fn name(id: usize) -> TransactionalId {
    TransactionalId::try_from(["a", "b"][id]).unwrap()
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition {
        topic: TopicName::try_from("orders").unwrap(),
        partition: number,
    }
}

impl World {
    fn take(&mut self, changes: Vec<Change>) {
        changes
            .iter()
            .for_each(|change| self.transactions.apply(change));
        self.journal.extend(changes);
    }

    fn holder(&self, id: usize, back: usize) -> Option<Producer> {
        let given = &self.given[id];
        given.len().checked_sub(back + 1).map(|at| given[at])
    }

    /// What ends was open, with just what it held, and is spoken for by no one replaced.
    fn close(&mut self, ended: &Ended) -> Result<(), TestCaseError> {
        let id = usize::from(ended.transactional_id == name(1));
        let open = self.open.remove(&id);
        prop_assert!(open.is_some(), "{:?} was not open", ended);
        let (_, mut partitions) = open.unwrap();
        partitions.sort();
        partitions.dedup();
        prop_assert_eq!(&ended.partitions, &partitions);
        let last = self.holder(id, 0).unwrap();
        prop_assert!(ended.producer.id == last.id && ended.producer.epoch >= last.epoch);
        Ok(())
    }

    fn settle<T>(&mut self, outcome: Outcome<T>) -> Result<Result<T, Code>, TestCaseError> {
        if outcome.answer.is_err() {
            prop_assert!(outcome.changes.is_empty() && outcome.ended.is_none());
        }
        self.take(outcome.changes);
        if let Some(ended) = &outcome.ended {
            self.close(ended)?;
        }
        Ok(outcome.answer)
    }

    fn opened(&mut self, id: usize, partitions: &[TopicPartition]) {
        let now_ms = self.now_ms;
        let open = self.open.entry(id).or_insert((now_ms, Vec::new()));
        open.1.extend_from_slice(partitions);
    }

    fn run(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let now_ms = self.now_ms;
        match *step {
            Step::Init { id, from } => {
                let from = from.and_then(|back| self.holder(id, back));
                let outcome =
                    self.transactions
                        .init_producer_id(Some(&name(id)), 1_000, from, now_ms);
                if let Ok(producer) = self.settle(outcome)? {
                    prop_assert!(!self.open.contains_key(&id), "taken over while open");
                    let known = self.given[id].last() == Some(&producer);
                    let of_other = self.given[1 - id].iter().any(|p| p.id == producer.id);
                    prop_assert!(!of_other);
                    if !known {
                        prop_assert!(self.given[id].iter().all(|p| *p < producer));
                        self.given[id].push(producer);
                    }
                }
            }
            Step::Add {
                id,
                by,
                partition: number,
            } => {
                let Some(by_whom) = self.holder(id, by) else {
                    return Ok(());
                };
                let partitions = [partition(number)];
                let outcome =
                    self.transactions
                        .add_partitions(&name(id), by_whom, &partitions, now_ms);
                if self.settle(outcome)?.is_ok() {
                    prop_assert_eq!(by, 0, "a replaced producer opened a transaction");
                    self.opened(id, &partitions);
                }
            }
            Step::AddGroup { id, by } => {
                let Some(by_whom) = self.holder(id, by) else {
                    return Ok(());
                };
                let group = GroupId::try_from("g").unwrap();
                let outcome = self
                    .transactions
                    .add_group(&name(id), by_whom, &group, now_ms);
                if self.settle(outcome)?.is_ok() {
                    prop_assert_eq!(by, 0);
                    self.opened(id, &[]);
                }
            }
            Step::End { id, by, ending } => {
                let Some(by_whom) = self.holder(id, by) else {
                    return Ok(());
                };
                let was_open = self.open.contains_key(&id);
                let outcome = self.transactions.end(&name(id), by_whom, ending, now_ms);
                if self.settle(outcome)?.is_ok() {
                    prop_assert_eq!(by, 0, "a replaced producer ended a transaction");
                    prop_assert!(!self.open.contains_key(&id));
                } else {
                    prop_assert_eq!(was_open, self.open.contains_key(&id));
                }
            }
            Step::Pass { ms } => {
                self.now_ms += ms;
                let ticked = self.transactions.tick(self.now_ms);
                self.take(ticked.changes);
                for ended in &ticked.ended {
                    self.close(ended)?;
                    let id = usize::from(ended.transactional_id == name(1));
                    // Fenced: to speak for the id again takes a new producer.
                    prop_assert!(Some(ended.producer) > self.holder(id, 0));
                }
                let now_ms = self.now_ms;
                prop_assert!(self.open.values().all(|(since, _)| since + 1_000 > now_ms));
                prop_assert!(
                    self.transactions
                        .next_deadline_ms()
                        .is_none_or(|at| at > now_ms)
                );
            }
        }
        for id in 0..2 {
            let state = self.transactions.describe(&name(id)).map(|d| d.state);
            prop_assert_eq!(state == Some(State::Ongoing), self.open.contains_key(&id));
        }
        Ok(())
    }
}

fn ran(steps: &[Step]) -> Result<World, TestCaseError> {
    let mut world = World::default();
    for step in steps {
        world.run(step)?;
    }
    Ok(world)
}

proptest! {
    #[test]
    fn what_is_opened_ends_once_and_only_by_who_holds_the_id(steps in steps()) {
        ran(&steps)?;
    }

    #[test]
    fn a_replay_of_the_journal_gives_the_same_state(steps in steps(), cut in 0..100_usize) {
        let world = ran(&steps)?;
        let cut = cut.min(world.journal.len());
        let mut replayed = Transactions::default();
        for change in &world.journal[..cut] {
            replayed.apply(&Change::decode(&change.encode().unwrap()).unwrap());
        }
        let mut replayed = Transactions::decode(&replayed.encode().unwrap()).unwrap();
        for change in &world.journal[cut..] {
            replayed.apply(change);
        }
        prop_assert_eq!(replayed, world.transactions);
    }
}

#[test]
fn the_properties_find_what_is_planted() {
    for plant in [Plant::FencingSkipped, Plant::TimeoutWithoutFence] {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let found = with(plant, || {
            runner.run(&steps(), |steps| ran(&steps).map(|_| ()))
        });
        assert!(found.is_err(), "{plant:?}");
    }
}
