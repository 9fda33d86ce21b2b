//! `Heartbeat`, and whether one who commits offsets may.

use trueup_plants::{Plant, planted};

use super::Groups;
use super::group::{Group, State};
use super::messages::Claim;
use crate::code::Code;
use crate::names::GroupId;

impl Groups {
    /// # Errors
    /// What the member is to do: join again, or give up.
    pub fn heartbeat(
        &mut self,
        group: &GroupId,
        claim: Claim<'_>,
        now_ms: i64,
    ) -> Result<(), Code> {
        if group.as_str().is_empty() {
            return Err(Code::InvalidGroupId);
        }
        self.with(group, |group| group.heartbeat(claim, now_ms))
            .unwrap_or(Err(Code::UnknownMemberId))
    }

    /// Whether offsets may be committed by the one who claims to be of this generation. Without
    /// a generation a group that has no members takes them from anyone, and within a transaction
    /// any group does: producers from before KIP-447 say nothing else.
    ///
    /// # Errors
    /// What the commit is to be answered with.
    pub fn check_commit(
        &mut self,
        group: &GroupId,
        claim: Claim<'_>,
        transactional: bool,
        now_ms: i64,
    ) -> Result<(), Code> {
        let checked = self.with(group, |group| {
            group.check_commit(claim, transactional, now_ms)
        });
        checked.unwrap_or_else(|| {
            // No such group, as after a restart: whoever believes in a generation joins anew.
            if claim.generation >= 0 && !planted(Plant::GenerationUnchecked) {
                return Err(Code::IllegalGeneration);
            }
            Ok(())
        })
    }
}

impl Claim<'_> {
    fn is_member(self) -> bool {
        self.generation >= 0 || !self.member.is_none() || self.instance.is_some()
    }
}

impl Group {
    fn heartbeat(&mut self, claim: Claim<'_>, now_ms: i64) -> Result<(), Code> {
        self.admit_now(claim)?;
        self.hear_of(claim, now_ms);
        match self.state() {
            State::Empty => Err(Code::UnknownMemberId),
            State::PreparingRebalance => Err(Code::RebalanceInProgress),
            State::CompletingRebalance | State::Stable => Ok(()),
        }
    }

    fn check_commit(
        &mut self,
        claim: Claim<'_>,
        transactional: bool,
        now_ms: i64,
    ) -> Result<(), Code> {
        let state = self.state();
        if claim.generation < 0 && state == State::Empty {
            return Ok(());
        }
        if claim.is_member() {
            self.admit_now(claim)?;
        } else if !transactional && state != State::Empty {
            return Err(Code::UnknownMemberId);
        }
        if transactional {
            return Ok(());
        }
        match state {
            // Its generation is the new one, of which it has no part yet.
            State::CompletingRebalance => Err(Code::RebalanceInProgress),
            // A member may commit what it did until it joins again.
            State::PreparingRebalance | State::Stable => {
                self.hear_of(claim, now_ms);
                Ok(())
            }
            State::Empty => Ok(()),
        }
    }

    fn hear_of(&mut self, claim: Claim<'_>, now_ms: i64) {
        if let Some(member) = self.members.get_mut(claim.member) {
            member.is_alive(now_ms);
        }
    }
}
