//! `LeaveGroup`, by the member itself or by an administrator, and what a missing member means.

use super::Groups;
use super::group::{Group, State};
use super::messages::{Leaving, Left, Released};
use crate::code::Code;
use crate::names::{GroupId, MemberId};

impl Groups {
    pub fn leave(&mut self, group: &GroupId, leaving: &[Leaving], now_ms: i64) -> Left {
        let mut released = Vec::new();
        if group.as_str().is_empty() {
            let answer = Err(Code::InvalidGroupId);
            return Left { answer, released };
        }
        let codes = self.with(group, |group| {
            leaving
                .iter()
                .map(|leaving| group.leave(leaving, now_ms, &mut released))
                .map(|left| left.err().unwrap_or(Code::None))
                .collect()
        });
        let unknown = || leaving.iter().map(|_| Code::UnknownMemberId).collect();
        let answer = Ok(codes.unwrap_or_else(unknown));
        Left { answer, released }
    }
}

impl Group {
    fn leave(
        &mut self,
        leaving: &Leaving,
        now_ms: i64,
        released: &mut Vec<Released>,
    ) -> Result<(), Code> {
        if self.invited.remove(&leaving.member).is_some() {
            self.complete_if_all_joined(now_ms, released);
            return Ok(());
        }
        let instance = leaving.instance.as_ref();
        let id = if leaving.member.is_none() {
            // An administrator removes a static member by the name of its instance.
            let current = instance.and_then(|instance| self.instances.get(instance));
            current.ok_or(Code::UnknownMemberId)?.clone()
        } else {
            self.admit(&leaving.member, instance)?;
            leaving.member.clone()
        };
        self.remove(&id, released);
        self.go_on_without(now_ms, released);
        Ok(())
    }

    /// Takes a member out. What is to become of the others is the caller's to say.
    pub(super) fn remove(&mut self, id: &MemberId, released: &mut Vec<Released>) {
        let Some(mut member) = self.members.remove(id) else {
            return;
        };
        member.dismiss(Code::UnknownMemberId, &MemberId::none(), released);
        if let Some(instance) = &member.instance {
            self.instances.remove(instance);
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    pub(super) fn go_on_without(&mut self, now_ms: i64, released: &mut Vec<Released>) {
        match self.state() {
            State::Stable | State::CompletingRebalance => self.rebalance(now_ms, released),
            State::PreparingRebalance => self.complete_if_all_joined(now_ms, released),
            State::Empty => {}
        }
    }
}
