//! Topics: created, grown, configured, emptied and deleted, or refused for the right reason.

use rdkafka::admin::{
    AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::Offset;

use crate::site::{PATIENCE, Site, becomes, wait};

/// The topics of this site, each with its partitions.
fn listed(site: &Site) -> Vec<(String, usize)> {
    let consumer = site.consumer("x", &[]);
    let metadata = consumer.fetch_metadata(None, PATIENCE).unwrap();
    let own = |name: &str| name.strip_prefix(site.prefix()).map(str::to_owned);
    let topics = metadata.topics().iter();
    let mut topics: Vec<(String, usize)> = topics
        .filter_map(|topic| Some((own(topic.name())?, topic.partitions().len())))
        .collect();
    topics.sort();
    topics
}

fn create(
    site: &Site,
    topic: NewTopic<'_>,
    options: &AdminOptions,
) -> Result<(), RDKafkaErrorCode> {
    let created = wait(site.admin().create_topics([&topic], options));
    let created = created.unwrap().remove(0);
    created.map(drop).map_err(|(_, code)| code)
}

pub(super) fn topics_are_created_listed_grown_and_deleted(site: &Site) {
    site.create_topic("a", 3, &[]);
    site.create_topic("b", 1, &[]);
    let admin = site.admin();
    let options = AdminOptions::new();
    let [a, b, none] = ["a", "b", "none"].map(|name| site.name(name));
    let again = NewTopic::new(&a, 1, TopicReplication::Fixed(1));
    assert_eq!(
        create(site, again, &options),
        Err(RDKafkaErrorCode::TopicAlreadyExists)
    );
    let grow = |count| {
        let grown = wait(admin.create_partitions([&NewPartitions::new(&b, count)], &options));
        grown.unwrap().remove(0).map_err(|(_, code)| code)
    };
    assert_eq!(grow(4), Ok(b.clone()));
    for count in [4, 2] {
        assert_eq!(grow(count), Err(RDKafkaErrorCode::InvalidPartitions));
    }
    becomes(&vec![("a".to_owned(), 3), ("b".to_owned(), 4)], || {
        listed(site)
    });
    let deleted = wait(admin.delete_topics(&[&a, &none], &options)).unwrap();
    assert_eq!(
        deleted,
        vec![
            Ok(a.clone()),
            Err((none, RDKafkaErrorCode::UnknownTopicOrPartition)),
        ]
    );
    becomes(&vec![("b".to_owned(), 4)], || listed(site));
}

fn one(name: &str) -> NewTopic<'_> {
    NewTopic::new(name, 1, TopicReplication::Fixed(1))
}

pub(super) fn topics_that_cannot_be_are_refused_for_their_reason(site: &Site) {
    let good = site.name("good");
    let bad = site.name("bad/name");
    let long = "x".repeat(250);
    let cases = [
        (one(&bad), RDKafkaErrorCode::InvalidTopic),
        (one(&long), RDKafkaErrorCode::InvalidTopic),
        (one(".."), RDKafkaErrorCode::InvalidTopic),
        (
            NewTopic::new(&good, 1, TopicReplication::Fixed(3)),
            RDKafkaErrorCode::InvalidReplicationFactor,
        ),
        (
            one(&good).set("no.such.thing", "1"),
            RDKafkaErrorCode::InvalidConfig,
        ),
        (
            one(&good).set("retention.ms", "soon"),
            RDKafkaErrorCode::InvalidConfig,
        ),
        (
            one(&good).set("cleanup.policy", "burn"),
            RDKafkaErrorCode::InvalidConfig,
        ),
    ];
    for (number, (topic, code)) in cases.into_iter().enumerate() {
        let created = create(site, topic, &AdminOptions::new());
        assert_eq!(created, Err(code), "case {number}");
    }
    assert!(listed(site).is_empty());
}

pub(super) fn a_topic_that_is_only_tried_is_not_created(site: &Site) {
    let name = site.name("tried");
    let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
    let options = AdminOptions::new().validate_only(true);
    assert_eq!(create(site, topic, &options), Ok(()));
    site.create_topic("real", 1, &[]);
    becomes(&vec![("real".to_owned(), 1)], || listed(site));
}

pub(super) fn configurations_are_described_as_they_were_set(site: &Site) {
    site.create_topic(
        "t",
        1,
        &[("retention.ms", "5000"), ("cleanup.policy", "compact")],
    );
    let admin = site.admin();
    let topic = site.name("t");
    let asked = [ResourceSpecifier::Topic(&topic)];
    let described = wait(admin.describe_configs(&asked, &AdminOptions::new()));
    let resource = described.unwrap().remove(0).unwrap();
    let value = |name: &str| resource.get(name).unwrap().value.clone();
    assert_eq!(value("retention.ms").as_deref(), Some("5000"));
    assert_eq!(value("cleanup.policy").as_deref(), Some("compact"));
    assert_eq!(value("max.message.bytes").as_deref(), Some("1048588"));
    assert!(resource.get("segment.bytes").unwrap().is_default);
    assert!(!resource.get("retention.ms").unwrap().is_default);
}

pub(super) fn configurations_are_replaced_all_at_once(site: &Site) {
    site.create_topic("t", 1, &[("retention.ms", "5000"), ("segment.ms", "99")]);
    let admin = site.admin();
    let options = AdminOptions::new();
    let name = site.name("t");
    let alter = |key, value| {
        let config = AlterConfig::new(ResourceSpecifier::Topic(&name)).set(key, value);
        wait(admin.alter_configs(&[config], &options))
            .unwrap()
            .remove(0)
    };
    alter("retention.ms", "7000").unwrap();
    // The client does not tell of this refusal, but nothing may come of it.
    let _ = alter("retention.ms", "never");
    let expected = ["7000", "604800000"].map(|value| Some(value.to_owned()));
    becomes(&expected, || {
        let described = wait(admin.describe_configs(&[ResourceSpecifier::Topic(&name)], &options));
        let resource = described.unwrap().remove(0).unwrap();
        ["retention.ms", "segment.ms"].map(|name| resource.get(name).unwrap().value.clone())
    });
}

pub(super) fn a_topic_made_anew_under_an_old_name_has_none_of_the_old_records(site: &Site) {
    site.create_topic("t", 1, &[]);
    site.send(&site.producer(&[]), "t", 0, &["old"]);
    let deleted = wait(
        site.admin()
            .delete_topics(&[&site.name("t")], &AdminOptions::new()),
    );
    assert_eq!(deleted.unwrap(), vec![Ok(site.name("t"))]);
    becomes(&Vec::new(), || listed(site));
    site.create_topic("t", 1, &[]);
    site.send(&site.producer(&[]), "t", 0, &["new"]);
    assert_eq!(site.values("t", 0, "read_committed"), ["new"]);
}

pub(super) fn records_are_deleted_up_to_an_offset(site: &Site) {
    site.create_topic("t", 1, &[]);
    site.send(&site.producer(&[]), "t", 0, &["a", "b", "c"]);
    let admin = site.admin();
    let delete = |offset| {
        let list = site.at("t", 0, Offset::Offset(offset));
        let deleted = wait(admin.delete_records(&list, &AdminOptions::new())).unwrap();
        let place = deleted.find_partition(&site.name("t"), 0).unwrap();
        place.error().map(|()| place.offset())
    };
    assert_eq!(delete(2), Ok(Offset::Offset(2)));
    assert_eq!(
        delete(4).unwrap_err().rdkafka_error_code(),
        Some(RDKafkaErrorCode::OffsetOutOfRange)
    );
    assert_eq!(site.values("t", 0, "read_committed"), ["c"]);
    assert_eq!(site.bounds("t", 0), (2, 3));
}
