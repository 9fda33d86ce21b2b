//! List, describe, delete, and the tidying up.

use super::*;
use crate::limits::OFFSETS_RETENTION_MS;
use crate::names::{TopicName, TopicPartition};
use crate::offsets::{Change, Committed};

fn partition(topic: &str) -> TopicPartition {
    let topic = TopicName::try_from(topic).unwrap();
    TopicPartition {
        topic,
        partition: 0,
    }
}

impl House {
    fn commit(&mut self, topic: &str) {
        let committed = Committed {
            offset: 5,
            leader_epoch: -1,
            metadata: String::new(),
            committed_ms: self.now_ms,
        };
        let offsets = vec![(partition(topic), committed)];
        let outcome = self.offsets.commit(&group(), offsets);
        self.offsets.apply(&outcome.change.unwrap());
    }

    fn remove_all(&mut self, seats: &[Seat]) {
        for seat in seats {
            let member = seat.member.clone();
            let instance = None;
            self.leave(Leaving { member, instance });
        }
    }

    fn delete(&mut self) -> Result<Option<Change>, Code> {
        self.groups.delete(&group(), &self.offsets)
    }

    fn delete_offsets(&self, topics: &[&str]) -> Result<(Vec<Code>, usize), Code> {
        let partitions: Vec<TopicPartition> = topics.iter().map(|t| partition(t)).collect();
        let outcome = self
            .groups
            .delete_offsets(&group(), &partitions, &self.offsets)?;
        let count = match outcome.change {
            Some(Change::Forgotten { partitions, .. }) => partitions.len(),
            _ => 0,
        };
        Ok((
            outcome.codes.into_iter().map(|(_, code)| code).collect(),
            count,
        ))
    }
}

#[test]
fn a_stable_group_is_shown_with_its_parts_and_one_that_moves_without() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), static_consumer("b")]);
    let described = house.described();
    assert_eq!(
        (described.state.as_str(), &*described.protocol),
        ("Stable", "range")
    );
    let members: Vec<_> = described
        .members
        .iter()
        .map(|m| {
            (
                m.client_id.as_str(),
                m.instance.is_some(),
                m.assignment.clone(),
            )
        })
        .collect();
    let part = Bytes::from_static;
    assert_eq!(members, [("a", false, part(b"a")), ("b", true, part(b"b"))]);
    assert_eq!(described.members[0].metadata, subscription());

    house.join(seats[0].again());
    let described = house.described();
    assert_eq!(
        (described.state.as_str(), &*described.protocol),
        ("PreparingRebalance", "")
    );
    assert!(
        described
            .members
            .iter()
            .all(|m| m.assignment.is_empty() && m.metadata.is_empty())
    );
}

#[test]
fn a_group_that_has_offsets_alone_is_listed_as_empty() {
    let mut house = House::new();
    assert_eq!(house.groups.describe(&group(), &house.offsets), None);
    house.commit("orders");
    assert_eq!(house.state(), State::Empty);
    let listed = house.groups.list(&house.offsets);
    assert_eq!((listed.len(), listed[0].state), (1, State::Empty));
    house.stable(&[consumer("a")]);
    let listed = house.groups.list(&house.offsets);
    assert_eq!((listed.len(), listed[0].state), (1, State::Stable));
    assert_eq!(listed[0].protocol_type, "consumer");
}

#[test]
fn a_group_is_deleted_when_it_has_no_members() {
    let mut house = House::new();
    assert_eq!(house.delete(), Err(Code::GroupIdNotFound));
    let seats = house.stable(&[consumer("a")]);
    house.commit("orders");
    assert_eq!(house.delete(), Err(Code::NonEmptyGroup));
    house.remove_all(&seats);
    let change = house.delete().unwrap().unwrap();
    house.offsets.apply(&change);
    assert_eq!(house.groups.describe(&group(), &house.offsets), None);
    assert_eq!(house.delete(), Err(Code::GroupIdNotFound));
}

#[test]
fn offsets_of_a_topic_that_a_member_reads_are_kept() {
    let mut house = House::new();
    assert_eq!(
        house.delete_offsets(&["orders"]),
        Err(Code::GroupIdNotFound)
    );
    let seats = house.stable(&[consumer("a")]);
    house.commit("orders");
    house.commit("payments");
    let codes = vec![Code::GroupSubscribedToTopic, Code::None];
    assert_eq!(
        house.delete_offsets(&["orders", "payments"]),
        Ok((codes, 1))
    );
    house.remove_all(&seats);
    assert_eq!(house.delete_offsets(&["orders"]), Ok((vec![Code::None], 1)));
}

#[test]
fn offsets_of_members_that_are_no_consumers_are_kept_altogether() {
    let mut house = House::new();
    let worker = Join {
        protocol_type: "connect".to_owned(),
        ..consumer("a")
    };
    house.join_fully(worker);
    house.commit("orders");
    assert_eq!(house.delete_offsets(&["orders"]), Err(Code::NonEmptyGroup));
}

#[test]
fn idle_groups_and_their_offsets_are_swept_away_and_live_ones_are_not() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a")]);
    house.commit("orders");
    house.now_ms += OFFSETS_RETENTION_MS * 2;
    assert_eq!(house.groups.sweep(&house.offsets, house.now_ms), []);
    house.remove_all(&seats);
    assert_eq!(house.groups.sweep(&house.offsets, house.now_ms), []);
    house.now_ms += OFFSETS_RETENTION_MS;
    let changes = house.groups.sweep(&house.offsets, house.now_ms);
    assert_eq!(changes.len(), 1);
    changes
        .iter()
        .for_each(|change| house.offsets.apply(change));
    assert_eq!(house.groups.sweep(&house.offsets, house.now_ms), []);
    assert_eq!(house.groups.list(&house.offsets), []);
}

#[test]
fn after_a_restart_a_group_has_the_whole_time_to_come_back() {
    let mut house = House::new();
    house.commit("orders");
    let settings = Settings {
        initial_rebalance_delay_ms: 0,
    };
    let start_ms = OFFSETS_RETENTION_MS * 3;
    house.groups = Groups::new(settings, start_ms);
    assert_eq!(house.groups.sweep(&house.offsets, start_ms + 1), []);
    let changes = house
        .groups
        .sweep(&house.offsets, start_ms + OFFSETS_RETENTION_MS);
    assert_eq!(changes.len(), 1);
}
