//! The ops listener: health, metrics, what needs the token, and what is not served.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use trueup_testkit::{Launch, Trueup, wait_until};

use crate::support::LIMIT;
use crate::support::bench::Bench;
use crate::support::http::{ask, get, metric};

const TOKEN: &str = "ops_0123456789abcdef";
/// Brokers that are away do not keep a process from ending when it is told to.
const DRAIN: Duration = Duration::from_secs(15);
/// Nothing listens on port 1.
const NOWHERE: &str = "127.0.0.1:1";

fn away(arguments: &[&str]) -> Launch {
    Bench::plain()
        .env("TRUEUP_KAFKA", NOWHERE)
        .env("TRUEUP_SCYLLA", NOWHERE)
        .args(arguments.iter().copied())
}

/// The ops listener of a process that is not ready, from its log.
fn ops_of(process: &Trueup) -> String {
    let found = wait_until(LIMIT, || {
        let log = process.log();
        let line = log
            .lines()
            .find(|line| line.contains("ops listener open"))?;
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(line["ops"].as_str()?.replace("0.0.0.0", "127.0.0.1"))
    });
    found.unwrap_or_else(|| panic!("no ops listener: {}", process.log()))
}

/// What every healthy process answers.
pub(crate) fn is_healthy(ops: &str, command: &str, components: &[&str]) {
    let health = get(ops, "/actuator/health");
    assert_eq!(health.status, 200, "{health:?}");
    let body = health.json();
    assert_eq!(body["status"], "UP");
    let named: Vec<&str> = body["components"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(named, components);
    for probe in ["liveness", "readiness"] {
        let answer = get(ops, &format!("/actuator/health/{probe}"));
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"status": "UP"})),
            "{probe}"
        );
    }
    let info = get(ops, "/actuator/info").json();
    assert_eq!(info["app"]["name"], "trueup");
    assert_eq!(info["command"], command);
    let metrics = get(ops, "/actuator/prometheus");
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(
        get(ops, "/")
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
}

#[test]
fn without_brokers_a_process_lives_and_is_not_ready() {
    for command in ["ingest", "process"] {
        let ports = ["--ops", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        let ports = if command == "process" {
            &ports[..2]
        } else {
            &ports
        };
        let mut process = away(&[&[command], ports].concat()).start().unwrap();
        let ops = ops_of(&process);
        let health = get(&ops, "/actuator/health");
        assert_eq!(health.status, 503, "{health:?}");
        let body = health.json();
        assert_eq!(body["status"], "DOWN");
        assert_eq!(body["components"]["topics"]["status"], "DOWN");
        let ready = get(&ops, "/actuator/health/readiness");
        assert_eq!(
            (ready.status, ready.json()),
            (503, json!({"status": "DOWN"}))
        );
        assert_eq!(get(&ops, "/actuator/health/liveness").status, 200);
        let order = get(&ops, "/api/v1/orders/order-1");
        let (status, code) = match command {
            "process" => (503, "starting"),
            _ => (404, "not_served"),
        };
        assert_eq!(
            (order.status, &order.json()["error"]["code"]),
            (status, &json!(code))
        );
        assert_eq!(process.ready_now(), None);
        assert!(process.terminate(DRAIN).success(), "{}", process.log());
    }
}

#[test]
fn the_ready_file_tells_where_and_goes_with_the_process() {
    let bench = Bench::applied("ready");
    let mut ingest = bench.ingest();
    std::fs::write(ingest.ready_path(), "{\"pid\":1}").unwrap();
    ingest.restart().unwrap();
    let ready = ingest.ready(LIMIT);
    assert_eq!(ready.kafka.as_deref(), Some(bench.kafka.as_str()));
    is_healthy(
        ready.ops.as_deref().unwrap(),
        "ingest",
        &["gateway", "topics"],
    );
    let asked = get(ready.http.as_deref().unwrap(), "/webhooks/stripe");
    assert_eq!((asked.status, asked.header("allow")), (405, Some("POST")));
    assert!(ingest.terminate(LIMIT).success());
    assert!(!ingest.ready_path().exists());
}

#[test]
fn what_counts_is_there_at_zero_before_anything_happened() {
    let process = away(&["process", "--ops", "127.0.0.1:0"]).start().unwrap();
    let ops = ops_of(&process);
    let kinds = trueup_domain::gap::GapKind::ALL
        .iter()
        .map(|kind| kind.as_str());
    let types = trueup_domain::event::EventType::ALL
        .iter()
        .map(|kind| kind.as_str());
    let statuses = ["pending", "processing", "succeeded", "failed", "canceled"];
    let mut series: Vec<String> = [
        "payments_reconcile_gap",
        "payments_webhook_idempotency_conflicts_total",
        "payments_reconciliation_failures_total",
        "payments_reconciled_total",
        "payments_idempotency_hits_total",
        "webhook_retries_total",
    ]
    .map(str::to_owned)
    .to_vec();
    series.extend(kinds.map(|kind| format!("payments_gap_entries{{kind=\"{kind}\"}}")));
    series.extend(statuses.map(|status| format!("payments_total{{status=\"{status}\"}}")));
    let counted = |name: &str| format!("payments_webhook_events_total{{type=\"{name}\"}}");
    series.extend(types.clone().map(counted));
    for series in series {
        assert_eq!(metric(&ops, &series), Some(0.0), "{series}");
    }
    is_an_exposition(&get(&ops, "/metrics").body);

    let ports = ["--ops", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    let gateway = away(&[&["ingest"], &ports[..]].concat()).start().unwrap();
    let ops = ops_of(&gateway);
    for name in types.chain(["other"]) {
        for result in ["ok", "error"] {
            let series = format!("webhook_events_total{{type=\"{name}\",result=\"{result}\"}}");
            assert_eq!(metric(&ops, &series), Some(0.0), "{series}");
        }
    }
    assert_eq!(metric(&ops, "webhook_retries_total"), Some(0.0));
    is_an_exposition(&get(&ops, "/metrics").body);
}

#[test]
fn beyond_loopback_only_metrics_and_health_are_free() {
    let open = ["ingest", "--http", "127.0.0.1:0", "--ops", "0.0.0.0:0"];
    let gateway = away(&open).env("TRUEUP_OPS_TOKEN", TOKEN).start().unwrap();
    let ops = ops_of(&gateway);
    for free in [
        "/metrics",
        "/actuator/prometheus",
        "/actuator/health",
        "/actuator/health/liveness",
        "/actuator/health/readiness",
    ] {
        assert!([200, 503].contains(&get(&ops, free).status), "{free}");
    }
    for guarded in [
        "/actuator/info",
        "/",
        "/api/v1/orders/1",
        "/api/v1/events/1",
        "/nothing",
    ] {
        for wrong in [
            None,
            Some("ops_0123456789abcdeg"),
            Some("ops_0123456789abcdef0"),
            Some(""),
        ] {
            let refused = ask("GET", &ops, guarded, wrong);
            assert_eq!(refused.status, 401, "{guarded} {wrong:?}");
            assert_eq!(refused.json()["error"]["code"], "unauthorized");
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        }
        let answered = ask("GET", &ops, guarded, Some(TOKEN));
        assert_ne!(answered.status, 401, "{guarded}: {answered:?}");
    }
    assert_eq!(ask("GET", &ops, "/actuator/info", Some(TOKEN)).status, 200);
    assert!(!gateway.log().contains(TOKEN));
    // The command line sends the token it is given.
    let asking = Bench::plain().args(["order", "order-1", "--ops", &ops]);
    let refused = crate::support::bench::said(&asking.output());
    assert!(refused.contains("401"), "{refused}");
    let answered = crate::support::bench::said(&asking.env("TRUEUP_OPS_TOKEN", TOKEN).output());
    assert!(answered.contains("no store to ask"), "{answered}");
}

#[test]
fn other_paths_are_404_and_other_methods_405_each_with_a_body() {
    let open = ["ingest", "--http", "127.0.0.1:0", "--ops", "127.0.0.1:0"];
    let gateway = away(&open).start().unwrap();
    let ops = ops_of(&gateway);
    let unknown = [
        "/metrics/",
        "/actuator",
        "/api/v1/orders",
        "/api/v2/orders/1",
        "/api/v1/gap",
    ];
    for path in unknown {
        for method in ["GET", "POST"] {
            let answer = ask(method, &ops, path, None);
            assert_eq!(answer.status, 404, "{method} {path}");
            assert_eq!(
                answer.json()["error"]["code"],
                "not_found",
                "{method} {path}"
            );
        }
    }
    for path in ["/metrics", "/actuator/health", "/api/v1/orders/1", "/"] {
        for method in ["POST", "PUT", "DELETE"] {
            let answer = ask(method, &ops, path, None);
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"));
            assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
        }
        let head = ask("HEAD", &ops, path, None);
        assert_eq!(head.body, "", "HEAD {path}");
    }
}

/// One family of metrics as the text format tells it.
#[derive(Default)]
struct Family {
    kind: String,
    helped: bool,
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Holds `text` to the rules of Prometheus's text format that a scrape would stumble over, and
/// to the names' own rules.
pub(crate) fn is_an_exposition(text: &str) {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let (what, rest) = comment.split_once(' ').unwrap();
            let (name, told) = rest.split_once(' ').unwrap_or((rest, ""));
            let family = families.entry(name.to_owned()).or_default();
            assert!(
                family.samples.is_empty(),
                "{name}: told of after its samples"
            );
            match what {
                "HELP" => family.helped = !told.is_empty(),
                "TYPE" => {
                    assert!(family.kind.is_empty(), "{name} has two types");
                    family.kind = told.to_owned();
                    current = name.to_owned();
                }
                other => panic!("{other}: {line}"),
            }
            continue;
        }
        let (name, labels, value) = sample(line);
        assert!(seen.insert((name.clone(), labels.clone())), "twice: {line}");
        let family = families
            .get_mut(&current)
            .unwrap_or_else(|| panic!("no type: {line}"));
        let suffix = name
            .strip_prefix(&current)
            .unwrap_or_else(|| panic!("stray: {line}"));
        let legal: &[&str] = match family.kind.as_str() {
            "counter" | "gauge" => &[""],
            "summary" => &["", "_sum", "_count"],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("{current} is a {other}"),
        };
        assert!(legal.contains(&suffix), "{line}: {}", family.kind);
        family.samples.push((suffix.to_owned(), labels, value));
    }
    for (name, family) in &families {
        assert!(family.helped, "{name} has no help");
        assert_eq!(
            family.kind == "counter",
            name.ends_with("_total"),
            "{name}: {}",
            family.kind
        );
        match family.kind.as_str() {
            "counter" => assert!(family.samples.iter().all(|(_, _, value)| *value >= 0.0)),
            "histogram" => buckets_add_up(name, family),
            "summary" => quantiles_are_named(name, family),
            _ => {}
        }
    }
    let kind = |name: &str| families.get(name).map(|family| family.kind.as_str());
    for (name, wanted) in [
        ("webhook_processing_latency_seconds", "summary"),
        ("payments_webhook_process_duration_seconds", "histogram"),
        ("payments_reconcile_gap", "gauge"),
    ] {
        assert!(
            kind(name).is_none_or(|kind| kind == wanted),
            "{name}: {:?}",
            kind(name)
        );
    }
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let legal = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    assert!(name.chars().all(legal), "{line}");
    let labels = labels
        .strip_suffix('}')
        .unwrap()
        .split(',')
        .filter(|label| !label.is_empty());
    let labels = labels.map(|label| {
        let (name, value) = label.split_once('=').unwrap();
        let value = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        (
            name.to_owned(),
            value.unwrap_or_else(|| panic!("{line}")).to_owned(),
        )
    });
    (name.to_owned(), labels.collect(), value.parse().unwrap())
}

fn buckets_add_up(name: &str, family: &Family) {
    let mut of: BTreeMap<Vec<_>, (Vec<f64>, f64)> = BTreeMap::new();
    for (suffix, labels, value) in &family.samples {
        let others = labels.iter().filter(|(label, _)| *label != "le").collect();
        let (buckets, count) = of.entry(others).or_default();
        match suffix.as_str() {
            "_bucket" => buckets.push(*value),
            "_count" => *count = *value,
            _ => {}
        }
        assert_eq!(
            suffix == "_bucket",
            labels.contains_key("le"),
            "{name}{labels:?}"
        );
    }
    for (labels, (buckets, count)) in of {
        assert!(buckets.is_sorted(), "{name}{labels:?}: {buckets:?}");
        assert_eq!(buckets.last(), Some(&count), "{name}{labels:?}: +Inf");
    }
}

fn quantiles_are_named(name: &str, family: &Family) {
    for (suffix, labels, _) in &family.samples {
        let quantile = labels.get("quantile").map(String::as_str);
        match suffix.as_str() {
            "" => assert!(
                matches!(quantile, Some("0.5" | "0.95" | "0.99")),
                "{name}{labels:?}"
            ),
            _ => assert_eq!(quantile, None, "{name}{suffix}"),
        }
    }
}
