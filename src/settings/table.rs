//! Every setting, once: its name, what it means and what it is when nobody says.
//!
//! A setting `grace` is the flag `--grace`, the variable `TRUEUP_GRACE` and the TOML key `grace`.
//! Flags, help, the reading of files and `trueup check` are all made from this table.

/// How a setting takes its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One,
    /// Several values: the flag repeats, the variable separates them by commas.
    Many,
    /// Yes or no: the flag takes no value.
    Switch,
    /// One secret, or several separated by commas; never a plain flag, since command lines are
    /// public on a machine. `<name>-file` names a file that holds it.
    Secret,
    /// A secret that the contract gives a flag all the same.
    SecretFlag,
}

#[derive(Debug)]
pub struct Setting {
    /// The flag without dashes in front; the TOML key.
    pub name: &'static str,
    pub shape: Shape,
    /// What stands for the value in the help.
    pub placeholder: &'static str,
    pub default: Option<&'static str>,
    pub help: &'static str,
    /// The name under which a secret's file is given.
    pub file: Option<&'static str>,
}

/// Variables that keep the name everybody knows them by.
const OWN_VARIABLES: &[(&str, &str)] = &[
    ("stripe-webhook-secret", "STRIPE_WEBHOOK_SECRET"),
    ("stripe-api-key", "STRIPE_API_KEY"),
    ("stripe-api-base", "STRIPE_API_BASE"),
    ("otlp-endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("otlp-protocol", "OTEL_EXPORTER_OTLP_PROTOCOL"),
    ("otlp-sample", "OTEL_TRACES_SAMPLER_ARG"),
];

impl Setting {
    /// The environment variable: `TRUEUP_<FLAG>`, or the name everybody knows it by.
    pub fn variable(&self) -> String {
        match OWN_VARIABLES.iter().find(|(name, _)| *name == self.name) {
            Some((_, variable)) => (*variable).to_owned(),
            None => format!("TRUEUP_{}", self.name.to_uppercase().replace('-', "_")),
        }
    }

    pub fn is_secret(&self) -> bool {
        matches!(self.shape, Shape::Secret | Shape::SecretFlag)
    }
}

const fn one(
    name: &'static str,
    placeholder: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting {
        name,
        shape: Shape::One,
        placeholder,
        default,
        help,
        file: None,
    }
}

const fn many(name: &'static str, placeholder: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        shape: Shape::Many,
        placeholder,
        default: None,
        help,
        file: None,
    }
}

const fn switch(name: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        shape: Shape::Switch,
        placeholder: "",
        default: None,
        help,
        file: None,
    }
}

const fn secret(
    name: &'static str,
    file: &'static str,
    shape: Shape,
    help: &'static str,
) -> Setting {
    Setting {
        name,
        shape,
        placeholder: "SECRET",
        default: None,
        help,
        file: Some(file),
    }
}

/// In the order in which `trueup check` prints them.
pub const SETTINGS: &[Setting] = &[
    one(
        "config",
        "PATH",
        None,
        "TOML file with any of these settings and [endpoint.NAME] tables",
    ),
    one(
        "log-format",
        "json|text",
        None,
        "Form of the log on stderr [default: text on a terminal, else json]",
    ),
    switch("json", "Print JSON"),
    switch(
        "demo",
        "Post a small day of a shop through the gateway, and tell what becomes of its orders",
    ),
    one(
        "data-dir",
        "DIR",
        Some("./trueup-data"),
        "Where the embedded broker, the embedded ledger and the own secrets lie",
    ),
    one(
        "kafka-listen",
        "ADDR",
        Some("127.0.0.1:9092"),
        "Listener of the embedded broker, on loopback; port 0 asks for a free one",
    ),
    one(
        "broker-faults",
        "PATH",
        None,
        "What the embedded broker shall do wrong, for tests: one rule on each line; each fault is \
         told in broker-faults.log of the data directory",
    ),
    one(
        "http",
        "ADDR",
        Some("127.0.0.1:8080"),
        "Public listener of the gateway; port 0 asks for a free one",
    ),
    one(
        "ops",
        "ADDR",
        Some("127.0.0.1:8081"),
        "Ops listener: metrics, health, API; port 0 asks for a free one",
    ),
    secret(
        "ops-token",
        "ops-token-file",
        Shape::SecretFlag,
        "Bearer token of the ops listener; needed to bind it anywhere but on loopback",
    ),
    one(
        "ready-file",
        "PATH",
        None,
        "Written once everything serves: JSON with http, ops, kafka, pid",
    ),
    one(
        "otlp-endpoint",
        "URL",
        None,
        "Collector that spans are sent to, such as http://127.0.0.1:4318; without it none are made",
    ),
    one(
        "otlp-protocol",
        "http|grpc",
        Some("http"),
        "How the collector is spoken to: protobuf over HTTP, or gRPC",
    ),
    one(
        "otlp-sample",
        "SHARE",
        Some("1"),
        "Share of the traces that is sent, from 0 to 1; refusals, errors and gaps are sent always",
    ),
    one(
        "kafka",
        "HOSTS",
        None,
        "Kafka's bootstrap servers, host:port[,host:port]",
    ),
    many(
        "kafka-config",
        "KEY=VALUE",
        "A setting of the Kafka client (SASL, TLS); repeatable",
    ),
    one(
        "topic-prefix",
        "P",
        Some(""),
        "Put in front of every topic's name, verbatim",
    ),
    one(
        "schema-registry",
        "URL",
        None,
        "Confluent-compatible registry; without it values use Avro single-object encoding",
    ),
    one(
        "partitions",
        "N",
        Some("12"),
        "Partitions of each topic that `topics apply` makes",
    ),
    one(
        "replication-factor",
        "N",
        None,
        "Replicas of each partition [default: 3 where there are three brokers, else 1]",
    ),
    one(
        "scylla",
        "HOSTS",
        None,
        "ScyllaDB's or Cassandra's contact points, host:port[,host:port]",
    ),
    one("keyspace", "NAME", Some("trueup"), "Keyspace of the ledger"),
    one(
        "scylla-datacenter",
        "NAME",
        None,
        "The datacenter whose nodes are asked and whose quorum counts",
    ),
    one(
        "scylla-user",
        "NAME",
        None,
        "User of the store, where it asks for one",
    ),
    secret(
        "scylla-password",
        "scylla-password-file",
        Shape::Secret,
        "Password of the store's user",
    ),
    one(
        "replication",
        "N|DC:N",
        Some("1"),
        "Replicas of the keyspace that `ledger apply` makes: 3, or dc1:3 for one datacenter",
    ),
    secret(
        "signing-keys",
        "signing-keys-file",
        Shape::Secret,
        "Keys that sign and verify records: id:base64[,id:base64], the first signs",
    ),
    secret(
        "stripe-webhook-secret",
        "stripe-webhook-secret-file",
        Shape::Secret,
        "Secrets of Stripe's webhook endpoint, separated by commas: all are tried",
    ),
    one(
        "livemode",
        "true|false|any",
        Some("any"),
        "Events the unnamed endpoint takes",
    ),
    one(
        "account",
        "ACCT",
        None,
        "The Stripe account whose events the unnamed endpoint takes",
    ),
    many(
        "trusted-proxy",
        "CIDR",
        "Proxies whose X-Forwarded-For counts for limits per address; repeatable",
    ),
    one(
        "rate-per-endpoint",
        "N",
        Some("20000"),
        "Requests per second that one endpoint takes, and as many at once; then 429",
    ),
    one(
        "rate-per-address",
        "N",
        Some("10000"),
        "Requests per second that one client address may send, and as many at once; then 429",
    ),
    secret(
        "stripe-api-key",
        "stripe-api-key-file",
        Shape::Secret,
        "Key of Stripe's API; it may read events, payment intents, charges and balance transactions",
    ),
    secret(
        "stripe-api-base",
        "stripe-api-base-file",
        Shape::SecretFlag,
        "Where Stripe's API is, when it is not https://api.stripe.com",
    ),
    one(
        "stripe-api-rate",
        "N",
        Some("20"),
        "Requests per second to Stripe's API, at most",
    ),
    one(
        "sweep-every",
        "DURATION",
        Some("1m"),
        "Pause between two passes over the events that Stripe could not deliver",
    ),
    one(
        "full-every",
        "DURATION",
        Some("1h"),
        "Pause between two passes over all events",
    ),
    one(
        "probe-after",
        "DURATION",
        Some("10m"),
        "Age from which Stripe is asked about a gap's payment",
    ),
    switch("once", "One pass of each kind and one probe, then end"),
    one("only", "linker|reconciler", None, "Run this processor only"),
    one(
        "instance-id",
        "ID",
        None,
        "Names this process's slot in the consumer group; stable over restarts [default: host name]",
    ),
    one(
        "workers",
        "N",
        None,
        "Workers, each with a consumer, a producer and its partitions [default: cores]",
    ),
    one(
        "grace",
        "DURATION",
        None,
        "How long something may be wrong before its gap opens, for every kind [default: 5m; none for disputes, 14d for what is processing]",
    ),
    one(
        "unlinked-age",
        "DURATION",
        Some("7d"),
        "How long an event without an order may wait for its link before its gap opens, at most 30d",
    ),
    one(
        "orders-feed",
        "auto|on|off",
        Some("auto"),
        "Whether the order service writes the topic orders (auto: once it holds a record)",
    ),
    one(
        "cache-size",
        "MIB",
        Some("256"),
        "Memory for cached ledgers, in MiB, shared by the workers",
    ),
    one(
        "unacked-transactions",
        "N",
        Some("10000"),
        "Transactions whose ledgers the store has not acknowledged, before a worker pauses",
    ),
    one(
        "unacked-age",
        "DURATION",
        Some("60s"),
        "Age of the oldest ledger not acknowledged by the store, before a worker pauses",
    ),
    many(
        "kind",
        "KIND",
        "Only gaps of this kind, as the metrics name it; repeatable",
    ),
    switch(
        "watch",
        "Show them again and again, on a terminal in place, until Ctrl-C",
    ),
    one(
        "interval",
        "DURATION",
        Some("2s"),
        "How often what is watched is shown anew",
    ),
    one(
        "limit",
        "N",
        Some("1000"),
        "The most entries of a list, 1000 at most",
    ),
    one(
        "cursor",
        "CURSOR",
        None,
        "Where a list goes on: `next` of the page before",
    ),
    switch(
        "audit",
        "Verify the log against itself and the ledgers instead",
    ),
    one(
        "since",
        "WHEN",
        None,
        "Begin there: 24h, 7d or an RFC 3339 time",
    ),
    one(
        "epoch",
        "N",
        Some("0"),
        "Raised by one when a restored or emptied store is adopted: checkpoints start anew",
    ),
];

pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Every name that a TOML file may hold, the files of secrets included.
pub fn known_keys() -> Vec<String> {
    let mut keys = Vec::new();
    for setting in SETTINGS {
        keys.push(setting.name.to_owned());
        keys.extend(setting.file.map(str::to_owned));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_the_flag_in_capitals_but_for_the_names_everybody_knows() {
        assert_eq!(
            find("kafka-config").unwrap().variable(),
            "TRUEUP_KAFKA_CONFIG"
        );
        assert_eq!(
            find("signing-keys").unwrap().variable(),
            "TRUEUP_SIGNING_KEYS"
        );
        assert_eq!(
            find("stripe-webhook-secret").unwrap().variable(),
            "STRIPE_WEBHOOK_SECRET"
        );
    }

    #[test]
    fn a_secrets_file_is_named_after_it_and_nothing_else_has_one() {
        for setting in SETTINGS {
            let file = setting
                .is_secret()
                .then(|| format!("{}-file", setting.name));
            assert_eq!(setting.file.map(str::to_owned), file);
        }
    }

    #[test]
    fn no_two_settings_share_a_name() {
        let mut keys = known_keys();
        keys.sort();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}
