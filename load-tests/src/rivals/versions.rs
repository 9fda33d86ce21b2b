//! What a table has to say of where its figures come from: when, on what, of which versions, and by
//! which command.

use std::path::Path;
use std::process::Command;

use super::backlog::Amount;
use super::streams::StreamsOptions;
use crate::chaos::Services;
use crate::{civil, clock};

const STREAMS: &str = include_str!("../../rivals/streams/pom.xml");
const KAFKA: &str = include_str!("../../../testkit/services/kafka/pom.xml");
const CASSANDRA: &str = include_str!("../../../testkit/services/cassandra/pom.xml");

pub(super) fn about(
    options: &StreamsOptions,
    services: &dyn Services,
    (signed, raw): &(Amount, Amount),
) -> Vec<String> {
    let servers = match services.pids() {
        Some(_) => format!(
            "one Apache Kafka {}, one Apache Cassandra {}, on the same cores",
            version(KAFKA, "kafka_2.13"),
            version(CASSANDRA, "cassandra-all")
        ),
        None => "Kafka and CQL store as given, of unknown version and place".to_owned(),
    };
    let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
    let mut lines = vec![
        format!(
            "{}; {}; {servers}",
            civil::rfc3339(clock::now_s()),
            machine()
        ),
        format!(
            "{}; librdkafka {librdkafka}",
            first_line(&options.binary, "--version")
        ),
    ];
    if !options.without_streams {
        let java = first_line(Path::new("java"), "--version");
        let streams = version(STREAMS, "kafka-streams");
        lines.push(format!("Kafka Streams {streams} on {java}"));
    }
    lines.push(format!(
        "{} orders, {} partitions; {} signed facts of {:.0} bytes, {} raw events of {:.0} bytes",
        options.orders,
        options.partitions,
        signed.records,
        signed.mean(),
        raw.records,
        raw.mean()
    ));
    let command: Vec<String> = std::env::args().skip(1).collect();
    lines.push(format!("`trueup-load {}`", command.join(" ")));
    lines
}

/// The version of an artifact in a `pom.xml` of this tree, which names it just before.
fn version<'a>(pom: &'a str, artifact: &str) -> &'a str {
    let named = format!("<artifactId>{artifact}</artifactId>");
    pom.split_once(&named)
        .and_then(|(_, rest)| rest.split_once("<version>"))
        .and_then(|(_, rest)| rest.split_once("</version>"))
        .map_or("?", |(version, _)| version)
}

fn first_line(program: &Path, argument: &str) -> String {
    let output = Command::new(program)
        .arg(argument)
        .env_remove("JAVA_TOOL_OPTIONS")
        .output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&output).into_owned();
    text.lines().next().map_or_else(
        || format!("`{}`, version unknown", program.display()),
        str::to_owned,
    )
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown CPU", |(_, model)| model.trim());
    format!("{cores} cores of {model}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_the_tree_are_found() {
        let found = [
            version(STREAMS, "kafka-streams"),
            version(KAFKA, "kafka_2.13"),
            version(CASSANDRA, "cassandra-all"),
        ];
        for version in found {
            assert!(
                version.starts_with(|c: char| c.is_ascii_digit()),
                "{found:?}"
            );
        }
        assert_eq!(version(STREAMS, "flink"), "?");
    }
}
