//! `topics apply`: made, verified, brought back, refused; with a registry and under it.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use serde_json::Value;
use tokio::runtime::Runtime;
use trueup_testkit::{create_topic, partition_count, wait_until};

use crate::support::LIMIT;
use crate::support::bench::{Bench, code, lines_of, said};
use crate::support::registry::StubRegistry;
use crate::support::shop::{now_s, success};

const NAMES: [&str; 9] = [
    "payments.events",
    "payments.bodies",
    "payments.unlinked",
    "payments.links",
    "orders",
    "orders.status",
    "payments.gaps",
    "payments.windows",
    "payments.dead-letters",
];

struct Admin {
    client: AdminClient<DefaultClientContext>,
    runtime: Runtime,
}

impl Admin {
    fn new(bootstrap: &str) -> Self {
        let client = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .create();
        Self {
            client: client.unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    fn configure(&self, topic: &str, settings: &[(&str, &str)]) {
        let change = AlterConfig {
            specifier: ResourceSpecifier::Topic(topic),
            entries: settings.iter().copied().collect(),
        };
        let options = AdminOptions::new();
        let changed = self
            .runtime
            .block_on(self.client.alter_configs(&[change], &options));
        assert!(matches!(changed.unwrap()[..], [Ok(_)]), "{topic}");
    }

    fn setting(&self, topic: &str, name: &str) -> Option<String> {
        let resources = [ResourceSpecifier::Topic(topic)];
        let options = AdminOptions::new();
        let described = self
            .runtime
            .block_on(self.client.describe_configs(&resources, &options));
        let described = described.unwrap().remove(0).unwrap();
        described.get(name).and_then(|entry| entry.value.clone())
    }

    fn exists(&self, topic: &str) -> bool {
        let metadata = self.client.inner().fetch_metadata(None, LIMIT).unwrap();
        metadata.topics().iter().any(|held| held.name() == topic)
    }
}

fn results(applied: &std::process::Output) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let outcomes = lines_of(applied).remove(0);
    let outcomes = outcomes.as_array().unwrap().iter();
    outcomes
        .map(|outcome| (text(&outcome["topic"]), text(&outcome["result"])))
        .collect()
}

fn all(bench: &Bench, result: &str) -> Vec<(String, String)> {
    let of = |name| (format!("{}{name}", bench.prefix), result.to_owned());
    NAMES.into_iter().map(of).collect()
}

#[test]
fn topics_are_made_once_verified_afterwards_and_brought_back_to_what_they_should_be() {
    let bench = Bench::named("topics");
    let apply = || bench.topics_apply(&["--partitions", "2", "--json"]);
    let applied = apply();
    assert_eq!(code(&applied), 0, "{}", said(&applied));
    assert_eq!(results(&applied), all(&bench, "created"));
    for name in NAMES {
        assert_eq!(
            partition_count(&bench.kafka, &format!("{}{name}", bench.prefix)),
            2
        );
    }
    let applied = apply();
    assert_eq!(code(&applied), 0, "{}", said(&applied));
    assert_eq!(results(&applied), all(&bench, "unchanged"));

    let admin = Admin::new(&bench.kafka);
    let events = bench.topics.payments_events();
    for (topic, name, value) in [
        (&events, "retention.ms", "2678400000"),
        (&events, "max.message.bytes", "2097152"),
        (&bench.topics.payments_gaps(), "cleanup.policy", "compact"),
        (&bench.topics.payments_gaps(), "segment.ms", "600000"),
        (
            &bench.topics.payments_gaps(),
            "max.compaction.lag.ms",
            "1800000",
        ),
        (
            &bench.topics.payments_gaps(),
            "delete.retention.ms",
            "86400000",
        ),
        (&bench.topics.orders(), "min.compaction.lag.ms", "604800000"),
        (&bench.topics.payments_bodies(), "compression.type", "zstd"),
        (
            &bench.topics.payments_bodies(),
            "retention.ms",
            "34560000000",
        ),
    ] {
        assert_eq!(
            admin.setting(topic, name).as_deref(),
            Some(value),
            "{topic} {name}"
        );
    }

    // Somebody keeps the events for a day only, and has a wish of his own besides.
    admin.configure(
        &events,
        &[
            ("retention.ms", "86400000"),
            ("index.interval.bytes", "8192"),
        ],
    );
    let checked = bench.both().args(["check"]).output();
    assert!(
        said(&checked).contains("retention.ms: was `86400000`"),
        "{}",
        said(&checked)
    );
    let applied = apply();
    assert_eq!(code(&applied), 0, "{}", said(&applied));
    let mut wanted = all(&bench, "unchanged");
    wanted[0].1 = "altered".to_owned();
    assert_eq!(results(&applied), wanted);
    let back = wait_until(LIMIT, || {
        admin
            .setting(&events, "retention.ms")
            .filter(|held| held == "2678400000")
    });
    assert!(
        back.is_some(),
        "{:?}",
        admin.setting(&events, "retention.ms")
    );
    assert_eq!(
        admin.setting(&events, "index.interval.bytes").as_deref(),
        Some("8192")
    );
}

#[test]
fn another_partition_count_is_refused_and_then_nothing_is_made() {
    let bench = Bench::named("counts");
    create_topic(&bench.kafka, &bench.topics.orders(), 3, &[]);
    for asked in ["2", "4"] {
        let applied = bench.topics_apply(&["--partitions", asked, "--json"]);
        assert_eq!(code(&applied), 1, "{}", said(&applied));
        assert_eq!(
            results(&applied),
            [(bench.topics.orders(), "refused".to_owned())]
        );
        assert!(said(&applied).contains(&format!("has 3 partitions, {asked} were asked for")));
    }
    let admin = Admin::new(&bench.kafka);
    assert!(
        !admin.exists(&bench.topics.payments_events()),
        "made beside a topic of another count"
    );
    assert_eq!(partition_count(&bench.kafka, &bench.topics.orders()), 3);
    let processor = bench
        .both()
        .args(["process", "--ops", "127.0.0.1:0"])
        .output();
    assert_eq!(code(&processor), 1, "{}", said(&processor));
    assert!(
        said(&processor).contains("trueup topics apply"),
        "{}",
        said(&processor)
    );
}

#[test]
fn with_a_registry_subjects_are_registered_and_values_framed_as_confluents() {
    let bench = Bench::applied("registry");
    let (registry, url) = StubRegistry::start();
    let early = bench.logged().env("TRUEUP_SCHEMA_REGISTRY", &url);
    let early = early
        .args(["ingest", "--http", "127.0.0.1:0", "--ops", "127.0.0.1:0"])
        .output();
    assert_eq!(code(&early), 1, "{}", said(&early));
    assert!(
        said(&early).contains("trueup topics apply"),
        "{}",
        said(&early)
    );

    let applied = bench.topics_apply(&["--partitions", "2", "--schema-registry", &url]);
    assert_eq!(code(&applied), 0, "{}", said(&applied));
    let mut subjects: Vec<String> = NAMES
        .iter()
        .map(|name| format!("{}{name}-value", bench.prefix))
        .collect();
    // Its partitions hold two kinds of record.
    subjects.push(format!(
        "{}payments.windows-trueup.v1.PartitionState",
        bench.prefix
    ));
    subjects.sort();
    assert_eq!(registry.subjects(), subjects);

    let ports = ["--http", "127.0.0.1:0", "--ops", "127.0.0.1:0"];
    let ingest = bench
        .logged()
        .env("TRUEUP_SCHEMA_REGISTRY", &url)
        .args(["ingest"])
        .args(ports);
    let mut ingest = ingest.start().unwrap();
    let mut process = bench
        .processor()
        .env("TRUEUP_SCHEMA_REGISTRY", &url)
        .start()
        .unwrap();
    process.ready(LIMIT);
    bench.send(&ingest.ready(LIMIT), &[success("F-1", 0, now_s())]);
    let told = wait_until(LIMIT, || bench.records(&bench.topics.orders_status()).pop());
    for record in [
        told.unwrap(),
        bench.records(&bench.topics.payments_events()).remove(0),
    ] {
        let value = record.payload.unwrap();
        assert_eq!(
            value[..4],
            [0, 0, 0, 0],
            "magic byte and a small id: {value:?}"
        );
    }
    let asking = bench.both().env("TRUEUP_SCHEMA_REGISTRY", &url);
    let asking = asking.args(["order", "F-1", "--json"]);
    let found = wait_until(LIMIT, || {
        Some(asking.output()).filter(|found| code(found) == 0)
    });
    assert_eq!(lines_of(&found.unwrap())[0]["status"], "paid");
}
