//! `ListGroups`, `DescribeGroups`, `DeleteGroups` and `OffsetDelete`.

use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::{
    self, DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    ListGroupsRequest, ListGroupsResponse, OffsetDeleteRequest, OffsetDeleteResponse, ResponseKind,
};

use super::Outcome;
use super::words::{group, partition, some, text};
use crate::code::Code;
use crate::core::{Core, Item};
use crate::names::GroupId;

const CLASSIC: &str = "Classic";
/// From this version on an unknown group is an error; before, it was one that is dead.
const DESCRIBE_KNOWS_NOT_FOUND: i16 = 6;

pub(super) fn list(core: &Core, request: &ListGroupsRequest) -> Outcome {
    let fits = |filter: &[kafka_protocol::protocol::StrBytes], value: &str| {
        let same = |wanted: &kafka_protocol::protocol::StrBytes| wanted.eq_ignore_ascii_case(value);
        filter.is_empty() || filter.iter().any(same)
    };
    let listed = core.groups.list(&core.state.offsets).into_iter();
    let listed = listed.filter(|listed| {
        fits(&request.states_filter, listed.state.as_str()) && fits(&request.types_filter, CLASSIC)
    });
    let groups = listed.map(|listed| {
        ListedGroup::default()
            .with_group_id(group(&listed.group))
            .with_protocol_type(text(&listed.protocol_type))
            .with_group_state(text(listed.state.as_str()))
            .with_group_type(text(CLASSIC))
    });
    Outcome::Durable(ResponseKind::ListGroups(
        ListGroupsResponse::default().with_groups(groups.collect()),
    ))
}

pub(super) fn describe(core: &Core, version: i16, request: DescribeGroupsRequest) -> Outcome {
    let groups = request.groups.into_iter().map(|id| {
        let found = GroupId::try_from(id.as_str())
            .ok()
            .and_then(|id| core.groups.describe(&id, &core.state.offsets));
        let described = DescribedGroup::default()
            .with_group_id(id)
            .with_authorized_operations(i32::MIN);
        let Some(found) = found else {
            let dead = described.with_group_state(text("Dead"));
            return if version >= DESCRIBE_KNOWS_NOT_FOUND {
                dead.with_error_code(Code::GroupIdNotFound.number())
                    .with_error_message(some("there is no such group"))
            } else {
                dead
            };
        };
        let members = found.members.into_iter().map(|member| {
            DescribedGroupMember::default()
                .with_member_id(text(member.member.as_str()))
                .with_group_instance_id(member.instance.map(|id| text(id.as_str())))
                .with_client_id(text(&member.client_id))
                .with_client_host(text(&member.client_host))
                .with_member_metadata(member.metadata)
                .with_member_assignment(member.assignment)
        });
        described
            .with_group_state(text(found.state.as_str()))
            .with_protocol_type(text(&found.protocol_type))
            .with_protocol_data(text(&found.protocol))
            .with_members(members.collect())
    });
    Outcome::Durable(ResponseKind::DescribeGroups(
        DescribeGroupsResponse::default().with_groups(groups.collect()),
    ))
}

pub(super) fn delete(core: &mut Core, request: DeleteGroupsRequest) -> Outcome {
    let mut results = Vec::new();
    for name in request.groups_names {
        let deleted = known(&name).and_then(|id| {
            let change = core.groups.delete(&id, &core.state.offsets)?;
            core.commit(change.into_iter().map(Item::Offsets).collect());
            Ok(())
        });
        let code = deleted.err().unwrap_or(Code::None);
        results.push(
            DeletableGroupResult::default()
                .with_group_id(name)
                .with_error_code(code.number()),
        );
    }
    Outcome::Durable(ResponseKind::DeleteGroups(
        DeleteGroupsResponse::default().with_results(results),
    ))
}

pub(super) fn delete_offsets(core: &mut Core, request: OffsetDeleteRequest) -> Outcome {
    let mut response = OffsetDeleteResponse::default();
    let mut places = Vec::new();
    for topic in &request.topics {
        for wanted in &topic.partitions {
            places.extend(partition(&topic.name, wanted.partition_index));
        }
    }
    let deleted = known(&request.group_id).and_then(|id| {
        let groups = &core.groups;
        let outcome = groups.delete_offsets(&id, &places, &core.state.offsets)?;
        core.commit(outcome.change.into_iter().map(Item::Offsets).collect());
        Ok(outcome.codes)
    });
    match deleted {
        Err(code) => response.error_code = code.number(),
        Ok(codes) => {
            for topic in request.topics {
                let partitions = topic.partitions.iter().map(|wanted| {
                    let place = partition(&topic.name, wanted.partition_index);
                    let told = codes.iter().find(|(told, _)| Some(told) == place.as_ref());
                    let code = told.map_or(Code::UnknownTopicOrPartition, |(_, code)| *code);
                    OffsetDeleteResponsePartition::default()
                        .with_partition_index(wanted.partition_index)
                        .with_error_code(code.number())
                });
                let partitions = partitions.collect();
                response.topics.push(
                    OffsetDeleteResponseTopic::default()
                        .with_name(topic.name)
                        .with_partitions(partitions),
                );
            }
        }
    }
    Outcome::Durable(ResponseKind::OffsetDelete(response))
}

fn known(id: &messages::GroupId) -> Result<GroupId, Code> {
    GroupId::try_from(id.as_str()).map_err(|_| Code::InvalidGroupId)
}
