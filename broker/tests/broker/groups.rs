use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::{PATIENCE, Running, poll_until, send};

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

#[test]
fn members_share_the_partitions_and_take_over_from_one_who_leaves() {
    for strategy in ["range", "cooperative-sticky"] {
        let running = Running::start();
        running.create_topic("t", 4, &[]);
        let settings = [("partition.assignment.strategy", strategy)];
        let first = running.consumer("g", &settings);
        first.subscribe(&["t"]).unwrap();
        settle(&[&first], &[4]);
        let second = running.consumer("g", &settings);
        second.subscribe(&["t"]).unwrap();
        settle(&[&first, &second], &[2, 2]);
        drop(first);
        settle(&[&second], &[4]);
    }
}

#[test]
fn a_committed_offset_is_where_the_next_member_goes_on() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&[]);
    send(&producer, "t", 0, &["a", "b"]);
    let first = running.consumer("g", &[]);
    first.subscribe(&["t"]).unwrap();
    poll_until(&first, |value| value.as_deref() == Some("b"));
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("t", 0, Offset::Offset(2))
        .unwrap();
    first.commit(&list, CommitMode::Sync).unwrap();
    drop(first);
    send(&producer, "t", 0, &["c"]);
    let second = running.consumer("g", &[]);
    second.subscribe(&["t"]).unwrap();
    let mut seen = None;
    poll_until(&second, |value| {
        seen = value;
        seen.is_some()
    });
    assert_eq!(seen.as_deref(), Some("c"));
}

#[test]
fn a_static_member_that_comes_back_gets_its_partitions_without_a_rebalance() {
    let running = Running::start();
    running.create_topic("t", 2, &[]);
    let settings = |id| {
        [
            ("group.instance.id", id),
            ("partition.assignment.strategy", "cooperative-sticky"),
        ]
    };
    let one = running.consumer("g", &settings("one"));
    one.subscribe(&["t"]).unwrap();
    let two = running.consumer("g", &settings("two"));
    two.subscribe(&["t"]).unwrap();
    settle(&[&one, &two], &[1, 1]);
    // As text: a list of partitions keeps its client from being closed.
    let assigned = |consumer: &BaseConsumer| format!("{:?}", consumer.assignment().unwrap());
    let (of_one, of_two) = (assigned(&one), assigned(&two));
    drop(two);
    let two = running.consumer("g", &settings("two"));
    two.subscribe(&["t"]).unwrap();
    settle(&[&one, &two], &[1, 1]);
    assert_eq!(assigned(&two), of_two);
    assert_eq!(assigned(&one), of_one);
    let admin = running.consumer("other", &[]);
    let list = admin.fetch_group_list(Some("g"), PATIENCE).unwrap();
    let group = &list.groups()[0];
    assert_eq!(group.state(), "Stable");
    assert_eq!(group.members().len(), 2);
}

#[test]
fn a_member_that_is_silent_is_dropped_after_its_session() {
    let running = Running::start();
    running.create_topic("t", 2, &[]);
    let settings = [
        ("session.timeout.ms", "1500"),
        ("max.poll.interval.ms", "1500"),
    ];
    let silent = running.consumer("g", &settings);
    silent.subscribe(&["t"]).unwrap();
    settle(&[&silent], &[2]);
    let other = running.consumer("g", &[]);
    other.subscribe(&["t"]).unwrap();
    // It is alive and not polled, so it does not give up its partitions by itself.
    settle(&[&other], &[2]);
    drop(silent);
}
