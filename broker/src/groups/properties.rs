//! Whatever clients do, in whatever order: every request is answered once, parts go to members of
//! the generation that they were made for, and only members of the present one may commit.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use trueup_plants::{Plant, with};

use super::tests::{Seat, consumer, group, static_consumer, subscription};
use super::*;
use crate::code::Code;
use crate::names::MemberId;
use crate::offsets::Offsets;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A new process joins for the client.
    Start {
        client: usize,
    },
    Join {
        client: usize,
        changed: bool,
    },
    Sync {
        client: usize,
    },
    Beat {
        client: usize,
    },
    Leave {
        client: usize,
    },
    Pass {
        ms: i64,
    },
}

/// The first ones are dynamic members, the others static.
const CLIENTS: usize = 5;
const DYNAMIC: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = 0..CLIENTS;
    let step = prop_oneof![
        3 => client.clone().prop_map(|client| Step::Start { client }),
        6 => (client.clone(), prop::bool::weighted(0.2))
            .prop_map(|(client, changed)| Step::Join { client, changed }),
        6 => client.clone().prop_map(|client| Step::Sync { client }),
        3 => client.clone().prop_map(|client| Step::Beat { client }),
        1 => client.prop_map(|client| Step::Leave { client }),
        3 => prop_oneof![Just(50_i64), Just(100), Just(4_000), Just(30_000)]
            .prop_map(|ms| Step::Pass { ms }),
    ];
    vec(step, 1..80)
}

/// What a client's present process knows.
#[derive(Default, Clone)]
struct Process {
    member: Option<MemberId>,
    seat: Option<Seat>,
    /// Told with the last join, if it leads.
    members: Vec<MemberId>,
}

#[derive(Clone)]
enum Asked {
    Join { client: usize, started: u64 },
    Sync { seat: Seat },
}

struct World {
    groups: Groups,
    now_ms: i64,
    processes: Vec<Process>,
    /// How many processes each client has had: an answer for an older one is not read.
    started: Vec<u64>,
    asked: BTreeMap<u64, Asked>,
    tickets: u64,
    history: Vec<Seat>,
    generation: i32,
}

impl World {
    fn new() -> Self {
        let settings = Settings {
            initial_rebalance_delay_ms: 100,
        };
        Self {
            groups: Groups::new(settings, 0),
            now_ms: 0,
            processes: vec![Process::default(); CLIENTS],
            started: vec![0; CLIENTS],
            asked: BTreeMap::new(),
            tickets: 0,
            history: Vec::new(),
            generation: 0,
        }
    }

    fn ask(&mut self, asked: Asked) -> u64 {
        self.tickets += 1;
        self.asked.insert(self.tickets, asked);
        self.tickets
    }

    fn join(&mut self, client: usize, changed: bool) -> Result<(), TestCaseError> {
        let started = self.started[client];
        let ticket = self.ask(Asked::Join { client, started });
        let name = format!("client-{client}");
        let base = if client < DYNAMIC {
            consumer(&name)
        } else {
            static_consumer(&name)
        };
        let metadata = if changed {
            Bytes::from_static(b"changed")
        } else {
            subscription()
        };
        let join = Join {
            member: self.processes[client]
                .member
                .clone()
                .unwrap_or_else(MemberId::none),
            rebalance_timeout_ms: 20_000,
            protocols: vec![("range".to_owned(), metadata)],
            id_required: client != 0,
            skips_assignment: client != DYNAMIC,
            unique: ticket.to_string(),
            ticket,
            ..base
        };
        let released = self.groups.join(join, self.now_ms);
        self.read(released)
    }

    fn sync(&mut self, client: usize) -> Result<(), TestCaseError> {
        let process = self.processes[client].clone();
        let Some(seat) = process.seat else {
            return Ok(());
        };
        let ticket = self.ask(Asked::Sync { seat: seat.clone() });
        let part = |member: &MemberId| part(seat.generation, member);
        let sync = Sync {
            group: group(),
            member: seat.member.clone(),
            instance: seat.instance.clone(),
            generation: seat.generation,
            protocol_type: None,
            protocol: None,
            assignments: process
                .members
                .iter()
                .map(|m| (m.clone(), part(m)))
                .collect(),
            ticket,
        };
        let released = self.groups.sync(sync, self.now_ms);
        self.read(released)
    }

    fn read(&mut self, released: Vec<Released>) -> Result<(), TestCaseError> {
        for Released { ticket, answer } in released {
            let asked = self.asked.remove(&ticket);
            prop_assert!(asked.is_some(), "ticket {} is answered twice", ticket);
            match (asked.unwrap(), answer) {
                (Asked::Join { client, started }, Answer::Join(answer)) => {
                    self.read_join(client, started, answer)?;
                }
                (Asked::Sync { seat }, Answer::Sync(Ok(synced))) => {
                    let is_replaced = seat.instance.is_some();
                    let own = part(seat.generation, &seat.member);
                    let of_generation = format!("{}:", seat.generation);
                    // A static member's part was made for the process before it.
                    prop_assert!(
                        synced.assignment == own
                            || is_replaced
                                && synced.assignment.starts_with(of_generation.as_bytes())
                    );
                }
                (Asked::Sync { .. }, Answer::Sync(Err(_))) => {}
                (Asked::Join { .. }, Answer::Sync(_)) | (Asked::Sync { .. }, Answer::Join(_)) => {
                    prop_assert!(false, "an answer to another question");
                }
            }
        }
        Ok(())
    }

    fn read_join(
        &mut self,
        client: usize,
        started: u64,
        answer: Result<Joined, JoinRefused>,
    ) -> Result<(), TestCaseError> {
        let is_read = self.started[client] == started;
        match answer {
            Ok(joined) => {
                prop_assert!(joined.generation >= self.generation);
                self.generation = joined.generation;
                let names = joined.members.iter().map(|m| m.member.clone());
                let names: Vec<MemberId> = names.collect();
                prop_assert!(names.is_empty() || names.contains(&joined.member));
                let seat = Seat {
                    leads: joined.leader == joined.member,
                    member: joined.member.clone(),
                    instance: (client >= DYNAMIC).then(|| {
                        static_consumer(&format!("client-{client}"))
                            .instance
                            .unwrap()
                    }),
                    generation: joined.generation,
                };
                self.history.push(seat.clone());
                if is_read {
                    self.processes[client] = Process {
                        member: Some(joined.member),
                        seat: Some(seat),
                        members: if joined.skip_assignment {
                            Vec::new()
                        } else {
                            names
                        },
                    };
                }
            }
            Err(refused) if is_read => match refused.code {
                Code::MemberIdRequired => self.processes[client].member = Some(refused.member),
                Code::UnknownMemberId | Code::FencedInstanceId => {
                    self.processes[client] = Process::default();
                }
                Code::RebalanceInProgress => {}
                other => prop_assert!(false, "{:?}", other),
            },
            Err(_) => {}
        }
        Ok(())
    }

    fn pass(&mut self, ms: i64) -> Result<(), TestCaseError> {
        self.now_ms += ms;
        for _ in 0..3 {
            let released = self.groups.tick(self.now_ms);
            self.read(released)?;
        }
        let now_ms = self.now_ms;
        prop_assert!(
            self.groups
                .next_deadline_ms()
                .is_none_or(|at_ms| at_ms > now_ms)
        );
        Ok(())
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Start { client } => {
                self.started[client] += 1;
                self.processes[client] = Process::default();
                self.join(client, false)
            }
            Step::Join { client, changed } => self.join(client, changed),
            Step::Sync { client } => self.sync(client),
            Step::Beat { client } => {
                if let Some(seat) = self.processes[client].seat.clone() {
                    let _ = self.groups.heartbeat(&group(), seat.claim(), self.now_ms);
                }
                Ok(())
            }
            Step::Leave { client } => {
                let Some(seat) = self.processes[client].seat.clone() else {
                    return Ok(());
                };
                let leaving = Leaving {
                    member: seat.member,
                    instance: seat.instance,
                };
                let left = self.groups.leave(&group(), &[leaving], self.now_ms);
                self.read(left.released)
            }
            Step::Pass { ms } => self.pass(ms),
        }
    }

    fn is_sound(&mut self) -> Result<(), TestCaseError> {
        let described = self.groups.describe(&group(), &Offsets::default());
        let members = described
            .map(|described| described.members)
            .unwrap_or_default();
        let instances: Vec<_> = members.iter().filter_map(|m| m.instance.clone()).collect();
        let distinct: BTreeSet<_> = instances.iter().collect();
        prop_assert_eq!(distinct.len(), instances.len());
        for seat in &self.history {
            let may = self
                .groups
                .check_commit(&group(), seat.claim(), true, self.now_ms)
                .is_ok();
            let is_member = members.iter().any(|m| m.member == seat.member);
            let is_now = is_member && seat.generation == self.generation;
            prop_assert_eq!(may, is_now, "{:?} in {}", seat, self.generation);
        }
        Ok(())
    }
}

fn part(generation: i32, member: &MemberId) -> Bytes {
    Bytes::from(format!("{generation}:{member}"))
}

fn ran(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::new();
    for step in steps {
        world.run(*step)?;
        world.is_sound()?;
    }
    // Nobody comes any more: every request is answered, and the group is left empty.
    for _ in 0..40 {
        world.pass(10_000)?;
    }
    prop_assert!(world.asked.is_empty());
    prop_assert_eq!(world.groups.next_deadline_ms(), None);
    let described = world.groups.describe(&group(), &Offsets::default());
    prop_assert!(described.is_none_or(|described| described.state == State::Empty));
    Ok(())
}

proptest! {
    #[test]
    fn a_group_is_sound_whatever_its_clients_do(steps in steps()) {
        ran(&steps)?;
    }
}

#[test]
fn the_property_finds_what_is_planted() {
    for plant in [Plant::GenerationUnchecked, Plant::InstanceUnchecked] {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let found = with(plant, || runner.run(&steps(), |steps| ran(&steps)));
        assert!(found.is_err(), "{plant:?}");
    }
}
