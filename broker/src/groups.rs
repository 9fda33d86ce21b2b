//! The group coordinator of the classic protocol: who is in a group, and who got which part.
//!
//! It changes in place and nothing of it is stored: after a restart the members join anew, and
//! whoever still speaks for an old generation is refused. A `JoinGroup` or `SyncGroup` carries a
//! ticket, under which its answer comes back: at once, from a later call for another member, or
//! from [`Groups::tick`], to be called at [`Groups::next_deadline_ms`]. Every ticket is answered
//! exactly once. Committed offsets are `offsets`' matter; whether a member may commit is decided
//! by [`Groups::check_commit`].

mod administration;
mod group;
mod heartbeat;
mod join;
mod leave;
mod member;
mod messages;
#[cfg(test)]
mod properties;
mod rebalance;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;
mod timers;

use std::collections::{BTreeMap, BTreeSet};

pub use self::administration::{Described, DescribedMember, Listed};
use self::group::Group;
pub use self::group::State;
pub use self::messages::{
    Answer, Claim, Join, JoinRefused, Joined, JoinedMember, Leaving, Left, Released, Sync, Synced,
};
use crate::names::GroupId;

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long the first member of a group waits for others, and each of those for the next.
    pub initial_rebalance_delay_ms: i64,
}

#[derive(Debug)]
pub struct Groups {
    settings: Settings,
    started_ms: i64,
    groups: BTreeMap<GroupId, Group>,
    /// When each group has to be looked at again.
    deadlines: BTreeSet<(i64, GroupId)>,
}

impl Groups {
    #[must_use]
    pub fn new(settings: Settings, now_ms: i64) -> Self {
        Self {
            settings,
            started_ms: now_ms,
            groups: BTreeMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    /// When [`Self::tick`] has something to do next.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    /// Removes members that have been silent for too long, and completes what waited for them.
    pub fn tick(&mut self, now_ms: i64) -> Vec<Released> {
        let due: Vec<GroupId> = self
            .deadlines
            .iter()
            .take_while(|(deadline_ms, _)| *deadline_ms <= now_ms)
            .map(|(_, id)| id.clone())
            .collect();
        let mut released = Vec::new();
        for id in due {
            self.with(&id, |group| group.tick(now_ms, &mut released));
        }
        released
    }

    /// The one way to change a group: its deadline moves with it, and a group that never came to
    /// be is dropped again.
    fn with<T>(&mut self, id: &GroupId, change: impl FnOnce(&mut Group) -> T) -> Option<T> {
        let group = self.groups.get_mut(id)?;
        let before = group.next_deadline_ms();
        let answer = change(group);
        let after = group.next_deadline_ms();
        let void = group.is_void();
        if before != after {
            if let Some(before) = before {
                self.deadlines.remove(&(before, id.clone()));
            }
            if let Some(after) = after {
                self.deadlines.insert((after, id.clone()));
            }
        }
        if void {
            self.groups.remove(id);
        }
        Some(answer)
    }
}
