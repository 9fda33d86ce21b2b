use rdkafka::admin::{
    AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;

use crate::support::{PATIENCE, Running, send, wait};

#[test]
fn topics_are_created_listed_grown_and_deleted() {
    let running = Running::start();
    running.create_topic("a", 3, &[]);
    running.create_topic("b", 1, &[]);
    let admin = running.admin();
    let options = AdminOptions::new();
    let again = NewTopic::new("a", 1, TopicReplication::Fixed(1));
    let again = wait(admin.create_topics([&again], &options)).unwrap();
    assert_eq!(
        again,
        vec![Err(("a".to_owned(), RDKafkaErrorCode::TopicAlreadyExists))]
    );
    let wide = NewTopic::new("wide", 1, TopicReplication::Fixed(3));
    let wide = wait(admin.create_topics([&wide], &options)).unwrap();
    assert_eq!(
        wide,
        vec![Err((
            "wide".to_owned(),
            RDKafkaErrorCode::InvalidReplicationFactor
        ))]
    );
    let grown = wait(admin.create_partitions([&NewPartitions::new("b", 4)], &options));
    assert_eq!(grown.unwrap(), vec![Ok("b".to_owned())]);

    let consumer = running.consumer("x", &[]);
    let topics = || {
        let metadata = consumer.fetch_metadata(None, PATIENCE).unwrap();
        let topics = metadata.topics().iter();
        let mut topics: Vec<(String, usize)> = topics
            .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
            .collect();
        topics.sort();
        topics
    };
    assert_eq!(topics(), [("a".to_owned(), 3), ("b".to_owned(), 4)]);
    let deleted = wait(admin.delete_topics(&["a", "none"], &options)).unwrap();
    assert_eq!(
        deleted,
        vec![
            Ok("a".to_owned()),
            Err(("none".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition)),
        ]
    );
    assert_eq!(topics(), [("b".to_owned(), 4)]);
}

#[test]
fn configurations_are_described_as_they_were_set() {
    let running = Running::start();
    running.create_topic(
        "t",
        1,
        &[("retention.ms", "5000"), ("cleanup.policy", "compact")],
    );
    let admin = running.admin();
    let described =
        wait(admin.describe_configs(&[ResourceSpecifier::Topic("t")], &AdminOptions::new()));
    let resource = described.unwrap().remove(0).unwrap();
    let value = |name: &str| resource.get(name).unwrap().value.clone();
    assert_eq!(value("retention.ms").as_deref(), Some("5000"));
    assert_eq!(value("cleanup.policy").as_deref(), Some("compact"));
    assert_eq!(value("max.message.bytes").as_deref(), Some("1048588"));
    assert!(resource.get("segment.bytes").unwrap().is_default);
    assert!(!resource.get("retention.ms").unwrap().is_default);
}

#[test]
fn configurations_are_replaced_all_at_once() {
    let running = Running::start();
    running.create_topic("t", 1, &[("retention.ms", "5000"), ("segment.ms", "99")]);
    let admin = running.admin();
    let options = AdminOptions::new();
    let alter = |key, value| {
        let config = AlterConfig::new(ResourceSpecifier::Topic("t")).set(key, value);
        wait(admin.alter_configs(&[config], &options))
            .unwrap()
            .remove(0)
    };
    alter("retention.ms", "7000").unwrap();
    // The client does not tell of this refusal, but nothing may come of it.
    let _ = alter("retention.ms", "never");
    let described = wait(admin.describe_configs(&[ResourceSpecifier::Topic("t")], &options));
    let resource = described.unwrap().remove(0).unwrap();
    let value = |name: &str| resource.get(name).unwrap().value.clone();
    assert_eq!(value("retention.ms").as_deref(), Some("7000"));
    assert_eq!(value("segment.ms").as_deref(), Some("604800000"));
}

#[test]
fn a_topic_made_anew_under_an_old_name_has_none_of_the_old_records() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    send(&running.producer(&[]), "t", 0, &["old"]);
    let admin = running.admin();
    wait(admin.delete_topics(&["t"], &AdminOptions::new())).unwrap();
    running.create_topic("t", 1, &[]);
    send(&running.producer(&[]), "t", 0, &["new"]);
    assert_eq!(running.values("t", 0, "read_committed"), ["new"]);
}

#[test]
fn records_are_deleted_up_to_an_offset() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    send(&running.producer(&[]), "t", 0, &["a", "b", "c"]);
    let mut list = rdkafka::TopicPartitionList::new();
    list.add_partition_offset("t", 0, rdkafka::Offset::Offset(2))
        .unwrap();
    let admin = running.admin();
    wait(admin.delete_records(&list, &AdminOptions::new())).unwrap();
    assert_eq!(running.values("t", 0, "read_committed"), ["c"]);
}
