use super::*;

fn name(text: &str) -> TopicName {
    TopicName::try_from(text).unwrap()
}

fn configs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn with_orders() -> Topics {
    let mut topics = Topics::default();
    let orders = configs(&[("cleanup.policy", "compact")]);
    let created = topics.create(&name("orders"), Uuid::from_u128(1), 3, orders);
    topics.apply(&created.unwrap());
    topics
}

#[test]
fn a_created_topic_is_found_by_name_and_id_and_a_deleted_one_is_not() {
    let mut topics = with_orders();
    assert_eq!(topics.get("orders").unwrap().partitions, 3);
    assert_eq!(
        topics.by_id(Uuid::from_u128(1)).unwrap().name,
        name("orders")
    );
    let again = topics.create(&name("orders"), Uuid::from_u128(2), 1, BTreeMap::new());
    assert_eq!(again, Err(TopicFault::Exists(name("orders"))));
    topics.apply(&topics.delete(&name("orders")).unwrap());
    assert!(topics.get("orders").is_none());
    assert!(topics.delete(&name("orders")).is_err());
}

#[test]
fn the_catalogue_comes_back_from_a_snapshot_with_its_settings() {
    let topics = with_orders();
    let restored = Topics::decode(&topics.encode().unwrap())
        .unwrap()
        .restored();
    assert_eq!(restored, topics);
    assert!(restored.get("orders").unwrap().settings.compact);
}

#[test]
fn partitions_only_grow_and_within_the_bounds() {
    let mut topics = with_orders();
    for count in [3, 2, PARTITIONS_PER_TOPIC_MAX + 1] {
        assert!(topics.grow(&name("orders"), count).is_err(), "{count}");
    }
    topics.apply(&topics.grow(&name("orders"), 4).unwrap());
    assert_eq!(topics.get("orders").unwrap().partitions, 4);
    for count in [0, -1, PARTITIONS_PER_TOPIC_MAX + 1] {
        let created = topics.create(&name("x"), Uuid::nil(), count, BTreeMap::new());
        assert_eq!(created, Err(TopicFault::Partitions(count)));
    }
}

#[test]
fn an_unfit_configuration_is_refused() {
    let topics = with_orders();
    for (key, value) in [
        ("no.such", "1"),
        ("retention.ms", "-2"),
        ("retention.ms", "soon"),
        ("max.message.bytes", "9999999999"),
        ("cleanup.policy", "compact,burn"),
        ("cleanup.policy", ""),
        ("message.timestamp.type", "createtime"),
        ("min.cleanable.dirty.ratio", "1.5"),
        ("preallocate", "yes"),
    ] {
        let created = topics.create(&name("x"), Uuid::nil(), 1, configs(&[(key, value)]));
        assert!(matches!(created, Err(TopicFault::Config(_))), "{key}");
    }
    for known in KNOWN {
        config::check(known.name, known.default).unwrap();
    }
}

#[test]
fn a_configuration_is_set_added_to_and_reset() {
    let mut topics = with_orders();
    let alter = |topics: &mut Topics, alteration, value: Option<&str>| {
        let wanted = [(
            "cleanup.policy".to_owned(),
            alteration,
            value.map(str::to_owned),
        )];
        let change = topics.alter(&name("orders"), &wanted).unwrap();
        topics.apply(&change);
        let topic = topics.get("orders").unwrap();
        (topic.settings.delete, topic.settings.compact)
    };
    assert_eq!(
        alter(&mut topics, Alteration::Append, Some("delete")),
        (true, true)
    );
    assert_eq!(
        alter(&mut topics, Alteration::Subtract, Some("compact")),
        (true, false)
    );
    assert_eq!(
        alter(&mut topics, Alteration::Set, Some("compact")),
        (false, true)
    );
    assert_eq!(alter(&mut topics, Alteration::Delete, None), (true, false));
}
