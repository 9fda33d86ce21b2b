//! An EndTxn that is held up past its client's patience. The client repeats it by itself and goes
//! on; the first one arrives when the next transaction is open, and no word in it says which
//! transaction it is for. Only the epoch of a new producer tells them apart.

use rdkafka::producer::{BaseProducer, Producer};
use trueup_broker::faults::{Fault, Rule};

use crate::support::{PATIENCE, Running, wait};

fn impatient(running: &Running) -> BaseProducer {
    let producer = running.producer(&[
        ("transactional.id", "w"),
        ("transaction.timeout.ms", "20000"),
        ("socket.timeout.ms", "1000"),
    ]);
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

/// What a reader of committed records sees after this: the first transaction is committed, its
/// first end held; the second one is aborted, but the held end arrives before.
fn seen(recycle: bool) -> Vec<String> {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let mut producer = impatient(&running);
    let rule = Rule::on("EndTxn", Fault::Hold).unwrap();
    let mut held = running.broker().faults().add(rule.times(1));
    producer.begin_transaction().unwrap();
    running.queue(&producer, "t", 0, "first");
    producer.commit_transaction(PATIENCE).unwrap();
    wait(held.hit(1));

    if recycle {
        drop(producer);
        producer = impatient(&running);
    }
    producer.begin_transaction().unwrap();
    running.queue(&producer, "t", 0, "second");
    producer.flush(PATIENCE).unwrap();
    held.release();
    // Worked out in the order of arrival, so the held end is done when this is answered.
    running.committed("anybody", "t", 0);
    let _ = producer.abort_transaction(PATIENCE);
    running.values("t", 0, "read_committed")
}

#[test]
fn an_end_that_arrives_late_commits_what_the_same_producer_has_open_by_then() {
    assert_eq!(seen(false), ["first", "second"]);
}

#[test]
fn an_end_that_arrives_late_is_shut_out_by_a_new_producer_of_the_same_name() {
    assert_eq!(seen(true), ["first"]);
}
