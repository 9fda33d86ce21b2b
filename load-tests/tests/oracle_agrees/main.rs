//! The domain and the oracle are two readings of the same rules. Here they read the same logs,
//! of a lively shop and of an adversary, and must agree after every record.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod adversary;
mod along;

use adversary::Said;
use serde_json::Value;
use trueup_load_tests::fixtures::Fixtures;
use trueup_load_tests::oracle;
use trueup_load_tests::random::Random;
use trueup_load_tests::render::body;
use trueup_load_tests::scenario::story;
use trueup_plants::Plant;

/// How many orders each of the two tell; `TRUEUP_AGREEMENTS` sets another number.
fn orders() -> u64 {
    let told = std::env::var("TRUEUP_AGREEMENTS");
    told.ok().map_or(1_000, |count| count.parse().unwrap())
}

/// Leaves out whatever is not needed for the difference, and says what is left.
fn smallest(mut log: Vec<Said>) -> String {
    let mut place = 0;
    while place < log.len() {
        let left_out = log.remove(place);
        if along::difference(&log).is_none() {
            log.insert(place, left_out);
            place += 1;
        }
    }
    let lines: Vec<String> = log
        .iter()
        .map(|said| match said {
            Said::Event(event) => format!(
                "{} {} at {} {}",
                event["id"], event["type"], event["created"], event["data"]["object"]
            ),
            Said::Shop(shop) => shop.to_string(),
        })
        .collect();
    let difference = along::difference(&log).unwrap();
    format!("{}\n{difference}", lines.join("\n"))
}

fn agree(logs: impl Iterator<Item = (u64, Vec<Said>)>) {
    for (seed, log) in logs {
        if along::difference(&log).is_some() {
            panic!("order {seed}:\n{}", smallest(log));
        }
    }
}

fn adversary() -> impl Iterator<Item = (u64, Vec<Said>)> {
    (0..orders()).map(|seed| (seed, adversary::order(seed)))
}

/// The shop's orders, whose events and snapshots arrive in any order and some of them twice.
fn shop() -> impl Iterator<Item = (u64, Vec<Said>)> {
    let fixtures = Fixtures::load().unwrap();
    (0..orders()).map(move |number| {
        let story = story(77, number);
        let mut random = Random::fork(77, number);
        let mut log: Vec<Said> = Vec::new();
        for event in &story.events {
            for delivery in 0..=u64::from(random.percent(20)) {
                let bytes = body(&fixtures, event, delivery);
                let event: Value = serde_json::from_slice(&bytes).unwrap();
                log.push(Said::Event(event));
            }
        }
        for snapshot in &story.snapshots {
            log.push(Said::Shop(serde_json::from_str(&snapshot.body).unwrap()));
        }
        if random.percent(70) {
            random.shuffle(&mut log);
        }
        (number, log)
    })
}

#[test]
fn domain_and_oracle_agree_on_every_prefix_of_a_lively_shops_log() {
    agree(shop());
}

#[test]
fn domain_and_oracle_agree_on_every_prefix_of_an_adversarys_log() {
    agree(adversary());
}

#[test]
fn the_adversary_brings_every_status_and_every_kind_of_gap() {
    let mut statuses = std::collections::BTreeMap::new();
    let mut kinds = std::collections::BTreeMap::new();
    for (_, log) in adversary() {
        let (mut events, mut shops) = (Vec::new(), Vec::new());
        for said in log {
            match said {
                Said::Event(event) => events.push(event),
                Said::Shop(shop) => shops.push(shop),
            }
        }
        let state = oracle::state(&events, &shops);
        *statuses.entry(state.status).or_insert(0) += 1;
        for gap in oracle::gaps(&events, &shops, true) {
            *kinds.entry(gap.kind).or_insert(0) += 1;
        }
    }
    println!("{statuses:?}, {kinds:?}");
    assert_eq!(statuses.len(), 9, "{statuses:?}");
    assert!(statuses.values().all(|count| *count > 4), "{statuses:?}");
    assert_eq!(kinds.len(), oracle::KINDS.len(), "{kinds:?}");
    assert!(kinds.values().all(|count| *count > 4), "{kinds:?}");
}

#[test]
fn a_success_overridden_by_created_would_be_seen() {
    let seen = trueup_plants::with(Plant::CreatedBeatsSucceeded, || {
        let differs = |(_, log): (u64, Vec<Said>)| along::difference(&log).is_some();
        (shop().any(differs), adversary().any(differs))
    });
    assert_eq!(seen, (true, true));
}
