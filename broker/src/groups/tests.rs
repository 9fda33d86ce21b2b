//! Scenarios of one group, told request by request.

mod administration;
mod joining;
mod leaving;
mod statics;
mod timing;
mod zombies;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::code::Code;
use crate::names::{InstanceId, MemberId};
use crate::offsets::Offsets;

const DELAY_MS: i64 = 100;
const SESSION_MS: i64 = 10_000;
const REBALANCE_MS: i64 = 60_000;

/// The coordinator with a clock, and the answers that have come.
pub(super) struct House {
    pub(super) groups: Groups,
    pub(super) offsets: Offsets,
    pub(super) now_ms: i64,
    tickets: u64,
    answers: BTreeMap<u64, Answer>,
}

pub(super) fn group() -> GroupId {
    GroupId::try_from("reconciler").unwrap()
}

pub(super) fn member(text: &str) -> MemberId {
    MemberId::try_from(text).unwrap()
}

pub(super) fn instance(text: &str) -> InstanceId {
    InstanceId::try_from(text).unwrap()
}

/// A consumer's metadata: version 0, the one topic `orders`, no user data.
pub(super) fn subscription() -> Bytes {
    Bytes::from_static(b"\0\0\0\0\0\x01\0\x06orders\0\0\0\0")
}

/// A join as a consumer's newest client sends it.
pub(super) fn consumer(name: &str) -> Join {
    Join {
        group: group(),
        member: MemberId::none(),
        instance: None,
        client_id: name.to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: i32::try_from(SESSION_MS).unwrap(),
        rebalance_timeout_ms: i32::try_from(REBALANCE_MS).unwrap(),
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), subscription())],
        id_required: true,
        skips_assignment: true,
        unique: String::new(),
        ticket: 0,
    }
}

pub(super) fn static_consumer(name: &str) -> Join {
    Join {
        instance: Some(instance(name)),
        ..consumer(name)
    }
}

/// A member as its own client knows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seat {
    pub(super) member: MemberId,
    pub(super) instance: Option<InstanceId>,
    pub(super) generation: i32,
    pub(super) leads: bool,
}

impl Seat {
    pub(super) fn claim(&self) -> Claim<'_> {
        Claim {
            member: &self.member,
            instance: self.instance.as_ref(),
            generation: self.generation,
        }
    }

    /// The same member's next join.
    pub(super) fn again(&self) -> Join {
        Join {
            member: self.member.clone(),
            instance: self.instance.clone(),
            ..consumer("again")
        }
    }
}

impl House {
    pub(super) fn new() -> Self {
        let settings = Settings {
            initial_rebalance_delay_ms: DELAY_MS,
        };
        Self {
            groups: Groups::new(settings, 0),
            offsets: Offsets::default(),
            now_ms: 0,
            tickets: 0,
            answers: BTreeMap::new(),
        }
    }

    pub(super) fn keep(&mut self, released: Vec<Released>) {
        for Released { ticket, answer } in released {
            let known = self.answers.insert(ticket, answer);
            assert!(known.is_none(), "ticket {ticket} is answered twice");
        }
    }

    pub(super) fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        let released = self.groups.tick(self.now_ms);
        self.keep(released);
    }

    pub(super) fn join(&mut self, mut join: Join) -> u64 {
        self.tickets += 1;
        join.ticket = self.tickets;
        join.unique = format!("{}", self.tickets);
        let released = self.groups.join(join, self.now_ms);
        self.keep(released);
        self.tickets
    }

    /// Joins as a client does that is told to come back with an id.
    pub(super) fn join_fully(&mut self, join: Join) -> u64 {
        let ticket = self.join(join.clone());
        match self.answers.get(&ticket) {
            Some(Answer::Join(Err(refused))) if refused.code == Code::MemberIdRequired => {
                let member = refused.member.clone();
                self.join(Join { member, ..join })
            }
            Some(_) | None => ticket,
        }
    }

    pub(super) fn waits(&self, ticket: u64) -> bool {
        !self.answers.contains_key(&ticket)
    }

    pub(super) fn joined(&self, ticket: u64) -> Joined {
        match self.answers.get(&ticket) {
            Some(Answer::Join(Ok(joined))) => joined.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn refused(&self, ticket: u64) -> JoinRefused {
        match self.answers.get(&ticket) {
            Some(Answer::Join(Err(refused))) => refused.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn seat(&self, ticket: u64, join: &Join) -> Seat {
        let joined = self.joined(ticket);
        Seat {
            leads: joined.member == joined.leader,
            member: joined.member,
            instance: join.instance.clone(),
            generation: joined.generation,
        }
    }

    pub(super) fn sync(&mut self, seat: &Seat, assignments: &[(&MemberId, &str)]) -> u64 {
        self.tickets += 1;
        let sync = Sync {
            group: group(),
            member: seat.member.clone(),
            instance: seat.instance.clone(),
            generation: seat.generation,
            protocol_type: Some("consumer".to_owned()),
            protocol: Some("range".to_owned()),
            assignments: assignments
                .iter()
                .map(|(id, part)| ((*id).clone(), Bytes::copy_from_slice(part.as_bytes())))
                .collect(),
            ticket: self.tickets,
        };
        let released = self.groups.sync(sync, self.now_ms);
        self.keep(released);
        self.tickets
    }

    pub(super) fn synced(&self, ticket: u64) -> Result<String, Code> {
        match self.answers.get(&ticket) {
            Some(Answer::Sync(synced)) => synced
                .clone()
                .map(|synced| String::from_utf8(synced.assignment.to_vec()).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn heartbeat(&mut self, seat: &Seat) -> Result<(), Code> {
        self.groups.heartbeat(&group(), seat.claim(), self.now_ms)
    }

    pub(super) fn may_commit(&mut self, seat: &Seat, transactional: bool) -> Result<(), Code> {
        self.groups
            .check_commit(&group(), seat.claim(), transactional, self.now_ms)
    }

    pub(super) fn leave(&mut self, leaving: Leaving) -> Code {
        let left = self.groups.leave(&group(), &[leaving], self.now_ms);
        self.keep(left.released);
        left.answer.unwrap()[0]
    }

    pub(super) fn described(&self) -> Described {
        self.groups.describe(&group(), &self.offsets).unwrap()
    }

    pub(super) fn state(&self) -> State {
        self.described().state
    }

    /// A stable group of these members, in order of the joins; the part of each is its name.
    pub(super) fn stable(&mut self, joins: &[Join]) -> Vec<Seat> {
        let tickets: Vec<u64> = joins.iter().map(|j| self.join_fully(j.clone())).collect();
        while self.state() == State::PreparingRebalance {
            self.pass(DELAY_MS);
        }
        let seats: Vec<Seat> = tickets
            .iter()
            .zip(joins)
            .map(|(ticket, join)| self.seat(*ticket, join))
            .collect();
        self.settle(&seats, joins);
        seats
    }

    pub(super) fn settle(&mut self, seats: &[Seat], joins: &[Join]) {
        let parts: Vec<(&MemberId, &str)> = seats
            .iter()
            .zip(joins)
            .map(|(seat, join)| (&seat.member, join.client_id.as_str()))
            .collect();
        for seat in seats {
            let parts = if seat.leads { &parts[..] } else { &[] };
            self.sync(seat, parts);
        }
        assert_eq!(self.state(), State::Stable);
    }
}
