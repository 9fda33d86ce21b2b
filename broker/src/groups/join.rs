//! `JoinGroup`: new members, those that come back, and static members whose process is another.

use super::Groups;
use super::group::{Group, Phase, State};
use super::member::Member;
use super::messages::{Answer, Join, Released};
use crate::code::Code;
use crate::limits::{
    MAX_GROUPS, MAX_MEMBER_BYTES, MAX_MEMBERS_PER_GROUP, MAX_PROTOCOLS_PER_MEMBER,
    MAX_SESSION_TIMEOUT_MS, MIN_SESSION_TIMEOUT_MS, NEW_MEMBER_JOIN_TIMEOUT_MS,
};
use crate::names::{InstanceId, MemberId};

impl Groups {
    /// The answer to this join may be among what is released, or come later.
    pub fn join(&mut self, join: Join, now_ms: i64) -> Vec<Released> {
        let refused = |code| vec![Released::refused(join.ticket, code, join.member.clone())];
        if let Some(code) = misshapen(&join) {
            return refused(code);
        }
        if !self.groups.contains_key(&join.group) {
            // A member that has an id of a group that is not: it is from before a restart.
            if !join.member.is_none() {
                return refused(Code::UnknownMemberId);
            }
            if self.groups.len() >= MAX_GROUPS {
                return refused(Code::PolicyViolation);
            }
            let group = Group::new(self.settings.initial_rebalance_delay_ms, now_ms);
            self.groups.insert(join.group.clone(), group);
        }
        let id = join.group.clone();
        let mut released = Vec::new();
        self.with(&id, |group| group.join(join, now_ms, &mut released));
        released
    }
}

fn misshapen(join: &Join) -> Option<Code> {
    if join.group.as_str().is_empty() {
        return Some(Code::InvalidGroupId);
    }
    let session = MIN_SESSION_TIMEOUT_MS..=MAX_SESSION_TIMEOUT_MS;
    if !session.contains(&join.session_timeout_ms) {
        return Some(Code::InvalidSessionTimeout);
    }
    let bytes = join.protocols.iter().map(|(_, metadata)| metadata.len());
    let fits = join.protocols.len() <= MAX_PROTOCOLS_PER_MEMBER
        && bytes.sum::<usize>() <= MAX_MEMBER_BYTES;
    (!fits).then_some(Code::InvalidRequest)
}

impl Group {
    fn join(&mut self, join: Join, now_ms: i64, released: &mut Vec<Released>) {
        let refused = match self.place(&join) {
            Ok(place) => {
                self.seat(place, join, now_ms, released);
                None
            }
            Err(code) => Some(Released::refused(join.ticket, code, join.member)),
        };
        released.extend(refused);
        self.complete_if_all_joined(now_ms, released);
    }

    /// What the join is, or why it is refused. Changes nothing.
    fn place(&self, join: &Join) -> Result<Place, Code> {
        let is_full = self.members.len() + self.invited.len() >= MAX_MEMBERS_PER_GROUP;
        let fresh = || {
            let prefix = join
                .instance
                .as_ref()
                .map_or(&*join.client_id, |i| i.as_str());
            MemberId::generated(prefix, &join.unique)
        };
        if !self.agrees(&join.protocol_type, &join.protocols) {
            return Err(Code::InconsistentGroupProtocol);
        }
        if !join.member.is_none() {
            if self.invited.contains_key(&join.member) && join.instance.is_none() {
                return Ok(Place::New(join.member.clone()));
            }
            self.admit(&join.member, join.instance.as_ref())?;
            return Ok(Place::Known(join.member.clone()));
        }
        if let Some(instance) = &join.instance
            && let Some(old) = self.instances.get(instance)
        {
            return Ok(Place::Replacing {
                old: old.clone(),
                new: fresh(),
                instance: instance.clone(),
            });
        }
        if is_full {
            return Err(Code::GroupMaxSizeReached);
        }
        if join.instance.is_none() && join.id_required {
            return Ok(Place::Invited(fresh()));
        }
        Ok(Place::New(fresh()))
    }

    fn seat(&mut self, place: Place, join: Join, now_ms: i64, released: &mut Vec<Released>) {
        match place {
            Place::Invited(id) => {
                let due_ms = now_ms.saturating_add(i64::from(join.session_timeout_ms));
                self.invited.insert(id.clone(), due_ms);
                released.push(Released::refused(join.ticket, Code::MemberIdRequired, id));
            }
            Place::New(id) => self.add(id, join, now_ms, released),
            Place::Known(id) => self.join_again(&id, join, now_ms, released),
            Place::Replacing { old, new, instance } => {
                self.replace(&old, new, instance, join, now_ms, released);
            }
        }
    }

    fn add(&mut self, id: MemberId, join: Join, now_ms: i64, released: &mut Vec<Released>) {
        self.invited.remove(&id);
        if self.members.is_empty() {
            self.protocol_type.clone_from(&join.protocol_type);
        }
        if let Some(instance) = &join.instance {
            self.instances.insert(instance.clone(), id.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        let mut member = Member::new(join);
        member.deadline_ms = now_ms.saturating_add(NEW_MEMBER_JOIN_TIMEOUT_MS);
        self.members.insert(id, member);
        if let Phase::Gathering { more, .. } = &mut self.phase
            && self.generation == 0
        {
            *more = true;
        }
        self.rebalance_unless_preparing(now_ms, released);
    }

    fn join_again(&mut self, id: &MemberId, join: Join, now_ms: i64, released: &mut Vec<Released>) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        let same = member.protocols == join.protocols;
        let leads = self.leader.as_ref() == Some(id);
        let answer_now = match self.phase {
            // It did not get the answer to its first join.
            Phase::Completing { .. } => same,
            // A leader joins again to have the assignment worked out anew; a follower that is as
            // it was has missed nothing.
            Phase::Stable { .. } => same && !leads,
            Phase::Empty | Phase::Gathering { .. } | Phase::Joining { .. } => false,
        };
        if answer_now {
            member.is_alive(now_ms);
            let answer = Answer::Join(Ok(self.joined(id)));
            let ticket = join.ticket;
            released.push(Released { ticket, answer });
            return;
        }
        member.rejoin(join, released);
        self.rebalance_unless_preparing(now_ms, released);
    }

    /// Another process comes for a static member: it takes its seat, with a new id, and whoever
    /// had the seat is fenced. In a stable group nothing else moves (KIP-345).
    fn replace(
        &mut self,
        old: &MemberId,
        new: MemberId,
        instance: InstanceId,
        join: Join,
        now_ms: i64,
        released: &mut Vec<Released>,
    ) {
        let Some(mut member) = self.members.remove(old) else {
            return;
        };
        let old_leader = self.leader.clone();
        member.dismiss(Code::FencedInstanceId, old, released);
        let (ticket, skips_assignment) = (join.ticket, join.skips_assignment);
        member.rejoin(join, released);
        member.is_alive(now_ms);
        self.members.insert(new.clone(), member);
        self.instances.insert(instance, new.clone());
        if self.is_leader(old) {
            self.leader = Some(new.clone());
        }
        match self.state() {
            State::Stable if self.chosen_protocol().as_ref() == Some(&self.protocol) => {
                if let Some(member) = self.members.get_mut(&new) {
                    member.join_ticket = None;
                }
                let mut joined = self.joined(&new);
                if skips_assignment {
                    joined.skip_assignment = self.is_leader(&new);
                } else {
                    // The client would work out an assignment that a stable group does not take,
                    // so it is not told that it leads.
                    joined.members.clear();
                    joined.leader = old_leader.unwrap_or_else(MemberId::none);
                }
                let answer = Answer::Join(Ok(joined));
                released.push(Released { ticket, answer });
            }
            // The leader may have been told the old id, and would give the new one nothing.
            State::Stable | State::CompletingRebalance => self.rebalance(now_ms, released),
            State::Empty | State::PreparingRebalance => {}
        }
    }
}

/// What a join is to the group.
enum Place {
    /// It has to come back with this id.
    Invited(MemberId),
    New(MemberId),
    Known(MemberId),
    Replacing {
        old: MemberId,
        new: MemberId,
        instance: InstanceId,
    },
}
