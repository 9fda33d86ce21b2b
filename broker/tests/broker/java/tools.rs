//! Kafka's own console tools, as its scripts start them.

use std::io::Write;
use std::process::Stdio;

use rdkafka::producer::Producer;

use crate::site::{PATIENCE, Site, becomes};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";
const DELETE_RECORDS: &str = "org.apache.kafka.tools.DeleteRecordsCommand";
const OFFSETS: &str = "org.apache.kafka.tools.GetOffsetShell";
const PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const CONSUMER_GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const GROUPS: &str = "org.apache.kafka.tools.GroupsCommand";
const TRANSACTIONS: &str = "org.apache.kafka.tools.TransactionsCommand";

/// What a tool prints for these arguments and this input; it must succeed.
pub(super) fn printed(site: &Site, tool: &str, arguments: &[&str], input: &str) -> String {
    let mut command = trueup_testkit::kafka_tool(tool).unwrap_or_else(|fault| panic!("{fault}"));
    let mut child = command
        .args(["--bootstrap-server", &site.address()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(input.as_bytes()).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of it that hold this, each with its columns.
fn rows(printed: &str, word: &str) -> Vec<Vec<String>> {
    let lines = printed.lines().filter(|line| line.contains(word));
    lines
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

pub(super) fn topics_are_kept_with_kafka_s_own_tools(site: &Site) {
    let topic = site.name("t");
    let topics = |arguments: &[&str]| printed(site, TOPICS, arguments, "");
    let created = topics(&[
        "--create",
        "--topic",
        &topic,
        "--partitions",
        "2",
        "--config",
        "retention.ms=777777777",
    ]);
    assert!(
        created.contains(&format!("Created topic {topic}.")),
        "{created}"
    );
    let of_it = ["--topic", topic.as_str()];
    topics(&[&["--alter", "--partitions", "3"], &of_it[..]].concat());
    becomes(&3, || {
        let described = topics(&[&["--describe"], &of_it[..]].concat());
        assert!(described.contains("retention.ms=777777777"), "{described}");
        rows(&described, "Leader: 1").len()
    });

    let of_it = ["--entity-type", "topics", "--entity-name", topic.as_str()];
    let configs =
        |arguments: &[&str]| printed(site, CONFIGS, &[arguments, &of_it[..]].concat(), "");
    configs(&[
        "--alter",
        "--add-config",
        "segment.ms=5000",
        "--delete-config",
        "retention.ms",
    ]);
    becomes(&(1, 0), || {
        let described = configs(&["--describe"]);
        let count = |word| rows(&described, word).len();
        (count("segment.ms=5000"), count("retention.ms="))
    });

    site.send(&site.producer(&[]), "t", 1, &["a", "b", "c"]);
    let file = std::env::temp_dir().join(format!("trueup-delete-{topic}-{}", std::process::id()));
    let wanted = format!(r#"{{"partitions":[{{"topic":"{topic}","partition":1,"offset":2}}]}}"#);
    std::fs::write(&file, wanted).unwrap();
    let path = file.to_str().unwrap();
    let deleted = printed(site, DELETE_RECORDS, &["--offset-json-file", path], "");
    std::fs::remove_file(&file).unwrap();
    assert!(deleted.contains("low_watermark: 2"), "{deleted}");
    for (time, expected) in [("earliest", [0, 2, 0]), ("latest", [0, 3, 0])] {
        let offsets = printed(site, OFFSETS, &["--topic", &topic, "--time", time], "");
        let offsets: Vec<&str> = offsets.lines().collect();
        let expected = [0, 1, 2].map(|index| format!("{topic}:{index}:{}", expected[index]));
        assert_eq!(offsets, expected);
    }

    topics(&["--delete", "--topic", &topic]);
    becomes(&false, || {
        topics(&["--list"]).lines().any(|line| line == topic)
    });
}

pub(super) fn records_and_groups_are_seen_with_kafka_s_own_tools(site: &Site) {
    site.create_topic("t", 1, &[]);
    let (topic, group) = (site.name("t"), site.name("g"));
    let keyed = [
        "--topic",
        &topic,
        "--reader-property",
        "parse.key=true",
        "--reader-property",
        "key.separator=:",
        "--compression-codec",
        "zstd",
    ];
    printed(site, PRODUCER, &keyed, "k1:a\nk2:b\n");
    let open = site.transactional("open");
    open.begin_transaction().unwrap();
    site.send(&open, "t", 0, &["aborted"]);
    open.abort_transaction(PATIENCE).unwrap();
    printed(site, PRODUCER, &keyed, "k3:c\n");
    let read = printed(
        site,
        CONSUMER,
        &[
            "--topic",
            &topic,
            "--group",
            &group,
            "--from-beginning",
            "--max-messages",
            "3",
            "--timeout-ms",
            "20000",
            "--isolation-level",
            "read_committed",
            "--formatter-property",
            "print.key=true",
        ],
        "",
    );
    assert_eq!(rows(&read, "k"), [["k1", "a"], ["k2", "b"], ["k3", "c"]]);

    let groups = |arguments: &[&str]| {
        let of_it = ["--group", group.as_str()];
        printed(site, CONSUMER_GROUPS, &[arguments, &of_it[..]].concat(), "")
    };
    // Two records, an aborted one and its mark, and one more: nothing is left to read.
    let expected = [&group, &topic, "0", "5", "5", "0", "-", "-", "-"];
    assert_eq!(rows(&groups(&["--describe"]), &topic), [expected]);
    let state = groups(&["--describe", "--state"]);
    assert!(state.contains("Empty"), "{state}");
    let listed = printed(site, GROUPS, &["--list"], "");
    assert_eq!(
        rows(&listed, &group),
        [[&group, "Classic", "consumer"].map(str::to_owned)]
    );
    let to = [
        "--reset-offsets",
        "--to-offset",
        "1",
        "--topic",
        &topic,
        "--execute",
    ];
    assert_eq!(rows(&groups(&to), &topic), [[&group, &topic, "0", "1"]]);
    let gone = groups(&["--delete"]);
    assert!(gone.contains("was successful"), "{gone}");
}

pub(super) fn transactions_are_seen_with_kafka_s_own_tools(site: &Site) {
    site.create_topic("t", 1, &[]);
    let id = site.name("open");
    // Each tool takes its time.
    let open = site.transactional_for("open", 20 * PATIENCE);
    open.begin_transaction().unwrap();
    site.send(&open, "t", 0, &["open"]);
    let transactions = |arguments: &[&str]| printed(site, TRANSACTIONS, arguments, "");
    let listed = rows(&transactions(&["list"]), &id);
    assert_eq!((listed.len(), listed[0][3].as_str()), (1, "Ongoing"));
    let described = rows(&transactions(&["describe", "--transactional-id", &id]), &id);
    assert_eq!(described[0][2], listed[0][2]);
    let place = format!("{}-0", site.name("t"));
    assert_eq!(described[0].last(), Some(&place));
    let of_it = [
        "describe-producers",
        "--topic",
        &site.name("t"),
        "--partition",
        "0",
    ];
    assert_eq!(rows(&transactions(&of_it), &listed[0][2]).len(), 1);
    open.commit_transaction(PATIENCE).unwrap();
    becomes(&"CompleteCommit".to_owned(), || {
        rows(&transactions(&["list"]), &id)[0][3].clone()
    });
}
