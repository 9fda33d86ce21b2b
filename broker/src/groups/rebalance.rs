//! From one generation to the next.

use super::group::{Group, Phase, State};
use super::messages::{Answer, Released};
use crate::code::Code;
use crate::names::MemberId;

impl Group {
    pub(super) fn rebalance_unless_preparing(&mut self, now_ms: i64, released: &mut Vec<Released>) {
        if self.state() != State::PreparingRebalance {
            self.rebalance(now_ms, released);
        }
    }

    /// Has the members join again. They hear of it by their heartbeats, or now if they wait for
    /// their part.
    pub(super) fn rebalance(&mut self, now_ms: i64, released: &mut Vec<Released>) {
        if self.state() == State::CompletingRebalance {
            for member in self.members.values_mut() {
                member.assignment.clear();
                if member.sync_ticket.is_some() {
                    member.is_alive(now_ms);
                }
                member.refuse_sync(Code::RebalanceInProgress, released);
            }
        }
        let timeout_ms = self.rebalance_timeout_ms();
        self.phase = if self.phase == Phase::Empty {
            Phase::Gathering {
                due_ms: now_ms.saturating_add(self.initial_delay_ms),
                left_ms: timeout_ms.saturating_sub(self.initial_delay_ms).max(0),
                more: false,
            }
        } else {
            Phase::Joining {
                due_ms: now_ms.saturating_add(timeout_ms),
            }
        };
        self.complete_if_all_joined(now_ms, released);
    }

    pub(super) fn complete_if_all_joined(&mut self, now_ms: i64, released: &mut Vec<Released>) {
        let all_joined =
            self.invited.is_empty() && self.members.values().all(|m| m.join_ticket.is_some());
        if all_joined && matches!(self.phase, Phase::Joining { .. }) {
            self.complete_join(now_ms, released);
        }
    }

    /// Begins the next generation with those that have joined, and the static members: those keep
    /// their seats until their sessions end.
    pub(super) fn complete_join(&mut self, now_ms: i64, released: &mut Vec<Released>) {
        let absent: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, member)| member.join_ticket.is_none() && !member.is_static())
            .map(|(id, _)| id.clone())
            .collect();
        for id in absent {
            self.remove(&id, released);
        }
        if self.members.is_empty() {
            self.generation = self.generation.saturating_add(1);
            self.protocol.clear();
            self.phase = Phase::Empty;
            self.idle_since_ms = now_ms;
            return;
        }
        if !self.has_joined_leader() {
            // Static members alone, and none is back: wait on, until one is or their sessions end.
            let due_ms = now_ms.saturating_add(self.rebalance_timeout_ms());
            self.phase = Phase::Joining { due_ms };
            return;
        }
        self.generation = self.generation.saturating_add(1);
        self.protocol = self.chosen_protocol().unwrap_or_default();
        self.phase = Phase::Completing {
            due_ms: now_ms.saturating_add(self.rebalance_timeout_ms()),
        };
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let joined = self.joined(&id);
            let Some(member) = self.members.get_mut(&id) else {
                continue;
            };
            member.is_alive(now_ms);
            member.is_new = false;
            member.has_synced = false;
            if let Some(ticket) = member.join_ticket.take() {
                let answer = Answer::Join(Ok(joined));
                released.push(Released { ticket, answer });
            }
        }
    }

    /// A leader that has not joined would work out no assignment: another leads then.
    fn has_joined_leader(&mut self) -> bool {
        let has_joined = |id: &MemberId| {
            let member = self.members.get(id);
            member.is_some_and(|member| member.join_ticket.is_some())
        };
        if self.leader.as_ref().is_some_and(has_joined) {
            return true;
        }
        let joined = self.members.keys().find(|id| has_joined(id)).cloned();
        let found = joined.is_some();
        if found {
            self.leader = joined;
        }
        found
    }
}
