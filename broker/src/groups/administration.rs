//! What administrators ask: list, describe, delete; and the tidying up of what is long idle.
//!
//! A group exists when it has members, or had some lately, or has committed offsets.

use bytes::Bytes;

use super::Groups;
use super::group::{Group, State};
use super::subscription::{CONSUMER, topics};
use crate::code::Code;
use crate::names::{GroupId, InstanceId, MemberId, TopicName, TopicPartition};
use crate::offsets::{Change, CommitOutcome, Offsets};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub group: GroupId,
    pub protocol_type: String,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    pub state: State,
    pub protocol_type: String,
    /// Empty while there is no assignment; so are the members' metadata and assignments.
    pub protocol: String,
    pub members: Vec<DescribedMember>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedMember {
    pub member: MemberId,
    pub instance: Option<InstanceId>,
    pub client_id: String,
    pub client_host: String,
    pub metadata: Bytes,
    pub assignment: Bytes,
}

impl Groups {
    #[must_use]
    pub fn list(&self, offsets: &Offsets) -> Vec<Listed> {
        let mut listed: Vec<Listed> = self
            .groups
            .iter()
            .map(|(id, group)| Listed {
                group: id.clone(),
                protocol_type: group.protocol_type.clone(),
                state: group.state(),
            })
            .collect();
        let without_members = offsets.groups().filter(|id| !self.groups.contains_key(*id));
        listed.extend(without_members.map(|id| Listed {
            group: id.clone(),
            protocol_type: String::new(),
            state: State::Empty,
        }));
        listed
    }

    #[must_use]
    pub fn describe(&self, id: &GroupId, offsets: &Offsets) -> Option<Described> {
        if let Some(group) = self.groups.get(id) {
            return Some(group.described());
        }
        offsets.contains(id.as_str()).then(|| Described {
            state: State::Empty,
            protocol_type: String::new(),
            protocol: String::new(),
            members: Vec::new(),
        })
    }

    /// # Errors
    /// There is no such group, or it has members.
    pub fn delete(&mut self, id: &GroupId, offsets: &Offsets) -> Result<Option<Change>, Code> {
        let has_offsets = offsets.contains(id.as_str());
        match self.groups.get(id).map(Group::state) {
            None if !has_offsets => return Err(Code::GroupIdNotFound),
            None => {}
            Some(State::Empty) => self.forget(id),
            Some(State::PreparingRebalance | State::CompletingRebalance | State::Stable) => {
                return Err(Code::NonEmptyGroup);
            }
        }
        Ok(has_offsets.then(|| Change::GroupForgotten { group: id.clone() }))
    }

    /// # Errors
    /// There is no such group, or it has members of which the broker cannot tell what they read.
    pub fn delete_offsets(
        &self,
        id: &GroupId,
        partitions: &[TopicPartition],
        offsets: &Offsets,
    ) -> Result<CommitOutcome, Code> {
        let group = self.groups.get(id);
        if group.is_none() && !offsets.contains(id.as_str()) {
            return Err(Code::GroupIdNotFound);
        }
        let group = group.filter(|group| group.state() != State::Empty);
        if group.is_some_and(|group| group.protocol_type != CONSUMER) {
            return Err(Code::NonEmptyGroup);
        }
        let is_read = |topic: &TopicName| group.is_some_and(|group| group.reads(topic));
        let codes: Vec<(TopicPartition, Code)> = partitions
            .iter()
            .map(|partition| match is_read(&partition.topic) {
                true => (partition.clone(), Code::GroupSubscribedToTopic),
                false => (partition.clone(), Code::None),
            })
            .collect();
        let partitions: Vec<TopicPartition> = codes
            .iter()
            .filter(|(_, code)| *code == Code::None)
            .map(|(partition, _)| partition.clone())
            .collect();
        let change = (!partitions.is_empty()).then(|| Change::Forgotten {
            group: id.clone(),
            partitions,
        });
        Ok(CommitOutcome { codes, change })
    }

    /// Lets go of what is long idle: offsets of groups without members, and groups that have
    /// neither members nor offsets. To be called every few minutes.
    pub fn sweep(&mut self, offsets: &Offsets, now_ms: i64) -> Vec<Change> {
        let changes = offsets
            .groups()
            .filter_map(|id| {
                let idle_since_ms = match self.groups.get(id) {
                    // Before the start nobody knows who was a member.
                    None => self.started_ms,
                    Some(group) if group.state() == State::Empty => group.idle_since_ms,
                    Some(_) => return None,
                };
                offsets.expired(id, idle_since_ms, now_ms)
            })
            .collect();
        let void: Vec<GroupId> = self
            .groups
            .iter()
            .filter(|(id, group)| group.is_idle() && !offsets.contains(id.as_str()))
            .map(|(id, _)| id.clone())
            .collect();
        for id in void {
            self.forget(&id);
        }
        changes
    }

    fn forget(&mut self, id: &GroupId) {
        if let Some(group) = self.groups.remove(id)
            && let Some(deadline_ms) = group.next_deadline_ms()
        {
            self.deadlines.remove(&(deadline_ms, id.clone()));
        }
    }
}

impl Group {
    fn is_idle(&self) -> bool {
        self.state() == State::Empty && self.invited.is_empty()
    }

    fn described(&self) -> Described {
        let state = self.state();
        let is_stable = state == State::Stable;
        let shown = |bytes: &Bytes| {
            if is_stable {
                bytes.clone()
            } else {
                Bytes::new()
            }
        };
        Described {
            state,
            protocol_type: self.protocol_type.clone(),
            protocol: if is_stable {
                self.protocol.clone()
            } else {
                String::new()
            },
            members: self
                .members
                .iter()
                .map(|(id, member)| DescribedMember {
                    member: id.clone(),
                    instance: member.instance.clone(),
                    client_id: member.client_id.clone(),
                    client_host: member.client_host.clone(),
                    metadata: member
                        .metadata(&self.protocol)
                        .map(shown)
                        .unwrap_or_default(),
                    assignment: shown(&member.assignment),
                })
                .collect(),
        }
    }

    /// Whether a member may read the topic: also where its subscription cannot be read.
    fn reads(&self, topic: &TopicName) -> bool {
        let mut metadata = self.members.values().flat_map(|member| &member.protocols);
        metadata.any(|(_, metadata)| {
            topics(metadata.clone())
                .is_none_or(|topics| topics.iter().any(|name| name == topic.as_str()))
        })
    }
}
