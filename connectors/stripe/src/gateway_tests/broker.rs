//! What the answer waits for: the broker's acknowledgement, its deadline, and the drain.

use super::*;

#[test]
fn a_broker_that_does_not_take_the_records_is_503_and_never_a_yes() {
    let broker = || PublishFault::Broker {
        reason: "xyzzy".to_owned(),
    };
    for (broker, code) in [
        (Broker::Refuses(PublishFault::NotReady), "broker_not_ready"),
        (Broker::Refuses(PublishFault::QueueFull), "queue_full"),
        (Broker::Refuses(broker()), "broker_unavailable"),
        (Broker::Fails(broker()), "broker_unavailable"),
        (Broker::Waits, "broker_timeout"),
    ] {
        let log = MemoryLog::new(broker);
        let answer = run(ask(
            &gateway(settings(), &log),
            signed(success().to_string()),
        ));
        assert_refused(&answer, 503, code);
        assert_eq!(
            answer.header("retry-after"),
            Some(&*RETRY_AFTER_S.to_string())
        );
    }
}

/// How long a silent broker keeps the sender waiting, and the answer that ends it.
fn silence() -> (Duration, u16) {
    let log = MemoryLog::new(Broker::Waits);
    let gateway = gateway(settings(), &log);
    run(async {
        let started = Instant::now();
        let answer = ask(&gateway, signed(success().to_string())).await;
        (started.elapsed(), answer.status)
    })
}

#[test]
fn the_answer_waits_for_the_acknowledgement_eight_seconds_at_most() {
    let (waited, status) = silence();
    assert_eq!(status, 503);
    assert!((8000..8100).contains(&waited.as_millis()), "{waited:?}");
}

#[test]
fn saying_yes_before_the_acknowledgement_is_caught() {
    let (_, status) = trueup_plants::with(Plant::YesBeforeAck, silence);
    assert_eq!(status, 200, "the planted bug goes unseen");
}

#[test]
fn the_yes_comes_with_the_acknowledgement() {
    let log = MemoryLog::new(Broker::Waits);
    let gateway = gateway(settings(), &log);
    run(async {
        let answer = ask(&gateway, signed(success().to_string()));
        let acknowledged = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            log.release();
        };
        let started = Instant::now();
        let (answer, ()) = tokio::join!(answer, acknowledged);
        assert_eq!(answer.status, 200);
        assert_eq!(started.elapsed().as_secs(), 3);
    });
}

#[test]
fn a_draining_gateway_refuses_what_is_new_and_answers_what_is_in_flight() {
    let log = MemoryLog::new(Broker::Waits);
    let gateway = gateway(settings(), &log);
    run(async {
        let in_flight = ask(&gateway, signed(success().to_string()));
        let draining = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            gateway.in_flight.drain();
            let refused = ask(&gateway, signed(success().to_string())).await;
            assert_refused(&refused, 503, "draining");
            assert_eq!(refused.header("connection"), Some("close"));
            log.release();
            gateway.in_flight.empty().await;
        };
        let (answer, ()) = tokio::join!(in_flight, draining);
        assert_eq!(answer.status, 200);
    });
    assert_eq!(log.records().len(), 3);
}
