//! The APIs of groups and their offsets.

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    ApiKey, DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, GroupId,
    HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetDeleteRequest, OffsetFetchRequest, RequestKind, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::{Announced, Connection, text};

const MEMBER_ID_REQUIRED: i16 = 79;
const NON_EMPTY_GROUP: i16 = 68;
/// A member with a session longer than the test; no version needs more of it.
const SESSION_MS: i32 = 30_000;

struct Member {
    group: GroupId,
    id: StrBytes,
    generation: i32,
}

pub(super) fn ask(connection: &mut Connection<'_>, announced: &Announced) {
    find(connection, announced);
    join(connection, announced);
    let member = joined(connection, "stays");
    stay(connection, announced, &member);
    offsets(connection, announced, &member);
    view(connection, announced, &member);
    leave(connection, announced);
    delete(connection, announced, &member);
}

fn find(connection: &mut Connection<'_>, announced: &Announced) {
    let group = connection.group("found").0;
    connection.each(
        announced,
        ApiKey::FindCoordinator,
        |version| {
            let request = FindCoordinatorRequest::default();
            RequestKind::FindCoordinator(if version < 4 {
                request.with_key(group.clone())
            } else {
                request.with_coordinator_keys(vec![group.clone()])
            })
        },
        |version, response| {
            let told = told!(FindCoordinator, response);
            let (code, port) = if version < 4 {
                (told.error_code, told.port)
            } else {
                (told.coordinators[0].error_code, told.coordinators[0].port)
            };
            assert_eq!(code, 0, "{version}");
            assert_ne!(port, 0, "{version}");
        },
    );
}

fn joining(group: &GroupId) -> JoinGroupRequest {
    // The subscription of a consumer to no topic: its version, no names, no data.
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    JoinGroupRequest::default()
        .with_group_id(group.clone())
        .with_session_timeout_ms(SESSION_MS)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol])
}

fn join(connection: &mut Connection<'_>, announced: &Announced) {
    let prefix = connection.site.prefix();
    let group = |version: i16| GroupId(text(&format!("{prefix}joined-{version}")));
    connection.each(
        announced,
        ApiKey::JoinGroup,
        |version| {
            let request = joining(&group(version));
            let request = if version < 1 {
                request
            } else {
                request.with_rebalance_timeout_ms(10_000)
            };
            RequestKind::JoinGroup(if version < 5 {
                request
            } else {
                request.with_group_instance_id(Some(text("static")))
            })
        },
        |version, response| {
            let told = told!(JoinGroup, response);
            assert!(!told.member_id.is_empty(), "{version}");
            // From here on a member asks twice, unless it is a static one.
            if version == 4 {
                assert_eq!(told.error_code, MEMBER_ID_REQUIRED);
                return;
            }
            assert_eq!(told.error_code, 0, "{version}");
            assert_eq!(told.generation_id, 1, "{version}");
            assert_eq!(told.leader, told.member_id, "{version}");
            assert_eq!(told.protocol_name, Some(text("range")), "{version}");
            assert_eq!(told.members.len(), 1, "{version}");
        },
    );
}

fn joined(connection: &mut Connection<'_>, name: &str) -> Member {
    let group = connection.group(name);
    let request = RequestKind::JoinGroup(joining(&group).with_rebalance_timeout_ms(10_000));
    let told = told!(JoinGroup, connection.ask(ApiKey::JoinGroup, 3, &request));
    assert_eq!(told.error_code, 0);
    Member {
        group,
        id: told.member_id,
        generation: told.generation_id,
    }
}

fn stay(connection: &mut Connection<'_>, announced: &Announced, member: &Member) {
    connection.each(
        announced,
        ApiKey::SyncGroup,
        |version| {
            let assignment = SyncGroupRequestAssignment::default()
                .with_member_id(member.id.clone())
                .with_assignment(Bytes::from_static(b"all"));
            let request = SyncGroupRequest::default()
                .with_group_id(member.group.clone())
                .with_generation_id(member.generation)
                .with_member_id(member.id.clone())
                .with_assignments(vec![assignment]);
            RequestKind::SyncGroup(if version < 5 {
                request
            } else {
                request
                    .with_protocol_type(Some(text("consumer")))
                    .with_protocol_name(Some(text("range")))
            })
        },
        |version, response| {
            let told = told!(SyncGroup, response);
            assert_eq!(told.error_code, 0, "{version}");
            assert_eq!(told.assignment.as_ref(), b"all", "{version}");
        },
    );
    connection.each(
        announced,
        ApiKey::Heartbeat,
        |_| {
            let request = HeartbeatRequest::default()
                .with_group_id(member.group.clone())
                .with_generation_id(member.generation)
                .with_member_id(member.id.clone());
            RequestKind::Heartbeat(request)
        },
        |version, response| {
            let told = told!(Heartbeat, response);
            assert_eq!(told.error_code, 0, "{version}");
        },
    );
}

fn offsets(connection: &mut Connection<'_>, announced: &Announced, member: &Member) {
    let topic = connection.topic("t");
    connection.each(
        announced,
        ApiKey::OffsetCommit,
        |version| {
            let partition = OffsetCommitRequestPartition::default()
                .with_partition_index(0)
                .with_committed_offset(i64::from(version))
                .with_committed_metadata(Some(text("m")));
            let asked = OffsetCommitRequestTopic::default()
                .with_name(topic.clone())
                .with_partitions(vec![partition]);
            let request = OffsetCommitRequest::default()
                .with_group_id(member.group.clone())
                .with_generation_id_or_member_epoch(member.generation)
                .with_member_id(member.id.clone())
                .with_topics(vec![asked]);
            RequestKind::OffsetCommit(request)
        },
        |version, response| {
            let told = told!(OffsetCommit, response);
            assert_eq!(told.topics[0].partitions[0].error_code, 0, "{version}");
        },
    );
    connection.each(
        announced,
        ApiKey::OffsetFetch,
        |version| {
            let request = OffsetFetchRequest::default().with_require_stable(version >= 7);
            RequestKind::OffsetFetch(if version < 8 {
                let asked = OffsetFetchRequestTopic::default()
                    .with_name(topic.clone())
                    .with_partition_indexes(vec![0]);
                request
                    .with_group_id(member.group.clone())
                    .with_topics(Some(vec![asked]))
            } else {
                let asked = OffsetFetchRequestTopics::default()
                    .with_name(topic.clone())
                    .with_partition_indexes(vec![0]);
                let group = OffsetFetchRequestGroup::default()
                    .with_group_id(member.group.clone())
                    .with_topics(Some(vec![asked]));
                request.with_groups(vec![group])
            })
        },
        |version, response| {
            let told = told!(OffsetFetch, response);
            let (code, offset, metadata) = if version < 8 {
                let found = &told.topics[0].partitions[0];
                (found.error_code, found.committed_offset, &found.metadata)
            } else {
                let found = &told.groups[0].topics[0].partitions[0];
                (found.error_code, found.committed_offset, &found.metadata)
            };
            assert_eq!(code, 0, "{version}");
            // What the newest commit above said.
            assert_eq!(offset, 9, "{version}");
            assert_eq!(*metadata, Some(text("m")), "{version}");
        },
    );
}

fn view(connection: &mut Connection<'_>, announced: &Announced, member: &Member) {
    connection.each(
        announced,
        ApiKey::DescribeGroups,
        |version| {
            let request = DescribeGroupsRequest::default()
                .with_groups(vec![member.group.clone()])
                .with_include_authorized_operations(version >= 3);
            RequestKind::DescribeGroups(request)
        },
        |version, response| {
            let told = told!(DescribeGroups, response);
            let group = &told.groups[0];
            assert_eq!(group.error_code, 0, "{version}");
            assert_eq!(group.group_state, text("Stable"), "{version}");
            assert_eq!(group.members[0].member_id, member.id, "{version}");
            assert_eq!(group.members[0].client_id, text("versions"), "{version}");
        },
    );
    connection.each(
        announced,
        ApiKey::ListGroups,
        |version| {
            let request = ListGroupsRequest::default();
            RequestKind::ListGroups(if version < 4 {
                request
            } else {
                request.with_states_filter(vec![text("Stable")])
            })
        },
        |version, response| {
            let told = told!(ListGroups, response);
            assert_eq!(told.error_code, 0, "{version}");
            let mut groups = told.groups.iter();
            let found = groups.find(|it| it.group_id == member.group);
            let found = found.unwrap();
            assert_eq!(found.protocol_type, text("consumer"), "{version}");
            let state = if version < 4 { "" } else { "Stable" };
            assert_eq!(found.group_state, text(state), "{version}");
        },
    );
}

fn leave(connection: &mut Connection<'_>, announced: &Announced) {
    let members: Vec<Member> = (0..=5)
        .map(|version| joined(connection, &format!("left-{version}")))
        .collect();
    connection.each(
        announced,
        ApiKey::LeaveGroup,
        |version| {
            let member = &members[usize::try_from(version).unwrap()];
            let request = LeaveGroupRequest::default().with_group_id(member.group.clone());
            RequestKind::LeaveGroup(if version < 3 {
                request.with_member_id(member.id.clone())
            } else {
                let identity = MemberIdentity::default().with_member_id(member.id.clone());
                request.with_members(vec![identity])
            })
        },
        |version, response| {
            let told = told!(LeaveGroup, response);
            assert_eq!(told.error_code, 0, "{version}");
            if version >= 3 {
                assert_eq!(told.members[0].error_code, 0, "{version}");
            }
        },
    );
}

fn delete(connection: &mut Connection<'_>, announced: &Announced, member: &Member) {
    let topic = connection.topic("t");
    connection.each(
        announced,
        ApiKey::OffsetDelete,
        |_| {
            let partition = OffsetDeleteRequestPartition::default().with_partition_index(0);
            let asked = OffsetDeleteRequestTopic::default()
                .with_name(topic.clone())
                .with_partitions(vec![partition]);
            let request = OffsetDeleteRequest::default()
                .with_group_id(member.group.clone())
                .with_topics(vec![asked]);
            RequestKind::OffsetDelete(request)
        },
        |version, response| {
            let told = told!(OffsetDelete, response);
            assert_eq!(told.error_code, 0, "{version}");
            assert_eq!(told.topics[0].partitions[0].error_code, 0, "{version}");
        },
    );
    connection.each(
        announced,
        ApiKey::DeleteGroups,
        |_| {
            let groups = vec![member.group.clone()];
            RequestKind::DeleteGroups(DeleteGroupsRequest::default().with_groups_names(groups))
        },
        |version, response| {
            let told = told!(DeleteGroups, response);
            assert_eq!(told.results[0].error_code, NON_EMPTY_GROUP, "{version}");
        },
    );
}
