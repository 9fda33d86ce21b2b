//! Injected faults keep to what a stream can do: nothing overtakes on one connection, nothing
//! arrives behind what was lost, and what a client sends twice it hears the second answer to.

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::producer::Producer;
use rdkafka::topic_partition_list::Offset;
use trueup_broker::faults::{Fault, Rule};

use crate::site::becomes;
use crate::support::{PATIENCE, Running, poll_until, wait};

/// A producer whose records are each a request, many of them on their way at once, and without
/// numbers by which the broker would put them in order.
const EACH_ALONE: [(&str, &str); 2] =
    [("enable.idempotence", "false"), ("batch.num.messages", "1")];

fn numbers(count: u32) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

fn words(values: &[String]) -> Vec<&str> {
    values.iter().map(String::as_str).collect()
}

#[test]
fn what_comes_behind_a_held_request_waits_for_it() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&EACH_ALONE);
    let expected = numbers(6);
    running.send(&producer, "t", 0, &["0"]);
    let rule = Rule::on("Produce", Fault::Hold).unwrap().times(1);
    let mut held = running.broker().faults().add(rule);
    for value in words(&expected).into_iter().skip(1) {
        running.queue(&producer, "t", 0, value);
    }
    wait(held.hit(1));
    // Others are served meanwhile, and what could overtake has the time to.
    running.committed("anybody", "t", 0);
    assert_eq!(running.values("t", 0, "read_committed"), ["0"]);
    held.release();
    producer.flush(PATIENCE).unwrap();
    assert_eq!(running.values("t", 0, "read_committed"), expected);
}

#[test]
fn a_held_request_ends_with_its_server() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let mut settings = EACH_ALONE.to_vec();
    settings.push(("message.send.max.retries", "0"));
    let producer = running.producer(&settings);
    let other = running.producer(&[("enable.idempotence", "true")]);
    running.send(&producer, "t", 0, &["before"]);
    let rule = Rule::on("Produce", Fault::Hold).unwrap().times(1);
    let mut held = running.broker().faults().add(rule);
    running.queue(&producer, "t", 0, "held");
    wait(held.hit(1));
    // The broker starts again from its disk, and every connection ends.
    running.disk.fail_syncs(1);
    running.send(&other, "t", 0, &["after"]);
    producer.flush(PATIENCE).unwrap();
    held.release();
    running.send(&other, "t", 0, &["last"]);
    assert_eq!(
        running.values("t", 0, "read_committed"),
        ["before", "after", "last"]
    );
}

#[test]
fn nothing_behind_a_lost_request_arrives_until_its_client_sends_it_anew() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let mut settings = EACH_ALONE.to_vec();
    settings.push(("socket.timeout.ms", "1000"));
    let producer = running.producer(&settings);
    let rule = Rule::on("Produce", Fault::DropRequest).unwrap();
    let lost = running.broker().faults().add(rule.after(2).times(1));
    let expected = numbers(20);
    running.send(&producer, "t", 0, &words(&expected));
    assert_eq!(lost.hits(), 1);
    assert_eq!(running.values("t", 0, "read_committed"), expected);
}

#[test]
fn a_static_member_that_joins_twice_goes_on_under_the_name_it_heard() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let rule = Rule::on("JoinGroup", Fault::Duplicate).unwrap();
    let joined = running.broker().faults().add(rule);
    let member = running.consumer("g", &[("group.instance.id", "one")]);
    member.subscribe(&["t"]).unwrap();
    poll_until(&member, |_| member.assignment().unwrap().count() == 1);
    assert!(joined.hits() > 0);
    let reached = running.at("t", 0, Offset::Offset(0));
    member.commit(&reached, CommitMode::Sync).unwrap();
}

#[test]
fn a_record_whose_client_asks_for_no_answer_is_never_doubled() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let mut settings = EACH_ALONE.to_vec();
    settings.push(("acks", "0"));
    let producer = running.producer(&settings);
    let rule = Rule::on("Produce", Fault::Duplicate).unwrap();
    running.broker().faults().add(rule);
    let expected = numbers(5);
    running.send(&producer, "t", 0, &words(&expected));
    becomes(&expected, || running.values("t", 0, "read_committed"));
}
