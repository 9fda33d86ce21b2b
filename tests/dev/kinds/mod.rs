//! Every kind of gap from outside: what opens it once its grace is over, what closes it, and that
//! the gauges are the topic's open entries all along.

mod table;
mod watch;

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use trueup_domain::gap::{GapKind, GapStatus};

use self::table::{Case, Expected, Post};
use self::watch::Watch;
use crate::bench::{Dev, LIMIT, said, success};

/// Long enough that every case is seen to wait, short enough to wait for.
const GRACE: &str = "2s";
const GRACE_MS: i64 = 2_000;

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Snapshots first: of what comes together the inputs keep no order anyway.
fn post<'a>(dev: &Dev, posts: impl Iterator<Item = &'a Post>) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", dev.ready.kafka.as_deref().unwrap())
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    let mut events: Vec<Value> = Vec::new();
    for post in posts {
        match post {
            Post::Event(event) => events.push(event.clone()),
            Post::Snapshot { order, body } => {
                let body = body.to_string();
                let record = BaseRecord::to("orders").key(order).payload(&body);
                producer.send(record).unwrap();
            }
        }
    }
    producer.flush(LIMIT).unwrap();
    let sent = dev.send(&events);
    assert!(sent.status.success(), "{}", said(&sent));
}

#[test]
fn every_kind_of_gap_opens_after_its_grace_and_closes_for_its_reason() {
    let cases = table::read(include_str!("kinds.txt"), now_s());
    let dev = Dev::start(&[
        "--grace",
        GRACE,
        "--unlinked-age",
        "1s",
        "--orders-feed",
        "on",
    ]);
    let mut watch = Watch::of(&dev);
    watch.becomes(&[]);

    post(&dev, cases.iter().flat_map(|case| &case.posted));
    let opened: Vec<Expected> = cases.iter().flat_map(|case| case.opens.clone()).collect();
    watch.becomes(&opened);
    for (order, gap) in watch.gaps() {
        // What is unlinked has waited for its age, which no grace overrides.
        let grace_ms = match gap.kind {
            GapKind::Unlinked => 0,
            _ => GRACE_MS,
        };
        assert_eq!(gap.deadline - gap.since, grace_ms, "{order}: {gap:?}");
    }

    let closing = cases.iter().filter_map(|case| case.closed_by.as_ref());
    post(&dev, closing.flatten());
    let stay = cases.iter().filter(|case| case.closed_by.is_none());
    let stay: Vec<Expected> = stay.flat_map(|case| case.opens.clone()).collect();
    watch.becomes(&stay);
    assert!(watch.early.is_empty(), "{:#?}", watch.early);
}

#[test]
fn the_table_has_a_case_for_every_kind() {
    let cases: Vec<Case> = table::read(include_str!("kinds.txt"), 0);
    let told: BTreeSet<&str> = cases
        .iter()
        .flat_map(|case| case.opens.iter().map(|gap| gap.kind.as_str()))
        .collect();
    let all: BTreeSet<&str> = GapKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(told, all);
    for case in &cases {
        assert!(!case.posted.is_empty(), "nothing is posted: {}", case.title);
    }
}

#[test]
fn with_no_traffic_at_all_the_grace_still_runs_out_over_a_kill_too() {
    let mut dev = Dev::start(&["--grace", "6s", "--orders-feed", "on"]);
    let sent = dev.send(&[success("mug", 1)]);
    assert!(sent.status.success(), "{}", said(&sent));
    let waiting = Watch::of(&dev).first();
    assert_eq!(waiting.kind, GapKind::OrphanPayment);
    assert_eq!(waiting.status, GapStatus::Awaiting);
    dev.kill_and_restart();
    // From here on nothing is sent.
    let mut watch = Watch::of(&dev);
    watch.becomes(&[Expected {
        order: "mug".to_owned(),
        kind: "orphan_payment".to_owned(),
        amount: 1_000,
        currency: "eur".to_owned(),
        payment: Some("pi_mug1".to_owned()),
        unpaid: true,
    }]);
    let (_, open) = watch.gaps().next().unwrap();
    assert_eq!(
        (open.since, open.deadline),
        (waiting.since, waiting.deadline)
    );
    assert!(watch.early.is_empty(), "{:#?}", watch.early);
}
