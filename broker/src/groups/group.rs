//! One group: its members, its generation, and who speaks for whom in it.

use std::collections::BTreeMap;

use bytes::Bytes;
use trueup_plants::{Plant, planted};

use super::member::Member;
use super::messages::{Claim, Joined, JoinedMember};
use crate::code::Code;
use crate::names::{InstanceId, MemberId};

/// Kafka's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

impl State {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// The state with what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Empty,
    /// The first members gather. Each that comes in time puts the end off.
    Gathering {
        due_ms: i64,
        left_ms: i64,
        more: bool,
    },
    /// The members join again, until all have or the time is up.
    Joining {
        due_ms: i64,
    },
    /// The leader works out the assignment.
    Completing {
        due_ms: i64,
    },
    /// With a time while a member has not asked for its part.
    Stable {
        due_ms: Option<i64>,
    },
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) phase: Phase,
    pub(super) initial_delay_ms: i64,
    pub(super) generation: i32,
    pub(super) protocol_type: String,
    /// Chosen for this generation.
    pub(super) protocol: String,
    pub(super) leader: Option<MemberId>,
    pub(super) members: BTreeMap<MemberId, Member>,
    pub(super) instances: BTreeMap<InstanceId, MemberId>,
    /// Ids that were given away, and until when they may be used to join.
    pub(super) invited: BTreeMap<MemberId, i64>,
    /// When the last member left.
    pub(super) idle_since_ms: i64,
}

impl Group {
    pub(super) fn new(initial_delay_ms: i64, now_ms: i64) -> Self {
        Self {
            phase: Phase::Empty,
            initial_delay_ms,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            invited: BTreeMap::new(),
            idle_since_ms: now_ms,
        }
    }

    pub(super) fn state(&self) -> State {
        match self.phase {
            Phase::Empty => State::Empty,
            Phase::Gathering { .. } | Phase::Joining { .. } => State::PreparingRebalance,
            Phase::Completing { .. } => State::CompletingRebalance,
            Phase::Stable { .. } => State::Stable,
        }
    }

    /// Nobody was ever in it, and nobody is invited.
    pub(super) fn is_void(&self) -> bool {
        self.phase == Phase::Empty && self.generation == 0 && self.invited.is_empty()
    }

    /// Whether the one who claims to be a member is that member.
    pub(super) fn admit(
        &self,
        member: &MemberId,
        instance: Option<&InstanceId>,
    ) -> Result<(), Code> {
        if let Some(instance) = instance {
            let current = self.instances.get(instance).ok_or(Code::UnknownMemberId)?;
            if planted(Plant::InstanceUnchecked) {
                return Ok(());
            }
            if current != member {
                return Err(Code::FencedInstanceId);
            }
        }
        if self.members.contains_key(member) {
            return Ok(());
        }
        Err(Code::UnknownMemberId)
    }

    /// The same, of this generation.
    pub(super) fn admit_now(&self, claim: Claim<'_>) -> Result<(), Code> {
        self.admit(claim.member, claim.instance)?;
        if claim.generation == self.generation || planted(Plant::GenerationUnchecked) {
            return Ok(());
        }
        Err(Code::IllegalGeneration)
    }

    /// Whether a member with these protocols and the others could agree on one.
    pub(super) fn agrees(&self, protocol_type: &str, protocols: &[(String, Bytes)]) -> bool {
        if protocol_type.is_empty() || protocols.is_empty() {
            return false;
        }
        self.phase == Phase::Empty
            || self.protocol_type == protocol_type
                && protocols.iter().any(|(name, _)| self.all_know(name))
    }

    fn all_know(&self, protocol: &str) -> bool {
        self.members
            .values()
            .all(|member| member.metadata(protocol).is_some())
    }

    /// Every member votes for the first of its protocols that all know.
    pub(super) fn chosen_protocol(&self) -> Option<String> {
        let mut votes: Vec<(&str, usize)> = Vec::new();
        for member in self.members.values() {
            let mut names = member.protocols.iter().map(|(name, _)| name.as_str());
            let Some(vote) = names.find(|name| self.all_know(name)) else {
                continue;
            };
            match votes.iter_mut().find(|(name, _)| *name == vote) {
                Some((_, count)) => *count += 1,
                None => votes.push((vote, 1)),
            }
        }
        let most = votes.iter().map(|(_, count)| *count).max()?;
        let chosen = votes.iter().find(|(_, count)| *count == most)?;
        Some(chosen.0.to_owned())
    }

    /// The time that the slowest member asks for.
    pub(super) fn rebalance_timeout_ms(&self) -> i64 {
        let timeouts = self.members.values().map(|m| m.rebalance_timeout_ms);
        timeouts.max().unwrap_or(0)
    }

    pub(super) fn is_leader(&self, member: &MemberId) -> bool {
        self.leader.as_ref() == Some(member)
    }

    /// The answer to a member's join of the current generation.
    pub(super) fn joined(&self, member: &MemberId) -> Joined {
        let members = if self.is_leader(member) {
            self.joined_members()
        } else {
            Vec::new()
        };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_else(MemberId::none),
            member: member.clone(),
            members,
            skip_assignment: false,
        }
    }

    fn joined_members(&self) -> Vec<JoinedMember> {
        self.members
            .iter()
            .map(|(id, member)| JoinedMember {
                member: id.clone(),
                instance: member.instance.clone(),
                metadata: member.metadata(&self.protocol).cloned().unwrap_or_default(),
            })
            .collect()
    }
}
