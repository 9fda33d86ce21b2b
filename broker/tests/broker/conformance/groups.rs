//! Groups: members share partitions, static members keep theirs, the silent and the doubled go.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminOptions, NewPartitions};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::site::{PATIENCE, Site, becomes, wait};

fn held(consumer: &BaseConsumer) -> usize {
    consumer.assignment().map_or(0, |list| list.count())
}

/// Polls all until they hold so many partitions each.
fn settle(consumers: &[&BaseConsumer], counts: &[usize]) {
    let end = Instant::now() + PATIENCE;
    loop {
        for consumer in consumers {
            let _ = consumer.poll(Duration::from_millis(20));
        }
        let mut now: Vec<usize> = consumers.iter().map(|consumer| held(consumer)).collect();
        now.sort_unstable();
        if now == counts {
            return;
        }
        assert!(Instant::now() < end, "the group holds {now:?}");
    }
}

pub(super) fn members_share_the_partitions_and_take_over_from_one_who_leaves(site: &Site) {
    for strategy in ["range", "roundrobin", "cooperative-sticky"] {
        let topic = site.name(strategy);
        site.create_topic(strategy, 4, &[]);
        let settings = [("partition.assignment.strategy", strategy)];
        let first = site.consumer(strategy, &settings);
        first.subscribe(&[&topic]).unwrap();
        settle(&[&first], &[4]);
        let second = site.consumer(strategy, &settings);
        second.subscribe(&[&topic]).unwrap();
        settle(&[&first, &second], &[2, 2]);
        drop(first);
        settle(&[&second], &[4]);
    }
}

pub(super) fn a_static_member_that_comes_back_gets_its_partitions_without_a_rebalance(site: &Site) {
    site.create_topic("t", 2, &[]);
    let topic = site.name("t");
    let member = |id| {
        let settings = [
            ("group.instance.id", id),
            ("partition.assignment.strategy", "cooperative-sticky"),
        ];
        let consumer = site.consumer("g", &settings);
        consumer.subscribe(&[&topic]).unwrap();
        consumer
    };
    let one = member("one");
    let two = member("two");
    settle(&[&one, &two], &[1, 1]);
    // As text: a list of partitions keeps its client from being closed.
    let assigned = |consumer: &BaseConsumer| format!("{:?}", consumer.assignment().unwrap());
    let (of_one, of_two) = (assigned(&one), assigned(&two));
    drop(two);
    let two = member("two");
    settle(&[&one, &two], &[1, 1]);
    assert_eq!(assigned(&two), of_two);
    assert_eq!(assigned(&one), of_one);
    let other = site.consumer("other", &[]);
    let group = site.name("g");
    becomes(&("Stable".to_owned(), 2), || {
        let list = other.fetch_group_list(Some(&group), PATIENCE).unwrap();
        let group = &list.groups()[0];
        (group.state().to_owned(), group.members().len())
    });
}

pub(super) fn a_second_member_under_a_static_name_fences_the_first(site: &Site) {
    site.create_topic("t", 1, &[]);
    let topic = site.name("t");
    let settings = [("group.instance.id", "same")];
    let first = site.consumer("g", &settings);
    first.subscribe(&[&topic]).unwrap();
    settle(&[&first], &[1]);
    let second = site.consumer("g", &settings);
    second.subscribe(&[&topic]).unwrap();
    settle(&[&second], &[1]);
    let end = Instant::now() + PATIENCE;
    while first.client().fatal_error().is_none() {
        let _ = first.poll(Duration::from_millis(20));
        assert!(Instant::now() < end, "the first was not told");
    }
    let (code, _) = first.client().fatal_error().unwrap();
    assert_eq!(code, RDKafkaErrorCode::FencedInstanceId);
}

pub(super) fn a_member_that_is_silent_is_dropped_after_its_session(site: &Site) {
    site.create_topic("t", 2, &[]);
    let topic = site.name("t");
    let settings = [
        ("session.timeout.ms", "1500"),
        ("max.poll.interval.ms", "1500"),
    ];
    let silent = site.consumer("g", &settings);
    silent.subscribe(&[&topic]).unwrap();
    settle(&[&silent], &[2]);
    let other = site.consumer("g", &[]);
    other.subscribe(&[&topic]).unwrap();
    // It is alive and not polled, so it does not give up its partitions by itself.
    settle(&[&other], &[2]);
    // Polled again, it is a member again. Closed with what it was told unanswered, its client could
    // wait for ever.
    settle(&[&silent, &other], &[1, 1]);
}

pub(super) fn members_without_a_strategy_in_common_are_refused(site: &Site) {
    site.create_topic("t", 2, &[]);
    let topic = site.name("t");
    let member = |strategy| {
        let consumer = site.consumer("g", &[("partition.assignment.strategy", strategy)]);
        consumer.subscribe(&[&topic]).unwrap();
        consumer
    };
    let first = member("range");
    settle(&[&first], &[2]);
    let second = member("roundrobin");
    let end = Instant::now() + PATIENCE;
    loop {
        let _ = first.poll(Duration::ZERO);
        match second.poll(Duration::from_millis(20)) {
            Some(Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::InconsistentGroupProtocol,
            ))) => break,
            other => assert!(Instant::now() < end, "{:?}", other.map(|it| it.map(drop))),
        }
    }
    settle(&[&first], &[2]);
}

pub(super) fn a_group_follows_a_topic_that_grows(site: &Site) {
    site.create_topic("t", 1, &[]);
    let topic = site.name("t");
    let settings = [("topic.metadata.refresh.interval.ms", "200")];
    let consumer = site.consumer("g", &settings);
    consumer.subscribe(&[&topic]).unwrap();
    settle(&[&consumer], &[1]);
    let grown = NewPartitions::new(&topic, 3);
    let grown = wait(
        site.admin()
            .create_partitions([&grown], &AdminOptions::new()),
    );
    assert_eq!(grown.unwrap(), vec![Ok(topic.clone())]);
    settle(&[&consumer], &[3]);
}
