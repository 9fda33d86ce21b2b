//! The command line from outside, where no service is needed: usage, configuration, secrets.
#![cfg(test)]

use std::path::PathBuf;
use std::process::{Command, Output};

const SECRET: &str = "whsec_0123456789abcdef0123";
const KEYS: &str = "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn trueup(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

/// A file of its own for each test, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("trueup-cli-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn wrong_usage_exits_2_and_help_and_version_exit_0() {
    for wrong in [
        &["frobnicate"][..],
        &[],
        &["ingest", "--no-such-flag"],
        &["topics"],
        &["order"],
        &["dlq"],
        &["dlq", "replay", "--class", "poison"],
    ] {
        assert_eq!(trueup(wrong, &[]).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(trueup(&["--help"], &[]).status.code(), Some(0));
    let version = trueup(&["--version"], &[]);
    assert!(text(&version).starts_with("trueup "), "{}", text(&version));
}

#[test]
fn every_fault_is_told_at_once() {
    let output = trueup(
        &[
            "process",
            "--kafka",
            "nowhere",
            "--grace",
            "soon",
            "--workers",
            "0",
            "--ops",
            "0.0.0.0:0",
        ],
        &[("TRUEUP_ORDERS_FEED", "maybe"), ("TRUEUP_KEYSPACE", "No")],
    );
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    for expected in [
        "--kafka is `nowhere`",
        "--grace is `soon`",
        "--workers is `0`",
        "--ops is `0.0.0.0:0`",
        "--ops-token",
        "TRUEUP_ORDERS_FEED is `maybe`: not one of auto, on, off",
        "TRUEUP_KEYSPACE is `No`",
        "--scylla: missing",
        "TRUEUP_SIGNING_KEYS: missing",
    ] {
        assert!(said.contains(expected), "`{expected}` is not in:\n{said}");
    }
}

#[test]
fn without_a_secret_the_gateway_does_not_start() {
    let output = trueup(
        &["ingest", "--kafka", "127.0.0.1:1"],
        &[("STRIPE_WEBHOOK_SECRET", "")],
    );
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(said.contains("STRIPE_WEBHOOK_SECRET: missing"), "{said}");
    assert!(said.contains("STRIPE_WEBHOOK_SECRET_FILE"), "{said}");
    assert!(said.contains("TRUEUP_SIGNING_KEYS: missing"), "{said}");
}

#[test]
fn a_bad_secret_is_refused_and_never_printed() {
    let cases = [
        ("STRIPE_WEBHOOK_SECRET", "tooshort-xyzzy", "14 characters"),
        (
            "STRIPE_WEBHOOK_SECRET",
            "whsec_xyzzy0123456789abcdef,",
            "empty member",
        ),
        (
            "TRUEUP_SIGNING_KEYS",
            "k1:xyzzy-this-is-not-base64!!",
            "id:base64",
        ),
        ("TRUEUP_OPS_TOKEN", "xyzzy", "5 characters"),
    ];
    for (variable, value, expected) in cases {
        let sound = [
            ("STRIPE_WEBHOOK_SECRET", SECRET),
            ("TRUEUP_SIGNING_KEYS", KEYS),
        ];
        let mut variables: Vec<_> = sound
            .into_iter()
            .filter(|(name, _)| *name != variable)
            .collect();
        variables.push((variable, value));
        for command in [&["ingest", "--kafka", "127.0.0.1:1"][..], &["check"]] {
            let output = trueup(command, &variables);
            let said = text(&output);
            assert!(
                said.contains(expected) && said.contains(variable),
                "{variable}:\n{said}"
            );
            assert!(
                !said.contains("xyzzy"),
                "{variable} shows its value:\n{said}"
            );
        }
    }
}

#[test]
fn check_shows_each_setting_with_its_source_and_masks_secrets() {
    let file = Scratch::new(
        "check.toml",
        "keyspace = \"shop\"\ngrace = \"7m\"\nworkers = 3\n\
         [endpoint.eu]\nsecret = \"whsec_plugh_0123456789\"\nlivemode = true\n",
    );
    let output = trueup(
        &[
            "check",
            "--config",
            file.path(),
            "--grace",
            "9m",
            "--kafka-config",
            "sasl.password=swordfish",
        ],
        &[
            ("TRUEUP_KEYSPACE", "market"),
            ("STRIPE_WEBHOOK_SECRET", SECRET),
            ("TRUEUP_SIGNING_KEYS", KEYS),
            (
                "TRUEUP_SCHEMA_REGISTRY",
                "http://user:swordfish@127.0.0.1:1",
            ),
        ],
    );
    let said = text(&output);
    assert_eq!(
        output.status.code(),
        Some(1),
        "nothing to connect to is a failure:\n{said}"
    );
    let line = |name: &str| {
        said.lines()
            .find(|line| line.split(' ').next() == Some(name))
            .unwrap()
    };
    assert!(
        line("grace").contains("9m") && line("grace").contains("(flag)"),
        "{said}"
    );
    assert!(
        line("keyspace").contains("market  (env TRUEUP_KEYSPACE)"),
        "{said}"
    );
    assert!(
        line("workers").contains('3') && line("workers").contains("(file "),
        "{said}"
    );
    assert!(line("http").contains("(default)"), "{said}");
    assert!(line("stripe-webhook-secret").contains("********"), "{said}");
    assert!(line("endpoint.eu.secret").contains("********"), "{said}");
    for secret in ["whsec", "MDEy", "swordfish", "plugh"] {
        assert!(!said.contains(secret), "`{secret}` is shown:\n{said}");
    }
}

#[test]
fn a_key_the_file_should_not_have_is_answered_with_the_nearest_name() {
    let file = Scratch::new(
        "typo.toml",
        "kafak = \"a:1\"\n[endpoint.eu]\nsecrt = \"x\"\n",
    );
    let output = trueup(&["ingest", "--config", file.path()], &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(
        said.contains("`kafak`") && said.contains("did you mean `kafka`?"),
        "{said}"
    );
    assert!(
        said.contains("endpoint.eu.secrt") && said.contains("did you mean `secret`?"),
        "{said}"
    );
}

#[test]
fn a_file_that_is_not_toml_is_refused_without_quoting_it() {
    let file = Scratch::new(
        "broken.toml",
        "kafka = \"a:1\"\nops-token = \"xyzzy-0123456789-xyzzy\n",
    );
    let output = trueup(&["ingest", "--config", file.path()], &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(said.contains("line 2"), "{said}");
    assert!(!said.contains("xyzzy"), "{said}");
}

#[test]
fn a_secret_may_lie_in_a_file_and_a_file_that_is_missing_is_a_fault() {
    let secret = Scratch::new("secret", &format!("{SECRET}\n"));
    let variables = [
        ("STRIPE_WEBHOOK_SECRET_FILE", secret.path()),
        ("TRUEUP_SIGNING_KEYS", KEYS),
    ];
    let said = text(&trueup(&["ingest", "--http", "nonsense"], &variables));
    assert!(!said.contains("STRIPE_WEBHOOK_SECRET"), "{said}");

    let variables = [
        ("STRIPE_WEBHOOK_SECRET_FILE", "/no/such/file"),
        ("TRUEUP_SIGNING_KEYS", KEYS),
    ];
    let output = trueup(&["ingest"], &variables);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(
        said.contains("STRIPE_WEBHOOK_SECRET_FILE is `/no/such/file`"),
        "{said}"
    );
}

#[test]
fn the_kafka_settings_that_exactly_once_rests_on_cannot_be_changed() {
    let output = trueup(
        &[
            "topics",
            "apply",
            "--kafka",
            "127.0.0.1:1",
            "--kafka-config",
            "acks=1",
            "--kafka-config",
            "no.such=1",
        ],
        &[],
    );
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(
        said.contains("`acks` is not to be changed") && said.contains("`no.such`"),
        "{said}"
    );
}

#[test]
fn nothing_that_answers_is_a_failure_and_not_an_unknown_id() {
    let output = trueup(&["order", "order-1", "--ops", "127.0.0.1:1"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("does not answer"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_processor_that_is_none_is_refused_by_name() {
    let only = ["process", "--only", "sweeper"];
    let output = trueup(&only, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("--only is `sweeper`"), "{output:?}");
}

#[test]
fn a_refused_registry_does_not_show_the_password_it_carries() {
    for url in [
        "ftp://user:swordfish@127.0.0.1:1",
        "user:swordfish@127.0.0.1",
    ] {
        let output = trueup(&["check", "--schema-registry", url], &[]);
        let said = text(&output);
        assert!(said.contains("not a URL"), "{said}");
        assert!(!said.contains("swordfish"), "{said}");
    }
}

#[test]
fn gaps_of_a_kind_that_is_none_are_refused_and_the_kinds_named() {
    let output = trueup(&["gaps", "--kind", "lost", "--limit", "0"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output);
    assert!(said.contains("paid_not_marked, late_success"), "{said}");
    assert!(said.contains("from 1 to 1000"), "{said}");
    let nobody = trueup(&["gaps", "--ops", "127.0.0.1:1"], &[]);
    assert_eq!(nobody.status.code(), Some(1));
}
