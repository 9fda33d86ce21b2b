//! `ledger apply` from outside, what `check` says of the store, and how `process` waits for it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::net::TcpListener;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trueup_testkit::{
    Cassandra, CassandraOptions, Launch, cql, kafka, topic_prefix, unique, wait_until,
};

/// How long a command may try a store that is away.
const GIVEN_UP: Duration = Duration::from_secs(20);

/// For what happens within seconds, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

fn trueup(arguments: &[&str]) -> Output {
    Launch::of(env!("CARGO_BIN_EXE_trueup"))
        .args(arguments.iter().copied())
        .output()
}

fn apply(hosts: &str, keyspace: &str, more: &[&str]) -> Output {
    let known = ["ledger", "apply", "--scylla", hosts, "--keyspace", keyspace];
    trueup(&[&known, more].concat())
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn result(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", err(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The line of `check` that speaks of the store.
fn store_line(hosts: &str, keyspace: &str) -> String {
    let output = trueup(&["check", "--scylla", hosts, "--keyspace", keyspace]);
    assert_eq!(output.status.code(), Some(1), "there are no brokers");
    let said = out(&output);
    let line = said.lines().find(|line| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("ok" | "FAIL")) && words.next() == Some("store")
    });
    line.unwrap_or_else(|| panic!("no line of the store in:\n{said}"))
        .to_owned()
}

fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn it_creates_once_and_then_changes_nothing() {
    let (hosts, keyspace) = (cql(), unique("apply"));
    let first = apply(&hosts, &keyspace, &[]);
    assert_eq!(first.status.code(), Some(0), "{}", err(&first));
    assert_eq!(out(&first), format!("created  {keyspace}  schema 4\n"));
    let second = apply(&hosts, &keyspace, &[]);
    assert_eq!(second.status.code(), Some(0), "{}", err(&second));
    assert_eq!(out(&second), format!("unchanged  {keyspace}  schema 4\n"));
}

#[test]
fn as_json_it_says_what_it_found_and_did() {
    let (hosts, keyspace) = (cql(), unique("apply_json"));
    let created = json!({
        "keyspace": keyspace, "result": "created", "from": 0, "to": 4,
        "migrations": ["0001_ledgers", "0002_event_index", "0003_object_links", "0004_sweep_cursors"],
    });
    assert_eq!(result(&apply(&hosts, &keyspace, &["--json"])), created);
    let unchanged = json!({
        "keyspace": keyspace, "result": "unchanged", "from": 4, "to": 4, "migrations": [],
    });
    assert_eq!(result(&apply(&hosts, &keyspace, &["--json"])), unchanged);

    let output = apply(
        &hosts,
        &keyspace,
        &["--json", "--replication", "datacenter1:1"],
    );
    let other = "{'class': 'SimpleStrategy', 'replication_factor': '1'}";
    assert_eq!(result(&output)["other_replication"], other);
    assert!(err(&output).contains("ALTER KEYSPACE"), "{}", err(&output));
}

#[test]
fn several_hosts_are_tried_until_one_answers() {
    let keyspace = unique("apply_hosts");
    let hosts = format!("{},{}", nobody(), cql());
    assert_eq!(
        result(&apply(&hosts, &keyspace, &["--json"]))["result"],
        "created"
    );
}

#[test]
fn a_store_that_is_away_is_named_with_the_way_out_and_exits_1() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for hosts in [nobody(), silent.local_addr().unwrap().to_string()] {
        let began = Instant::now();
        let output = apply(&hosts, "trueup", &["--json"]);
        let took = began.elapsed();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty(), "{}", out(&output));
        let said = err(&output);
        let told = said.lines().find(|line| line.starts_with("error: "));
        let told = told.unwrap_or_else(|| panic!("no error in:\n{said}"));
        for expected in [
            &hosts,
            "cannot be reached",
            "start it, or name the right hosts",
        ] {
            assert!(told.contains(expected), "`{expected}` is not in: {told}");
        }
        assert!(took < GIVEN_UP, "after {took:?}");
    }
}

#[test]
fn wrong_settings_exit_2_all_at_once_without_asking_the_store() {
    let wrong = ["--replication", "many"];
    let output = apply("127.0.0.1:1", "Not-One", &wrong);
    assert_eq!(output.status.code(), Some(2));
    let said = err(&output);
    for expected in ["--replication is `many`", "--keyspace is `Not-One`"] {
        assert!(said.contains(expected), "`{expected}` is not in:\n{said}");
    }
    for wrong in ["0", "eu:0", "eu:", ":3", "eu:3,us:3", "-1", ""] {
        let output = apply("127.0.0.1:1", "trueup", &["--replication", wrong]);
        assert_eq!(output.status.code(), Some(2), "`{wrong}`: {}", err(&output));
    }
    let output = trueup(&["ledger", "apply"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err(&output).contains("--scylla: missing"),
        "{}",
        err(&output)
    );
}

#[test]
fn a_datacenter_that_the_store_does_not_have_exits_1() {
    let keyspace = unique("apply_nowhere");
    let output = apply(&cql(), &keyspace, &["--replication", "nowhere:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("nowhere"), "{}", err(&output));
}

#[test]
fn check_tells_a_store_that_is_away_from_tables_that_are_not_there() {
    let (hosts, keyspace) = (cql(), unique("check_store"));
    let absent = store_line(&hosts, &keyspace);
    assert!(
        absent.contains("FAIL") && absent.contains("`trueup ledger apply`"),
        "{absent}"
    );
    assert_eq!(apply(&hosts, &keyspace, &[]).status.code(), Some(0));
    let there = store_line(&hosts, &keyspace);
    assert!(
        there.contains("ok") && there.contains("schema 4"),
        "{there}"
    );
    let nobody = nobody();
    let away = store_line(&nobody, &keyspace);
    assert!(away.contains("FAIL") && away.contains(&nobody), "{away}");
    assert!(away.contains("cannot be reached"), "{away}");
}

/// `process` on topics of its own.
fn process(prefix: &str, store: &str) -> Launch {
    let topics = ["--kafka", &kafka(), "--topic-prefix", prefix].map(str::to_owned);
    let apply = ["topics", "apply", "--partitions", "2"].map(str::to_owned);
    let applied = Launch::of(env!("CARGO_BIN_EXE_trueup"))
        .args([&apply[..], &topics[..]].concat())
        .output();
    assert_eq!(applied.status.code(), Some(0), "{}", err(&applied));
    Launch::of(env!("CARGO_BIN_EXE_trueup"))
        .args(["process", "--ops", "127.0.0.1:0", "--scylla", store])
        .args(topics)
        .secrets()
}

/// The wait for the store ends with the wish to stop, not with the store's silence.
#[test]
fn a_process_that_waits_for_a_silent_store_stops_when_asked() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = silent.local_addr().unwrap().to_string();
    let mut waiting = process(&topic_prefix("silent_store"), &store)
        .start()
        .unwrap();
    // It has come to the store once it connects; the connection is held open.
    silent.set_nonblocking(true).unwrap();
    let _connection = wait_until(SOON, || silent.accept().ok()).unwrap();
    let status = waiting.terminate(Duration::from_secs(5));
    assert_eq!(status.code(), Some(0));
}

#[test]
fn own_store_that_goes_away_is_told_in_a_few_lines_and_comes_back_by_itself() {
    let mut store = Cassandra::start(&CassandraOptions::default()).unwrap();
    let applied = apply(store.address(), "trueup", &[]);
    assert_eq!(applied.status.code(), Some(0), "{}", err(&applied));
    let prefix = topic_prefix("store_away");
    let mut running = process(&prefix, store.address()).start().unwrap();
    running.ready(SOON);
    let lines_before = running.log().lines().count();
    let began = Instant::now();
    store.kill();
    let told = |what: &str| wait_until(SOON, || running.log().contains(what).then_some(()));
    told("no node of the ledger store is connected").unwrap();
    store.restart().unwrap();
    told("the ledger store is connected again").unwrap();
    let lines = running.log().lines().count() - lines_before;
    // A few at both ends, and between them no more than one a second from all workers together.
    let most = 20 + usize::try_from(began.elapsed().as_secs()).unwrap();
    assert!(
        lines < most,
        "{lines} lines for one outage, of at most {most}"
    );
}
