//! Dead letters of every kind beside a running `dev`: listed, shown, replayed, discarded.

use serde_json::{Value, json};
use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, said};
use crate::poison::{Poison, dlq, expect_depths, json};

const HOPELESS: [(&str, u64); 4] = [
    ("forged", 2),
    ("oversize", 1),
    ("malformed", 1),
    ("contract", 1),
];

/// A `dev` with three letters of each of two orders, and some that no replay can help.
fn poisoned() -> Dev {
    let dev = Dev::start(&[]);
    let poison = Poison::of(&dev);
    for number in 0..3 {
        poison.misplaced("mug", number);
        poison.misplaced("cup", number);
    }
    poison.hopeless();
    poison.flush();
    let mut depths = HOPELESS.to_vec();
    depths.push(("misplaced", 6));
    expect_depths(&dev, &depths);
    dev
}

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().unwrap()
}

fn ids(answer: &Value) -> Vec<&str> {
    let ids = items(answer)
        .iter()
        .map(|item| item["id"].as_str().unwrap());
    ids.collect()
}

#[test]
fn letters_are_listed_by_class_order_and_age_in_pages() {
    let dev = poisoned();
    let all = json(&dlq(&dev, &["list"]));
    assert_eq!(items(&all).len(), 11, "{all}");
    assert_eq!(all["next"], Value::Null);
    let forged = json(&dlq(&dev, &["list", "--class", "forged"]));
    let keys: Vec<&Value> = items(&forged).iter().map(|item| &item["key"]).collect();
    assert_eq!(keys.len(), 2);
    assert!(keys.contains(&&json!("forged-1")) && keys.contains(&&json!("forged-2")));
    // Three misplaced events, and the two snapshots that are none.
    let mug = json(&dlq(&dev, &["list", "--order", "mug"]));
    assert_eq!(items(&mug).len(), 5, "{mug}");
    let new = json(&dlq(&dev, &["list", "--since", "1h"]));
    assert_eq!(ids(&new), ids(&all));
    let old = json(&dlq(&dev, &["list", "--older-than", "1h"]));
    assert_eq!(items(&old).len(), 0);
    // Page by page they are the same.
    let mut paged = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut words = vec!["list", "--limit", "4"];
        words.extend(cursor.iter().flat_map(|cursor| ["--cursor", cursor]));
        let page = json(&dlq(&dev, &words));
        assert!(items(&page).len() <= 4);
        paged.extend(ids(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(paged, ids(&all));
    // Kafka itself says the same.
    let kafka = dev.ready.kafka.as_deref().unwrap();
    let direct = crate::bench::trueup()
        .args(["dlq", "list", "--json", "--kafka", kafka])
        .output();
    assert_eq!(json(&direct), all);
}

#[test]
fn a_letter_is_shown_with_its_record_and_an_unknown_one_is_an_error() {
    let dev = poisoned();
    let malformed = json(&dlq(&dev, &["list", "--class", "malformed"]));
    let id = ids(&malformed)[0];
    let shown = json(&dlq(&dev, &["show", id]));
    assert_eq!(shown["class"], "malformed");
    assert_eq!(shown["topic"], "orders");
    assert_eq!(shown["key"], "mug");
    assert_eq!(shown["attempts"], 1);
    assert_eq!(shown["payload_base64"], "bm8gc25hcHNob3Q=");
    assert_eq!(
        shown["headers"],
        json!([{"name": "shop", "value": "north"}])
    );
    assert_eq!(shown["replay"]["outcome"], "would_fail");
    let text = crate::bench::trueup()
        .args(["dlq", "show", id, "--ops", dev.ops()])
        .output();
    assert!(said(&text).contains("no snapshot"), "{}", said(&text));
    let unknown = dlq(&dev, &["show", "payments.events/0/4711"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        said(&unknown).contains("no dead letter"),
        "{}",
        said(&unknown)
    );
}

#[test]
fn a_dry_run_says_what_each_letter_would_do_and_changes_nothing() {
    let dev = poisoned();
    let before = json(&dlq(&dev, &["list"]));
    let output = dlq(&dev, &["replay"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = json(&output);
    assert_eq!(report["dry_run"], true);
    assert_eq!(report["selected"], 11);
    assert_eq!(
        (&report["replayed"], &report["failed"]),
        (&json!(0), &json!(0))
    );
    let of = |class: &str| -> Vec<&Value> {
        let letters = report["letters"].as_array().unwrap();
        let of = letters.iter().filter(|told| told["class"] == class);
        of.map(|told| &told["outcome"]).collect()
    };
    assert_eq!(of("misplaced"), vec!["would_replay"; 6]);
    assert_eq!(of("malformed"), ["would_fail"]);
    assert_eq!(of("oversize"), ["would_fail"]);
    assert_eq!(of("forged"), ["skipped", "skipped"]);
    assert_eq!(of("contract"), ["skipped"]);
    let discarded = json(&dlq(&dev, &["discard", "--class", "forged"]));
    assert_eq!(
        (&discarded["selected"], &discarded["discarded"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(json(&dlq(&dev, &["list"])), before);
}

#[test]
fn a_replay_pays_the_orders_and_what_fails_again_is_a_new_letter() {
    let mut dev = poisoned();
    let output = dlq(&dev, &["replay", "--yes"]);
    assert_eq!(output.status.code(), Some(1), "two are refused again");
    let report = json(&output);
    assert_eq!(report["dry_run"], false);
    for (name, count) in [
        ("selected", 11),
        ("replayed", 6),
        ("skipped", 3),
        ("failed", 2),
    ] {
        assert_eq!(report[name], count, "{name}: {report}");
    }
    assert_eq!(report["by_class"]["misplaced"]["replayed"], 6);
    assert_eq!(report["by_class"]["forged"]["skipped"], 2);
    for order in ["mug", "cup"] {
        let held = dev.statuses(order, |held| held.len() == 3);
        let causes: Vec<&str> = held.iter().map(|record| record.event_id.as_str()).collect();
        let expected: Vec<String> = (0..3)
            .map(|number| format!("evt_{order}_{number}"))
            .collect();
        assert_eq!(causes, expected, "each once and in order");
        assert_eq!(held[2].amount_received, 300);
    }
    expect_depths(&dev, &HOPELESS);
    let letter = malformed_after(&dev, 2);
    // What could be replayed is gone, and a second replay finds none of it.
    let second = json(&dlq(&dev, &["replay", "--yes", "--class", "misplaced"]));
    assert_eq!(second["selected"], 0);
    // All of that is the same after a `kill -9`.
    dev.kill_and_restart();
    expect_depths(&dev, &HOPELESS);
    let first_seen = letter["first_seen"].clone();
    // Kafka alone, without keys: nobody signs the order service's records, so they are judged.
    let third = crate::bench::trueup()
        .args(["dlq", "replay", "--yes", "--class", "malformed", "--kafka"])
        .args([dev.ready.kafka.as_deref().unwrap()])
        .output();
    assert_eq!(third.status.code(), Some(1), "{}", said(&third));
    expect_depths(&dev, &HOPELESS);
    assert_eq!(malformed_after(&dev, 3)["first_seen"], first_seen);
}

/// The one malformed letter, once it was refused so often.
fn malformed_after(dev: &Dev, attempts: u64) -> Value {
    let found = wait_until(LIMIT, || {
        let list = json(&dlq(dev, &["list", "--class", "malformed"]));
        let letter = items(&list).first()?.clone();
        (letter["attempts"] == attempts).then_some(letter)
    });
    found.unwrap()
}

#[test]
fn what_is_discarded_is_gone_for_good() {
    let mut dev = poisoned();
    let forged = json(&dlq(&dev, &["list", "--class", "forged"]));
    let one = ids(&forged)[0];
    let report = json(&dlq(&dev, &["discard", "--yes", "--id", one]));
    assert_eq!(
        (&report["selected"], &report["discarded"]),
        (&json!(1), &json!(1))
    );
    let unknown = dlq(&dev, &["discard", "--yes", "--id", one]);
    assert_eq!(unknown.status.code(), Some(1), "{}", said(&unknown));
    let kafka = dev.ready.kafka.clone().unwrap();
    let rest = crate::bench::trueup()
        .args(["dlq", "discard", "--yes", "--json", "--kafka", &kafka])
        .output();
    let rest = json(&rest);
    assert_eq!(
        (&rest["discarded"], &rest["failed"]),
        (&json!(10), &json!(0))
    );
    expect_depths(&dev, &[]);
    dev.kill_and_restart();
    expect_depths(&dev, &[]);
    assert_eq!(items(&json(&dlq(&dev, &["list"]))).len(), 0);
}

#[test]
fn the_api_refuses_what_it_does_not_know_and_what_another_site_asks_for() {
    let dev = poisoned();
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let url = |path: &str| format!("http://{}/api/v1/dead-letters{path}", dev.ops());
    let post = |path: &str, body: &str| {
        let sent = agent.post(url(path)).send(body).unwrap();
        sent.status().as_u16()
    };
    for wrong in [
        "",
        "{}",
        r#"{"yes":"no"}"#,
        r#"{"yes":false,"force":1}"#,
        r#"{"yes":false,"class":"poison"}"#,
    ] {
        assert_eq!(post("/replay", wrong), 400, "{wrong}");
    }
    assert_eq!(post("/replay?rate=0", r#"{"yes":false}"#), 400);
    assert_eq!(post("", r#"{"yes":false}"#), 405);
    assert_eq!(
        post("/replay", &format!("\"{}\"", "x".repeat(600_000))),
        413
    );
    let get = |path: &str| agent.get(url(path)).call().unwrap().status().as_u16();
    for (path, status) in [
        ("", 200),
        ("?limit=1000", 200),
        ("?limit=1001", 400),
        ("?limit=0", 400),
        ("?cursor=x", 400),
        ("?page=1", 400),
        ("/replay", 405),
        ("/nothing/0/1", 404),
    ] {
        assert_eq!(get(path), status, "{path}");
    }
    let foreign = agent
        .post(url("/replay"))
        .header("origin", "https://example.com")
        .send(r#"{"yes":true}"#);
    assert_eq!(foreign.unwrap().status(), 403);
    let mut body = agent
        .post(url("/replay"))
        .send(r#"{"yes":true,"class":"misplaced"}"#)
        .unwrap();
    let report: Value = body.body_mut().read_json().unwrap();
    assert_eq!(
        (&report["replayed"], &report["failed"]),
        (&json!(6), &json!(0))
    );
    assert_eq!(
        items(&json(&dlq(&dev, &["list", "--class", "misplaced"]))).len(),
        0
    );
}
