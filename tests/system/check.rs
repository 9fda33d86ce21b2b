//! `check` against real services: one line for each thing, and it goes on after what fails.

use serde_json::Value;

use crate::support::bench::{Bench, code, lines_of, said};

const LINES: [&str; 5] = ["configuration", "brokers", "store", "topics", "clock"];

fn results(checked: &Value) -> Vec<(&str, bool)> {
    let checks = checked["checks"].as_array().unwrap().iter();
    checks
        .map(|check| {
            (
                check["check"].as_str().unwrap(),
                check["ok"].as_bool().unwrap(),
            )
        })
        .collect()
}

#[test]
fn all_is_well_once_topics_and_ledger_are_applied() {
    let bench = Bench::applied("check");
    let checked = bench.both().args(["check"]).output();
    let text = said(&checked);
    assert_eq!(code(&checked), 0, "{text}");
    for name in LINES {
        let lines = text
            .lines()
            .filter(|line| line.starts_with(&format!("ok    {name} ")));
        assert_eq!(lines.count(), 1, "{name} in:\n{text}");
    }
    assert!(text.contains("9 topics, 2 partitions each"), "{text}");
    assert!(!text.contains(trueup_testkit::WEBHOOK_SECRET), "{text}");
    assert!(!text.contains("MDEyMzQ1"), "{text}");

    let checked = bench.both().args(["check", "--json"]).output();
    let json = &lines_of(&checked)[0];
    assert_eq!(results(json), LINES.map(|name| (name, true)));
    let prefix = json["settings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["name"] == "topic-prefix");
    assert_eq!(prefix.unwrap()["value"], bench.prefix);
    assert_eq!(prefix.unwrap()["source"], "env TRUEUP_TOPIC_PREFIX");
}

#[test]
fn what_was_never_applied_is_named_with_the_way_out() {
    let bench = Bench::named("unapplied");
    let checked = bench
        .both()
        .args(["check", "--json", "--grace", "soon"])
        .output();
    assert_eq!(code(&checked), 1, "{}", said(&checked));
    let json = &lines_of(&checked)[0];
    let wanted = [
        ("configuration", false),
        ("brokers", true),
        ("store", false),
        ("topics", false),
        ("clock", false),
    ];
    assert_eq!(results(json), wanted, "{json}");
    let detail = |name: &str| {
        let checks = json["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).unwrap()["detail"].to_string()
    };
    assert!(
        json["faults"][0]
            .as_str()
            .unwrap()
            .contains("--grace is `soon`"),
        "{json}"
    );
    assert!(detail("topics").contains("trueup topics apply"), "{json}");
    assert!(
        detail("topics").contains(&bench.topics.payments_events()),
        "{json}"
    );
    assert!(detail("store").contains("trueup ledger apply"), "{json}");
}
