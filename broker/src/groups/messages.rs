//! What is asked of a group and what it answers.

use bytes::Bytes;

use crate::code::Code;
use crate::names::{GroupId, InstanceId, MemberId};

#[derive(Debug, Clone)]
pub struct Join {
    pub group: GroupId,
    /// None for a member that has no id yet.
    pub member: MemberId,
    pub instance: Option<InstanceId>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: String,
    /// In the order of preference.
    pub protocols: Vec<(String, Bytes)>,
    /// The client understands `MemberIdRequired` (from version 4).
    pub id_required: bool,
    /// The client understands that its assignment is to be skipped (from version 9).
    pub skips_assignment: bool,
    /// A text that no other join has: it makes the member's id.
    pub unique: String,
    pub ticket: u64,
}

#[derive(Debug, Clone)]
pub struct Sync {
    pub group: GroupId,
    pub member: MemberId,
    pub instance: Option<InstanceId>,
    pub generation: i32,
    /// From version 5.
    pub protocol_type: Option<String>,
    /// From version 5.
    pub protocol: Option<String>,
    /// From the leader: what each member gets.
    pub assignments: Vec<(MemberId, Bytes)>,
    pub ticket: u64,
}

/// Who a request says that it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    pub member: &'a MemberId,
    pub instance: Option<&'a InstanceId>,
    pub generation: i32,
}

/// One of the members that a `LeaveGroup` names.
#[derive(Debug, Clone)]
pub struct Leaving {
    pub member: MemberId,
    pub instance: Option<InstanceId>,
}

/// An answer for the request that came with this ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    pub ticket: u64,
    pub answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Join(Result<Joined, JoinRefused>),
    Sync(Result<Synced, Code>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    pub generation: i32,
    pub protocol_type: String,
    pub protocol: String,
    pub leader: MemberId,
    pub member: MemberId,
    /// For the leader alone: whom it has to give parts to.
    pub members: Vec<JoinedMember>,
    pub skip_assignment: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    pub member: MemberId,
    pub instance: Option<InstanceId>,
    pub metadata: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRefused {
    pub code: Code,
    /// With `MemberIdRequired`, the id to come back with.
    pub member: MemberId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    pub protocol_type: String,
    pub protocol: String,
    pub assignment: Bytes,
}

/// What a `LeaveGroup` comes to: a code for each member it names, or one for all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub answer: Result<Vec<Code>, Code>,
    pub released: Vec<Released>,
}

impl Released {
    pub(super) fn refused(ticket: u64, code: Code, member: MemberId) -> Self {
        Self {
            ticket,
            answer: Answer::Join(Err(JoinRefused { code, member })),
        }
    }

    pub(super) fn unsynced(ticket: u64, code: Code) -> Self {
        Self {
            ticket,
            answer: Answer::Sync(Err(code)),
        }
    }
}
