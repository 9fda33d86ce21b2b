//! `SyncGroup`: the leader hands in what each member gets, and each member is handed its part.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Groups;
use super::group::{Group, Phase};
use super::messages::{Answer, Claim, Released, Sync, Synced};
use crate::code::Code;
use crate::limits::MAX_MEMBER_BYTES;
use crate::names::MemberId;

impl Groups {
    /// The answer to this sync may be among what is released, or come later.
    pub fn sync(&mut self, sync: Sync, now_ms: i64) -> Vec<Released> {
        let ticket = sync.ticket;
        if sync.group.as_str().is_empty() {
            return vec![Released::unsynced(ticket, Code::InvalidGroupId)];
        }
        let too_long = |(_, part): &(MemberId, Bytes)| part.len() > MAX_MEMBER_BYTES;
        if sync.assignments.iter().any(too_long) {
            return vec![Released::unsynced(ticket, Code::InvalidRequest)];
        }
        let id = sync.group.clone();
        let mut released = Vec::new();
        let known = self.with(&id, |group| {
            if let Err(code) = group.sync(sync, now_ms, &mut released) {
                released.push(Released::unsynced(ticket, code));
            }
        });
        if known.is_none() {
            released.push(Released::unsynced(ticket, Code::UnknownMemberId));
        }
        released
    }
}

impl Group {
    fn sync(&mut self, sync: Sync, now_ms: i64, released: &mut Vec<Released>) -> Result<(), Code> {
        self.admit_now(Claim {
            member: &sync.member,
            instance: sync.instance.as_ref(),
            generation: sync.generation,
        })?;
        let differs = |said: &Option<String>, is: &str| said.as_deref().is_some_and(|s| s != is);
        if differs(&sync.protocol_type, &self.protocol_type)
            || differs(&sync.protocol, &self.protocol)
        {
            return Err(Code::InconsistentGroupProtocol);
        }
        match self.phase {
            Phase::Empty => return Err(Code::UnknownMemberId),
            Phase::Gathering { .. } | Phase::Joining { .. } => {
                return Err(Code::RebalanceInProgress);
            }
            Phase::Completing { due_ms } => {
                let leads = self.is_leader(&sync.member);
                if let Some(member) = self.members.get_mut(&sync.member) {
                    member.refuse_sync(Code::RebalanceInProgress, released);
                    member.sync_ticket = Some(sync.ticket);
                    member.has_synced = true;
                }
                if leads {
                    self.phase = Phase::Stable {
                        due_ms: Some(due_ms),
                    };
                    self.hand_out(sync.assignments, now_ms, released);
                }
            }
            Phase::Stable { .. } => {
                let (protocol_type, protocol) = (&self.protocol_type, &self.protocol);
                if let Some(member) = self.members.get_mut(&sync.member) {
                    member.has_synced = true;
                    member.is_alive(now_ms);
                    released.push(Released {
                        ticket: sync.ticket,
                        answer: Answer::Sync(Ok(Synced {
                            protocol_type: protocol_type.clone(),
                            protocol: protocol.clone(),
                            assignment: member.assignment.clone(),
                        })),
                    });
                }
            }
        }
        self.rest_if_all_synced();
        Ok(())
    }

    /// Who is no member gets nothing, whatever the leader says; a member that the leader does not
    /// name gets an empty part.
    fn hand_out(
        &mut self,
        assignments: Vec<(MemberId, Bytes)>,
        now_ms: i64,
        released: &mut Vec<Released>,
    ) {
        let mut assignments: BTreeMap<MemberId, Bytes> = assignments.into_iter().collect();
        for (id, member) in &mut self.members {
            member.assignment = assignments.remove(id).unwrap_or_default();
            if let Some(ticket) = member.sync_ticket.take() {
                member.is_alive(now_ms);
                let answer = Answer::Sync(Ok(Synced {
                    protocol_type: self.protocol_type.clone(),
                    protocol: self.protocol.clone(),
                    assignment: member.assignment.clone(),
                }));
                released.push(Released { ticket, answer });
            }
        }
    }

    fn rest_if_all_synced(&mut self) {
        if let Phase::Stable { due_ms } = &mut self.phase
            && self.members.values().all(|member| member.has_synced)
        {
            *due_ms = None;
        }
    }
}
