//! What time does to a group.

use super::group::{Group, Phase};
use super::messages::Released;
use crate::names::MemberId;

impl Group {
    pub(super) fn next_deadline_ms(&self) -> Option<i64> {
        let phase_ms = match self.phase {
            Phase::Empty => None,
            Phase::Gathering { due_ms, .. }
            | Phase::Joining { due_ms }
            | Phase::Completing { due_ms } => Some(due_ms),
            Phase::Stable { due_ms } => due_ms,
        };
        let members_ms = self.members.values().filter_map(|m| m.expires_ms()).min();
        let invited_ms = self.invited.values().min().copied();
        [phase_ms, members_ms, invited_ms]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn tick(&mut self, now_ms: i64, released: &mut Vec<Released>) {
        self.invited.retain(|_, due_ms| *due_ms > now_ms);
        self.complete_if_all_joined(now_ms, released);
        // One at a time: what the first one's absence does may answer for the next.
        while let Some(silent) = self.first_silent(now_ms) {
            self.remove(&silent, released);
            self.go_on_without(now_ms, released);
        }
        match self.phase {
            Phase::Gathering {
                due_ms,
                left_ms,
                more,
            } if due_ms <= now_ms => {
                if more && left_ms > 0 {
                    let delay_ms = self.initial_delay_ms.min(left_ms);
                    self.phase = Phase::Gathering {
                        due_ms: now_ms.saturating_add(delay_ms),
                        left_ms: left_ms - delay_ms,
                        more: false,
                    };
                } else {
                    self.complete_join(now_ms, released);
                }
            }
            Phase::Joining { due_ms } if due_ms <= now_ms => self.complete_join(now_ms, released),
            Phase::Completing { due_ms }
            | Phase::Stable {
                due_ms: Some(due_ms),
            } if due_ms <= now_ms => self.remove_unsynced(now_ms, released),
            Phase::Empty
            | Phase::Gathering { .. }
            | Phase::Joining { .. }
            | Phase::Completing { .. }
            | Phase::Stable { .. } => {}
        }
    }

    fn first_silent(&self, now_ms: i64) -> Option<MemberId> {
        let silent = |at_ms: i64| at_ms <= now_ms;
        self.members
            .iter()
            .find(|(_, member)| member.expires_ms().is_some_and(silent))
            .map(|(id, _)| id.clone())
    }

    /// A member that joined and then did not ask for its part holds all others up.
    fn remove_unsynced(&mut self, now_ms: i64, released: &mut Vec<Released>) {
        let unsynced: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, member)| !member.has_synced)
            .map(|(id, _)| id.clone())
            .collect();
        for id in &unsynced {
            self.remove(id, released);
        }
        self.rebalance(now_ms, released);
    }
}
