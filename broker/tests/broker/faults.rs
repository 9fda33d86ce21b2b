use rdkafka::producer::Producer;
use trueup_broker::code::Code;
use trueup_broker::faults::{Fault, Rule};

use crate::support::{PATIENCE, Running, wait};

#[test]
fn lost_and_doubled_and_refused_produces_end_up_once_and_in_order() {
    for fault in [
        Fault::CloseAfter,
        Fault::Close,
        Fault::Duplicate,
        Fault::Refuse(Code::NotLeaderOrFollower),
        Fault::Delay(std::time::Duration::from_millis(20)),
    ] {
        let running = Running::start();
        running.create_topic("t", 1, &[]);
        let producer = running.producer(&[("enable.idempotence", "true")]);
        let rule = Rule::on("Produce", fault).unwrap();
        let placed = running.broker().faults().add(rule.every(3).times(10));
        let mut expected = Vec::new();
        for number in 0..40 {
            let value = number.to_string();
            running.send(&producer, "t", 0, &[&value]);
            expected.push(value);
        }
        assert_eq!(
            running.values("t", 0, "read_committed"),
            expected,
            "{fault:?}"
        );
        assert!(placed.hits() > 0, "{fault:?}");
    }
}

#[test]
fn a_first_batch_that_is_refused_is_not_lost_when_the_second_one_comes_at_once() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&[
        ("enable.idempotence", "true"),
        ("batch.num.messages", "1"),
        ("linger.ms", "0"),
    ]);
    let rule = Rule::on("Produce", Fault::Refuse(Code::NotEnoughReplicas)).unwrap();
    let placed = running.broker().faults().add(rule.times(1));
    let expected: Vec<String> = (0..5).map(|number| number.to_string()).collect();
    let values: Vec<&str> = expected.iter().map(String::as_str).collect();
    running.send(&producer, "t", 0, &values);
    assert_eq!(placed.hits(), 1);
    assert_eq!(running.values("t", 0, "read_committed"), expected);
}

/// A client that heard replies after the lost one would write more batches than a broker remembers
/// past the one that it has to repeat, and give up for good.
#[test]
fn after_a_lost_reply_its_connection_is_silent_and_everything_ends_up_once_and_in_order() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&[
        ("enable.idempotence", "true"),
        ("batch.num.messages", "1"),
        ("linger.ms", "0"),
        ("socket.timeout.ms", "1000"),
    ]);
    let faults = running.broker().faults();
    let lost = Rule::on("Produce", Fault::DropReply).unwrap();
    let lost = faults.add(lost.after(2).times(1));
    let closed = Rule::on("Produce", Fault::CloseAfter).unwrap();
    let closed = faults.add(closed.after(15).times(1));
    let expected: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let values: Vec<&str> = expected.iter().map(String::as_str).collect();
    running.send(&producer, "t", 0, &values);
    assert_eq!((lost.hits(), closed.hits()), (1, 1));
    assert_eq!(running.values("t", 0, "read_committed"), expected);
}

#[test]
fn a_commit_whose_reply_is_lost_is_committed_once() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.transactional("w");
    let rule = Rule::on("EndTxn", Fault::CloseAfter).unwrap();
    running.broker().faults().add(rule.times(1));
    producer.begin_transaction().unwrap();
    running.queue(&producer, "t", 0, "once");
    producer.commit_transaction(PATIENCE).unwrap();
    assert_eq!(running.values("t", 0, "read_committed"), ["once"]);
}

#[test]
fn a_held_request_is_worked_out_when_it_is_released() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&[]);
    running.send(&producer, "t", 0, &["first"]);
    let rule = Rule::on("Produce", Fault::Hold).unwrap().times(1);
    let mut placed = running.broker().faults().add(rule);
    running.queue(&producer, "t", 0, "held");
    producer.poll(std::time::Duration::ZERO);
    wait(placed.hit(1));
    assert_eq!(running.values("t", 0, "read_committed"), ["first"]);
    placed.release();
    producer.flush(PATIENCE).unwrap();
    assert_eq!(running.values("t", 0, "read_committed"), ["first", "held"]);
}
