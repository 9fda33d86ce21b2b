//! `OffsetCommit` and `OffsetFetch`.

use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    self, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
    ResponseKind,
};
use kafka_protocol::protocol::StrBytes;

use super::Outcome;
use super::words::{partition, text, topic};
use crate::code::Code;
use crate::core::{Core, Item};
use crate::groups::Claim;
use crate::names::{GroupId, InstanceId, MemberId, TopicPartition};
use crate::offsets::{Committed, Fetched};

/// One partition's offset as a client wants it committed.
pub(super) struct Wanted {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) metadata: Option<StrBytes>,
}

/// Of one topic: its partitions and what each is told, once that is known.
type Topic = (messages::TopicName, Vec<(i32, Option<Code>)>);

/// A commit's partitions in the order of the request, and what each is told.
pub(super) struct Asked {
    topics: Vec<Topic>,
    known: Vec<(TopicPartition, Committed)>,
}

impl Asked {
    pub(super) fn new(
        core: &Core,
        asked: Vec<(messages::TopicName, Vec<Wanted>)>,
        now_ms: i64,
    ) -> Self {
        let mut known = Vec::new();
        let mut topics = Vec::new();
        for (name, wanted) in asked {
            let mut codes = Vec::new();
            for wanted in wanted {
                let place = partition(&name, wanted.partition);
                let place = place.filter(|place| core.state.partition(place).is_some());
                let code = match place {
                    None => Some(Code::UnknownTopicOrPartition),
                    Some(place) => {
                        let committed = Committed {
                            offset: wanted.offset,
                            leader_epoch: wanted.leader_epoch,
                            metadata: wanted.metadata.unwrap_or_default().to_string(),
                            committed_ms: now_ms,
                        };
                        known.push((place, committed));
                        None
                    }
                };
                codes.push((wanted.partition, code));
            }
            topics.push((name, codes));
        }
        Self { topics, known }
    }

    pub(super) fn take_known(&mut self) -> Vec<(TopicPartition, Committed)> {
        std::mem::take(&mut self.known)
    }

    pub(super) fn answer_known(&mut self, codes: &[Code]) {
        let mut codes = codes.iter();
        for (_, code) in self.topics.iter_mut().flat_map(|(_, codes)| codes) {
            if code.is_none() {
                *code = codes.next().copied();
            }
        }
    }

    pub(super) fn answer_all(&mut self, answer: Code) {
        for (_, code) in self.topics.iter_mut().flat_map(|(_, codes)| codes) {
            *code = Some(answer);
        }
    }

    pub(super) fn into_codes(self) -> Vec<(messages::TopicName, Vec<(i32, Code)>)> {
        let told =
            |(index, code): (i32, Option<Code>)| (index, code.unwrap_or(Code::UnknownServerError));
        let topics = self.topics.into_iter();
        topics
            .map(|(name, codes)| (name, codes.into_iter().map(told).collect()))
            .collect()
    }
}

/// A request's claim with the names that it borrows.
pub(super) struct Claimed {
    member: MemberId,
    instance: Option<InstanceId>,
    generation: i32,
}

impl Claimed {
    pub(super) fn claim(&self) -> Claim<'_> {
        Claim {
            member: &self.member,
            instance: self.instance.as_ref(),
            generation: self.generation,
        }
    }

    pub(super) fn into_names(self) -> (MemberId, Option<InstanceId>) {
        (self.member, self.instance)
    }
}

pub(super) fn claimed(
    member: &StrBytes,
    instance: Option<&StrBytes>,
    generation: i32,
) -> Result<Claimed, Code> {
    let instance = instance
        .map(|id| InstanceId::try_from(id.as_str()))
        .transpose();
    Ok(Claimed {
        member: MemberId::try_from(member.as_str()).map_err(|_| Code::UnknownMemberId)?,
        instance: instance.map_err(|_| Code::InvalidRequest)?,
        generation,
    })
}

pub(super) fn commit(core: &mut Core, request: OffsetCommitRequest, now_ms: i64) -> Outcome {
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| Wanted {
            partition: partition.partition_index,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.clone(),
        });
        (topic.name.clone(), partitions.collect())
    });
    let mut asked = Asked::new(core, topics.collect(), now_ms);
    let offsets = asked.take_known();
    match committed(core, &request, offsets, now_ms) {
        Ok(codes) => asked.answer_known(&codes),
        Err(code) => asked.answer_all(code),
    }
    let topics = asked.into_codes().into_iter().map(|(name, codes)| {
        let partitions = codes.into_iter().map(|(index, code)| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code.number())
        });
        OffsetCommitResponseTopic::default()
            .with_name(name)
            .with_partitions(partitions.collect())
    });
    Outcome::Durable(ResponseKind::OffsetCommit(
        OffsetCommitResponse::default().with_topics(topics.collect()),
    ))
}

fn committed(
    core: &mut Core,
    request: &OffsetCommitRequest,
    offsets: Vec<(TopicPartition, Committed)>,
    now_ms: i64,
) -> Result<Vec<Code>, Code> {
    let group = GroupId::try_from(request.group_id.as_str()).map_err(|_| Code::InvalidGroupId)?;
    let claim = claimed(
        &request.member_id,
        request.group_instance_id.as_ref(),
        request.generation_id_or_member_epoch,
    )?;
    core.groups
        .check_commit(&group, claim.claim(), false, now_ms)?;
    let outcome = core.state.offsets.commit(&group, offsets);
    if let Some(change) = outcome.change {
        core.commit(vec![Item::Offsets(change)]);
    }
    Ok(outcome.codes.into_iter().map(|(_, code)| code).collect())
}

/// One partition's answer, for both forms of the response.
struct Told {
    name: messages::TopicName,
    partition: i32,
    offset: i64,
    leader_epoch: i32,
    metadata: StrBytes,
    code: Code,
}

pub(super) fn fetch(core: &Core, version: i16, request: OffsetFetchRequest) -> Outcome {
    let stable = request.require_stable;
    let mut response = OffsetFetchResponse::default();
    if version >= 8 {
        let groups = request.groups.into_iter();
        let groups = groups.map(|group| fetch_group(core, group, stable));
        response.groups = groups.collect();
    } else {
        let topics = request.topics.map(|topics| {
            let topics = topics.into_iter();
            topics
                .map(|topic| (topic.name, topic.partition_indexes))
                .collect()
        });
        match fetched(core, &request.group_id, topics, stable) {
            Err(code) => response.error_code = code.number(),
            Ok(told) => {
                for (name, told) in by_topic(told) {
                    let partitions = told.into_iter().map(|told| {
                        OffsetFetchResponsePartition::default()
                            .with_partition_index(told.partition)
                            .with_committed_offset(told.offset)
                            .with_committed_leader_epoch(told.leader_epoch)
                            .with_metadata(Some(told.metadata))
                            .with_error_code(told.code.number())
                    });
                    response.topics.push(
                        OffsetFetchResponseTopic::default()
                            .with_name(name)
                            .with_partitions(partitions.collect()),
                    );
                }
            }
        }
    }
    Outcome::Durable(ResponseKind::OffsetFetch(response))
}

fn fetch_group(
    core: &Core,
    group: OffsetFetchRequestGroup,
    stable: bool,
) -> OffsetFetchResponseGroup {
    let topics = group.topics.map(|topics| {
        let topics = topics.into_iter();
        topics
            .map(|topic| (topic.name, topic.partition_indexes))
            .collect()
    });
    let told = fetched(core, &group.group_id, topics, stable);
    let response = OffsetFetchResponseGroup::default().with_group_id(group.group_id);
    let told = match told {
        Ok(told) => told,
        Err(code) => return response.with_error_code(code.number()),
    };
    let topics = by_topic(told).into_iter().map(|(name, told)| {
        let partitions = told.into_iter().map(|told| {
            OffsetFetchResponsePartitions::default()
                .with_partition_index(told.partition)
                .with_committed_offset(told.offset)
                .with_committed_leader_epoch(told.leader_epoch)
                .with_metadata(Some(told.metadata))
                .with_error_code(told.code.number())
        });
        OffsetFetchResponseTopics::default()
            .with_name(name)
            .with_partitions(partitions.collect())
    });
    response.with_topics(topics.collect())
}

fn fetched(
    core: &Core,
    group: &messages::GroupId,
    topics: Option<Vec<(messages::TopicName, Vec<i32>)>>,
    stable: bool,
) -> Result<Vec<Told>, Code> {
    let group = GroupId::try_from(group.as_str()).map_err(|_| Code::InvalidGroupId)?;
    let offsets = &core.state.offsets;
    let Some(topics) = topics else {
        let all = offsets.fetch_all(&group, stable).into_iter();
        let told = all.map(|(place, found)| told(topic(&place.topic), place.partition, found));
        return Ok(told.collect());
    };
    let mut all = Vec::new();
    for (name, partitions) in topics {
        for index in partitions {
            let found = partition(&name, index)
                .map_or(Fetched::None, |place| offsets.fetch(&group, &place, stable));
            all.push(told(name.clone(), index, found));
        }
    }
    Ok(all)
}

fn told(name: messages::TopicName, partition: i32, found: Fetched) -> Told {
    let mut told = Told {
        name,
        partition,
        offset: -1,
        leader_epoch: -1,
        metadata: StrBytes::new(),
        code: Code::None,
    };
    match found {
        Fetched::None => {}
        Fetched::Unstable => told.code = Code::UnstableOffsetCommit,
        Fetched::Committed(committed) => {
            told.offset = committed.offset;
            told.leader_epoch = committed.leader_epoch;
            told.metadata = text(&committed.metadata);
        }
    }
    told
}

/// Neighbours of one topic together, as the response wants them.
fn by_topic(told: Vec<Told>) -> Vec<(messages::TopicName, Vec<Told>)> {
    let mut topics: Vec<(messages::TopicName, Vec<Told>)> = Vec::new();
    for told in told {
        match topics.last_mut() {
            Some((name, partitions)) if *name == told.name => partitions.push(told),
            _ => topics.push((told.name.clone(), vec![told])),
        }
    }
    topics
}
