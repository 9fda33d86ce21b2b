//! What Apache Kafka has and this broker has not, each with its reason. An API that is missing or
//! older and not in these lists is found here, and so is an entry that is no longer true.

use std::collections::BTreeMap;

use super::tools::printed;
use crate::site::Site;

/// APIs that are not served.
const UNSERVED: &[(&[&str], &str)] = &[
    (
        &[
            "SaslHandshake",
            "SaslAuthenticate",
            "CreateDelegationToken",
            "RenewDelegationToken",
            "ExpireDelegationToken",
            "DescribeDelegationToken",
            "DescribeUserScramCredentials",
            "AlterUserScramCredentials",
            "DescribeAcls",
            "CreateAcls",
            "DeleteAcls",
            "DescribeClientQuotas",
            "AlterClientQuotas",
        ],
        "it listens on loopback and knows one kind of user",
    ),
    (
        &[
            "AlterReplicaLogDirs",
            "DescribeLogDirs",
            "ElectLeaders",
            "AlterPartitionReassignments",
            "ListPartitionReassignments",
            "DescribeQuorum",
            "UpdateFeatures",
            "UnregisterBroker",
            "AddRaftVoter",
            "RemoveRaftVoter",
        ],
        "it is one node with one directory and no quorum",
    ),
    (
        &["WriteTxnMarkers"],
        "its coordinator writes the marks itself, in one step with the end; none can hang",
    ),
    (
        &["ConsumerGroupHeartbeat", "ConsumerGroupDescribe"],
        "groups are classic; clients choose the newer protocol only when told to (KIP-848)",
    ),
    (
        &[
            "ShareGroupHeartbeat",
            "ShareGroupDescribe",
            "ShareFetch",
            "ShareAcknowledge",
            "InitializeShareGroupState",
            "ReadShareGroupState",
            "WriteShareGroupState",
            "DeleteShareGroupState",
            "ReadShareGroupStateSummary",
            "DescribeShareGroupOffsets",
            "AlterShareGroupOffsets",
            "DeleteShareGroupOffsets",
            "StreamsGroupHeartbeat",
            "StreamsGroupDescribe",
        ],
        "share groups and groups of Kafka Streams are asked for by nobody here",
    ),
    (
        &["GetTelemetrySubscriptions", "PushTelemetry"],
        "clients push no telemetry where nobody takes it; the tests' Kafka does not either",
    ),
    (
        &["ListConfigResources", "DescribeTopicPartitions"],
        "Java's client does with DescribeConfigs and Metadata instead",
    ),
];

/// APIs that Kafka 4.3 serves in newer versions.
const OLDER: &[(&[&str], &str)] = &[
    (
        &[
            "Produce",
            "FindCoordinator",
            "AddPartitionsToTxn",
            "AddOffsetsToTxn",
            "EndTxn",
            "TxnOffsetCommit",
        ],
        "newer versions belong to the second transaction protocol (KIP-890), which clients use \
         only where the cluster says that it has it, to topic ids, and to share groups",
    ),
    (
        &["OffsetCommit", "OffsetFetch"],
        "newer versions name topics by id",
    ),
    (
        &["Fetch", "ListOffsets", "DescribeCluster"],
        "newer versions tell of directories, tiers and fenced brokers, of which there are none",
    ),
    (
        &["Metadata", "ListTransactions"],
        "newer versions add an error of all topics, and a pattern to filter by",
    ),
];

/// The newest version of each API that is served, and none of those that the tool misses.
fn served(site: &Site) -> BTreeMap<String, Option<i16>> {
    let told = printed(
        site,
        "org.apache.kafka.tools.BrokerApiVersionsCommand",
        &[],
        "",
    );
    let lines = told.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once('(')?;
        let (_, versions) = rest.split_once("): ")?;
        let versions = versions.split(" [").next()?;
        let newest = versions.split(" to ").last()?.trim_end_matches(',');
        Some((name.to_owned(), newest.trim().parse().ok()))
    });
    lines.collect()
}

fn names(list: &[(&[&str], &str)]) -> Vec<String> {
    let names = list.iter().flat_map(|(names, _)| names.iter());
    let mut names: Vec<String> = names.map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_not_served_is_listed_with_its_reason() {
    let ours = served(&crate::support::Running::start());
    let missing = ours.iter().filter(|(_, newest)| newest.is_none());
    let mut missing: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
    missing.sort();
    assert_eq!(missing, names(UNSERVED));

    let kafka = served(&Site::shared(trueup_testkit::kafka()));
    let older = ours
        .iter()
        .filter(|(name, newest)| newest.is_some() && **newest < kafka[*name]);
    let older: Vec<String> = older.map(|(name, _)| name.clone()).collect();
    assert_eq!(older, names(OLDER));
}
