//! Every kind of gap from outside: what opens it once its grace is over, what closes it, and that
//! the gauges are the topic's open entries all along.

mod table;
mod watch;

use std::collections::BTreeSet;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use trueup_domain::gap::{GapKind, GapStatus};
use trueup_load_tests::clock;

use self::table::{Case, Expected, Post};
use self::watch::Watch;
use super::{LIMIT, Site};

/// Long enough that every case is seen to wait, short enough to wait for.
const GRACE_MS: i64 = 2_000;

/// How a [`Site`] is started for [`every_kind_opens_and_closes`].
pub(crate) const FOR_THE_TABLE: [&str; 6] = [
    "--grace",
    "2s",
    "--unlinked-age",
    "1s",
    "--orders-feed",
    "on",
];

/// How a [`Site`] is started for [`grace_runs_out_without_traffic`].
pub(crate) const FOR_SILENCE: [&str; 4] = ["--grace", "6s", "--orders-feed", "on"];

/// Snapshots first: of what comes together the inputs keep no order anyway.
fn post<'a>(site: &impl Site, posts: impl Iterator<Item = &'a Post>) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", site.kafka())
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    let topic = format!("{}orders", site.prefix());
    let mut events: Vec<Value> = Vec::new();
    for post in posts {
        match post {
            Post::Event(event) => events.push(event.clone()),
            Post::Snapshot { order, body } => {
                let body = body.to_string();
                let record = BaseRecord::to(&topic).key(order).payload(&body);
                producer.send(record).unwrap();
            }
        }
    }
    producer.flush(LIMIT).unwrap();
    assert!(site.send(&events), "not all events were accepted");
}

/// Posts the whole table, sees every gap of it open after its grace, and then close.
pub(crate) fn every_kind_opens_and_closes(site: &impl Site) {
    let cases = table::read(include_str!("kinds.txt"), clock::now_s());
    let mut watch = Watch::of(site);
    watch.becomes(&[]);

    post(site, cases.iter().flat_map(|case| &case.posted));
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
    post(site, closing.flatten());
    let stay = cases.iter().filter(|case| case.closed_by.is_none());
    let stay: Vec<Expected> = stay.flat_map(|case| case.opens.clone()).collect();
    watch.becomes(&stay);
    assert!(watch.early.is_empty(), "{:#?}", watch.early);
}

/// `success` is a paid event of the order `mug`, of which no shop knows. After it nothing is sent.
pub(crate) fn grace_runs_out_without_traffic(site: &mut impl Site, success: &Value) {
    assert!(site.send(std::slice::from_ref(success)));
    let waiting = Watch::of(site).first();
    assert_eq!(waiting.kind, GapKind::OrphanPayment);
    assert_eq!(waiting.status, GapStatus::Awaiting);
    site.kill_and_restart();
    let mut watch = Watch::of(site);
    let payment = &success["data"]["object"];
    watch.becomes(&[Expected {
        order: "mug".to_owned(),
        kind: "orphan_payment".to_owned(),
        amount: 1_000,
        currency: payment["currency"].as_str().unwrap().to_owned(),
        payment: Some(payment["id"].as_str().unwrap().to_owned()),
        unpaid: true,
    }]);
    let (_, open) = watch.gaps().next().unwrap();
    assert_eq!(
        (open.since, open.deadline),
        (waiting.since, waiting.deadline)
    );
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
