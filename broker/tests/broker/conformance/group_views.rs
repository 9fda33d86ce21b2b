//! Groups from outside: listed, described, deleted, and closed to strangers.

use std::time::{Duration, Instant};

use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::Offset;

use crate::site::{PATIENCE, Site, becomes, wait};

fn member(site: &Site, group: &str) -> BaseConsumer {
    let consumer = site.consumer(group, &[("client.id", "the-client")]);
    consumer.subscribe(&[&site.name("t")]).unwrap();
    let end = Instant::now() + PATIENCE;
    while consumer.assignment().map_or(0, |list| list.count()) == 0 {
        let _ = consumer.poll(Duration::from_millis(20));
        assert!(Instant::now() < end, "nothing is assigned");
    }
    consumer
}

pub(super) fn groups_are_listed_and_described(site: &Site) {
    site.create_topic("t", 1, &[]);
    let _member = member(site, "with-members");
    let outside = site.consumer("offsets-only", &[]);
    let offset = site.at("t", 0, Offset::Offset(1));
    outside.commit(&offset, CommitMode::Sync).unwrap();

    let names = ["offsets-only", "with-members"].map(|name| site.name(name));
    let listed = || {
        let list = outside.fetch_group_list(None, PATIENCE).unwrap();
        let groups = list.groups().iter().map(|group| group.name().to_owned());
        let mut groups: Vec<String> = groups.filter(|name| names.contains(name)).collect();
        groups.sort();
        groups
    };
    becomes(&names.to_vec(), listed);
    let expected = ["Stable", "consumer", "range", "the-client"].map(str::to_owned);
    becomes(&expected, || {
        let list = outside.fetch_group_list(Some(&names[1]), PATIENCE).unwrap();
        let group = &list.groups()[0];
        let member = group.members().first();
        let client = member.map_or("", |member| member.client_id());
        let (kind, protocol) = (group.protocol_type(), group.protocol());
        [group.state(), kind, protocol, client].map(str::to_owned)
    });
    let list = outside.fetch_group_list(Some(&names[0]), PATIENCE).unwrap();
    assert_eq!(list.groups()[0].state(), "Empty");
    assert!(list.groups()[0].members().is_empty());
}

pub(super) fn a_group_is_deleted_when_it_has_no_members(site: &Site) {
    site.create_topic("t", 1, &[]);
    let group = site.name("g");
    let admin = site.admin();
    let delete = || {
        let deleted = wait(admin.delete_groups(&[&group], &AdminOptions::new()));
        deleted.unwrap().remove(0).map_err(|(_, code)| code)
    };
    // A broker that never had a group makes ready for the first.
    becomes(&Err(RDKafkaErrorCode::GroupIdNotFound), delete);
    let member = member(site, "g");
    let offset = site.at("t", 0, Offset::Offset(1));
    member.commit(&offset, CommitMode::Sync).unwrap();
    assert_eq!(delete(), Err(RDKafkaErrorCode::NonEmptyGroup));
    drop(member);
    assert_eq!(site.committed("g", "t", 0), Offset::Offset(1));
    assert_eq!(delete(), Ok(group.clone()));
    assert_eq!(site.committed("g", "t", 0), Offset::Invalid);
}

pub(super) fn a_stranger_commits_nothing_to_a_group_with_members(site: &Site) {
    site.create_topic("t", 1, &[]);
    let _member = member(site, "g");
    let stranger = site.consumer("g", &[]);
    let offset = site.at("t", 0, Offset::Offset(1));
    let refused = stranger.commit(&offset, CommitMode::Sync).unwrap_err();
    assert_eq!(
        refused.rdkafka_error_code(),
        Some(RDKafkaErrorCode::UnknownMemberId)
    );
    assert_eq!(site.committed("g", "t", 0), Offset::Invalid);
}
