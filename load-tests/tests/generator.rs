//! The stream of a seed: the same bytes for ever, realistic shares, facts that never differ.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trueup_load_tests::fixtures::Fixtures;
use trueup_load_tests::oracle::{self, reading};
use trueup_load_tests::render::body;
use trueup_load_tests::scenario::story;
use trueup_load_tests::story::Story;

fn stories(seed: u64, count: u64) -> Vec<Story> {
    (0..count).map(|number| story(seed, number)).collect()
}

/// FNV-1a: enough to tell two streams of bytes apart.
fn digest(seed: u64, count: u64) -> u64 {
    let fixtures = Fixtures::load().expect("the fixtures in the tree");
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    for story in stories(seed, count) {
        let bodies = story.events.iter().map(|event| body(&fixtures, event, 1));
        let snapshots = story
            .snapshots
            .into_iter()
            .map(|snapshot| snapshot.body.into_bytes());
        for byte in bodies.chain(snapshots).flatten() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    digest
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine() {
    assert_eq!(format!("{:016x}", digest(1, 200)), "22bf2f6cbc6ac9bf");
    assert_ne!(digest(1, 20), digest(2, 20));
}

/// All that a delivery may change, removed.
fn facts(mut event: Value) -> Value {
    event["pending_webhooks"] = Value::Null;
    event["request"] = Value::Null;
    event
}

#[test]
fn deliveries_of_one_event_differ_in_bytes_and_never_in_facts() {
    let fixtures = Fixtures::load().unwrap();
    let mut bodies = 0;
    let mut distinct = BTreeSet::new();
    for event in stories(5, 100).iter().flat_map(|story| &story.events) {
        let first: Value = serde_json::from_slice(&body(&fixtures, event, 0)).unwrap();
        for delivery in 0..4 {
            let bytes = body(&fixtures, event, delivery);
            assert_eq!(
                facts(serde_json::from_slice(&bytes).unwrap()),
                facts(first.clone())
            );
            assert_eq!(bytes, body(&fixtures, event, delivery));
            bodies += 1;
            distinct.insert(bytes);
        }
    }
    assert!(
        distinct.len() * 10 > bodies * 8,
        "{} of {bodies} bodies differ",
        distinct.len()
    );
}

#[test]
fn a_stream_holds_about_five_events_an_order_and_every_type_and_status() {
    let fixtures = Fixtures::load().unwrap();
    let mut types: BTreeMap<String, u32> = BTreeMap::new();
    let mut statuses: BTreeMap<&str, u32> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    let mut gaps: BTreeMap<&str, u32> = BTreeMap::new();
    let (mut events, mut unused, mut unlinked) = (0, 0, 0);
    let stories = stories(1, 2_000);
    for story in &stories {
        let read: Vec<Value> = story
            .events
            .iter()
            .map(|event| serde_json::from_slice(&body(&fixtures, event, 0)).unwrap())
            .collect();
        for event in &read {
            assert!(
                ids.insert(event["id"].as_str().unwrap().to_owned()),
                "an event id repeats"
            );
            events += 1;
            *types
                .entry(event["type"].as_str().unwrap().to_owned())
                .or_insert(0) += 1;
            if !reading::is_used(event) {
                unused += 1;
            } else if story.order_id.is_none() {
                assert_eq!(reading::order_id(event), None);
                unlinked += 1;
            } else {
                assert_eq!(reading::order_id(event), story.order_id);
            }
        }
        if story.order_id.is_some() {
            let snapshots: Vec<Value> = story
                .snapshots
                .iter()
                .map(|snapshot| serde_json::from_str(&snapshot.body).unwrap())
                .collect();
            *statuses
                .entry(oracle::state(&read, &snapshots).status)
                .or_insert(0) += 1;
            for gap in oracle::gaps(&read, &snapshots, true) {
                *gaps.entry(gap.kind).or_insert(0) += 1;
            }
        }
    }
    println!("{events} {unused} {unlinked} {gaps:?} {statuses:?} {types:?}");
    assert!(
        (9_000..=11_000).contains(&events),
        "{events} events in 2000 orders"
    );
    assert!(
        (100..1_000).contains(&unused),
        "{unused} events of unused types"
    );
    assert!(
        (40..400).contains(&unlinked),
        "{unlinked} events without an order"
    );
    assert!((50..400).contains(&gaps["paid_not_marked"]), "{gaps:?}");
    assert_eq!(
        gaps.len(),
        oracle::KINDS.len(),
        "some kind of gap never comes: {gaps:?}"
    );
    for used in reading::USED_TYPES {
        assert!(types.contains_key(*used), "no `{used}` in the stream");
    }
    assert_eq!(statuses.len(), 9, "some status never comes: {statuses:?}");
}
