//! A broker that goes away and comes back, and a gateway that is told to stop: nothing that was
//! answered with yes is lost.

use std::process::Command;
use std::time::{Duration, Instant};

use trueup_testkit::{Kafka, KafkaOptions, wait_until};

use crate::shop::{Answer, PATIENCE, Shop, event_ids, success};

/// How long Stripe waits for an answer.
const STRIPES_PATIENCE: Duration = Duration::from_secs(10);

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

fn deliver(shop: &Shop, event_id: &str) -> Answer {
    let body = success(event_id, &format!("pi_{event_id}"), Some("order-1"));
    shop.post(body.to_string().as_bytes())
}

/// Delivered as Stripe does it, until it is taken: a broker that has just started, on a busy machine,
/// may need longer for its first record than a delivery waits.
fn accepted(shop: &Shop, event_id: &str) {
    let taken = wait_until(PATIENCE, || {
        Some(deliver(shop, event_id)).filter(|answer| answer.status == 200)
    });
    assert!(taken.is_some(), "`{event_id}` is never taken");
}

/// A yes that was said while no broker was there to acknowledge anything.
fn yes_without_a_broker(shop: &Shop) -> Option<Answer> {
    let answer = deliver(shop, "evt_down");
    (answer.status == 200).then_some(answer)
}

#[test]
fn own_kafka_while_the_broker_is_down_the_answer_is_503_and_afterwards_200() {
    let mut broker = Kafka::start(&KafkaOptions::default()).unwrap();
    let shop = Shop::open(broker.bootstrap(), "outage");
    accepted(&shop, "evt_before");
    let refused_before = shop.metric("webhook_events_total", &[("result", "error")]);

    broker.kill();
    assert_eq!(yes_without_a_broker(&shop), None);
    let asked = Instant::now();
    let refused = deliver(&shop, "evt_down");
    assert!(asked.elapsed() < STRIPES_PATIENCE, "{:?}", asked.elapsed());
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(
        refused.retry_after.is_some_and(|seconds| seconds > 0),
        "{refused:?}"
    );
    assert!(
        ["broker_unavailable", "broker_timeout"].contains(&refused.code()),
        "{refused:?}"
    );
    assert_eq!(
        shop.metric("webhook_events_total", &[("result", "error")]),
        refused_before + 2
    );

    broker.restart().unwrap();
    let back = wait_until(PATIENCE, || {
        Some(deliver(&shop, "evt_after")).filter(|answer| answer.status == 200)
    });
    assert!(back.is_some(), "the gateway does not find the broker again");
    let ids = event_ids(&shop.records("payments.events"));
    for id in ["evt_before", "evt_after"] {
        assert!(
            ids.iter().any(|found| found == id),
            "{id} was answered with 200: {ids:?}"
        );
    }
}

#[test]
fn own_kafka_saying_yes_before_the_acknowledgement_is_caught() {
    let mut broker = Kafka::start(&KafkaOptions::default()).unwrap();
    let planted = Shop::open_with(broker.bootstrap(), "planted", |launch| {
        launch.env("TRUEUP_PLANT", "yes-before-ack")
    });
    accepted(&planted, "evt_before");
    broker.kill();
    let caught = yes_without_a_broker(&planted);
    assert!(caught.is_some(), "the planted bug goes unseen");
}

#[test]
fn own_kafka_a_gateway_told_to_stop_answers_what_is_in_flight_and_exits_with_0() {
    let broker = Kafka::start(&KafkaOptions::default()).unwrap();
    let mut shop = Shop::open(broker.bootstrap(), "drain");
    accepted(&shop, "evt_0");
    let ready = shop.process.ready_path();
    assert!(ready.exists());

    signal(broker.pid(), "-STOP");
    let received = |shop: &Shop| shop.process.log().matches("event received").count();
    let before = received(&shop);
    let pid = shop.process.pid();
    let answers = std::thread::scope(|scope| {
        let shop = &shop;
        let posts: Vec<_> = (1..=4)
            .map(|number| scope.spawn(move || deliver(shop, &format!("evt_{number}"))))
            .collect();
        let in_flight = wait_until(PATIENCE, || (received(shop) == before + 4).then_some(()));
        signal(pid, "-TERM");
        let draining = wait_until(PATIENCE, || {
            shop.process
                .log()
                .contains("answering what is in flight")
                .then_some(())
        });
        let unanswered = posts.iter().all(|post| !post.is_finished());
        signal(broker.pid(), "-CONT");
        assert!(in_flight.is_some() && draining.is_some());
        assert!(
            unanswered,
            "a delivery was answered while the broker stood still"
        );
        let answers = posts.into_iter().map(|post| post.join().unwrap());
        answers.collect::<Vec<_>>()
    });
    for answer in answers {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let ended = wait_until(PATIENCE, || shop.process.ended());
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
    assert!(!ready.exists(), "the ready file outlives the gateway");
    let ids = event_ids(&shop.records("payments.events"));
    assert_eq!(ids, ["evt_0", "evt_1", "evt_2", "evt_3", "evt_4"]);
}
