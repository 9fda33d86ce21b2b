//! `JoinGroup`, `SyncGroup`, `Heartbeat` and `LeaveGroup`.

use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    self, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, LeaveGroupResponse, ResponseKind, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::Outcome;
use super::offsets::claimed;
use super::words::{some, text};
use crate::call::{Answer, Client, Reply};
use crate::code::Code;
use crate::core::Core;
use crate::groups::{Join, JoinRefused, Joined, Leaving, Sync, Synced};
use crate::names::{GroupId, InstanceId, MemberId};

/// A parked join or sync: where its answer goes, and in which version.
#[derive(Debug)]
pub(crate) struct GroupReply {
    pub(crate) reply: Reply,
    pub(crate) version: i16,
}

const JOIN_KNOWS_REBALANCE_TIMEOUT: i16 = 1;
const JOIN_KNOWS_ID_REQUIRED: i16 = 4;
const JOIN_KNOWS_NO_PROTOCOL: i16 = 7;
const JOIN_KNOWS_SKIP: i16 = 9;
const SYNC_KNOWS_PROTOCOL: i16 = 5;
const LEAVE_NAMES_MEMBERS: i16 = 3;

pub(super) fn join(
    core: &mut Core,
    version: i16,
    request: JoinGroupRequest,
    client: &Client,
    reply: Reply,
    now_ms: i64,
) {
    let ticket = core.fresh_ticket();
    match asked_to_join(core, version, request, client, ticket) {
        Ok(join) => {
            core.park_group(ticket, GroupReply { reply, version });
            let released = core.groups.join(join, now_ms);
            core.release(released);
        }
        Err(refused) => {
            let _ = reply.send(Answer::of(joined(version, Err(refused))));
        }
    }
}

fn asked_to_join(
    core: &mut Core,
    version: i16,
    request: JoinGroupRequest,
    client: &Client,
    ticket: u64,
) -> Result<Join, JoinRefused> {
    let refused = |code| JoinRefused {
        code,
        member: MemberId::none(),
    };
    let session = core.settings.session_timeout_min_ms..=core.settings.session_timeout_max_ms;
    if !session.contains(&request.session_timeout_ms) {
        return Err(refused(Code::InvalidSessionTimeout));
    }
    let claim = claimed(&request.member_id, request.group_instance_id.as_ref(), -1);
    let (member, instance) = claim.map_err(refused)?.into_names();
    let protocols = request.protocols.into_iter();
    Ok(Join {
        group: group(&request.group_id).map_err(refused)?,
        member,
        instance,
        client_id: client.id.to_string(),
        client_host: client.host.to_string(),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: if version < JOIN_KNOWS_REBALANCE_TIMEOUT {
            request.session_timeout_ms
        } else {
            request.rebalance_timeout_ms
        },
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols
            .map(|protocol| (protocol.name.to_string(), protocol.metadata))
            .collect(),
        id_required: version >= JOIN_KNOWS_ID_REQUIRED,
        skips_assignment: version >= JOIN_KNOWS_SKIP,
        unique: core.fresh_uuid().to_string(),
        ticket,
    })
}

fn group(id: &messages::GroupId) -> Result<GroupId, Code> {
    GroupId::try_from(id.as_str()).map_err(|_| Code::InvalidGroupId)
}

/// What a join is told, in the form of its version.
pub(crate) fn joined(version: i16, answer: Result<Joined, JoinRefused>) -> ResponseKind {
    let response = match answer {
        Ok(joined) => {
            let members = joined.members.into_iter().map(|member| {
                JoinGroupResponseMember::default()
                    .with_member_id(text(member.member.as_str()))
                    .with_group_instance_id(instance(member.instance.as_ref()))
                    .with_metadata(member.metadata)
            });
            JoinGroupResponse::default()
                .with_generation_id(joined.generation)
                .with_protocol_type(some(&joined.protocol_type))
                .with_protocol_name(some(&joined.protocol))
                .with_leader(text(joined.leader.as_str()))
                .with_skip_assignment(joined.skip_assignment)
                .with_member_id(text(joined.member.as_str()))
                .with_members(members.collect())
        }
        Err(refused) => JoinGroupResponse::default()
            .with_error_code(refused.code.number())
            .with_generation_id(-1)
            .with_protocol_name(if version >= JOIN_KNOWS_NO_PROTOCOL {
                None
            } else {
                Some(StrBytes::new())
            })
            .with_member_id(text(refused.member.as_str())),
    };
    ResponseKind::JoinGroup(response)
}

fn instance(id: Option<&InstanceId>) -> Option<StrBytes> {
    id.map(|id| text(id.as_str()))
}

pub(super) fn sync(
    core: &mut Core,
    version: i16,
    request: SyncGroupRequest,
    reply: Reply,
    now_ms: i64,
) {
    let ticket = core.fresh_ticket();
    match asked_to_sync(version, request, ticket) {
        Ok(sync) => {
            core.park_group(ticket, GroupReply { reply, version });
            let released = core.groups.sync(sync, now_ms);
            core.release(released);
        }
        Err(code) => {
            let _ = reply.send(Answer::of(synced(Err(code))));
        }
    }
}

fn asked_to_sync(version: i16, request: SyncGroupRequest, ticket: u64) -> Result<Sync, Code> {
    let claim = claimed(
        &request.member_id,
        request.group_instance_id.as_ref(),
        request.generation_id,
    );
    let (member, instance) = claim?.into_names();
    let mut assignments = Vec::new();
    for assigned in request.assignments {
        let member = MemberId::try_from(assigned.member_id.as_str());
        assignments.push((
            member.map_err(|_| Code::UnknownMemberId)?,
            assigned.assignment,
        ));
    }
    let known = |said: Option<StrBytes>| {
        said.filter(|_| version >= SYNC_KNOWS_PROTOCOL)
            .map(|said| said.to_string())
    };
    Ok(Sync {
        group: group(&request.group_id)?,
        member,
        instance,
        generation: request.generation_id,
        protocol_type: known(request.protocol_type),
        protocol: known(request.protocol_name),
        assignments,
        ticket,
    })
}

/// What a sync is told.
pub(crate) fn synced(answer: Result<Synced, Code>) -> ResponseKind {
    let response = match answer {
        Ok(synced) => SyncGroupResponse::default()
            .with_protocol_type(some(&synced.protocol_type))
            .with_protocol_name(some(&synced.protocol))
            .with_assignment(synced.assignment),
        Err(code) => SyncGroupResponse::default().with_error_code(code.number()),
    };
    ResponseKind::SyncGroup(response)
}

pub(super) fn heartbeat(core: &mut Core, request: &HeartbeatRequest, now_ms: i64) -> Outcome {
    let instance = request.group_instance_id.as_ref();
    let beat = claimed(&request.member_id, instance, request.generation_id).and_then(|claim| {
        let group = group(&request.group_id)?;
        core.groups.heartbeat(&group, claim.claim(), now_ms)
    });
    let code = beat.err().unwrap_or(Code::None);
    Outcome::Now(ResponseKind::Heartbeat(
        HeartbeatResponse::default().with_error_code(code.number()),
    ))
}

pub(super) fn leave(
    core: &mut Core,
    version: i16,
    request: LeaveGroupRequest,
    now_ms: i64,
) -> Outcome {
    let members = if version >= LEAVE_NAMES_MEMBERS {
        request.members
    } else {
        vec![MemberIdentity::default().with_member_id(request.member_id)]
    };
    let mut response = LeaveGroupResponse::default();
    match left(core, &request.group_id, &members, now_ms) {
        Err(code) => response.error_code = code.number(),
        Ok(codes) if version < LEAVE_NAMES_MEMBERS => {
            response.error_code = codes.first().map_or(0, |code| code.number());
        }
        Ok(codes) => {
            let members = members.into_iter().zip(codes).map(|(member, code)| {
                MemberResponse::default()
                    .with_member_id(member.member_id)
                    .with_group_instance_id(member.group_instance_id)
                    .with_error_code(code.number())
            });
            response.members = members.collect();
        }
    }
    Outcome::Now(ResponseKind::LeaveGroup(response))
}

fn left(
    core: &mut Core,
    id: &messages::GroupId,
    members: &[MemberIdentity],
    now_ms: i64,
) -> Result<Vec<Code>, Code> {
    let group = group(id)?;
    let mut leaving = Vec::new();
    for member in members {
        let claim = claimed(&member.member_id, member.group_instance_id.as_ref(), -1);
        let (member, instance) = claim?.into_names();
        leaving.push(Leaving { member, instance });
    }
    let left = core.groups.leave(&group, &leaving, now_ms);
    core.release(left.released);
    left.answer
}
