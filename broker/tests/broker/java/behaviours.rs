//! The behaviours of `tests/java`, in one JVM for each list.

use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use trueup_testkit::JavaPrograms;

use crate::site::Site;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/java");

pub(super) fn programs() -> &'static JavaPrograms {
    static PROGRAMS: OnceLock<JavaPrograms> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        JavaPrograms::compile(Path::new(SOURCES)).unwrap_or_else(|fault| panic!("{fault}"))
    })
}

/// That each of these holds, told by name; the first that does not comes with its stack.
fn hold(site: &Site, behaviours: &[&str]) {
    let output = programs()
        .program("Behaviours")
        .args([site.address(), site.name("java.")])
        .args(behaviours)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let held: Vec<&str> = printed.lines().collect();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(held, behaviours, "{told}");
    assert!(output.status.success(), "{told}");
}

pub(super) fn java_s_producers_and_consumers_find_what_they_rely_on(site: &Site) {
    hold(
        site,
        &[
            "records_come_back_as_they_were_sent",
            "many_idempotent_records_keep_their_order",
            "every_codec_is_taken",
            "large_records_are_taken_and_too_large_ones_refused",
            "offsets_are_found_by_time_and_at_the_ends",
            "deleted_records_are_out_of_range",
            "committed_transactions_are_read_and_aborted_ones_are_not",
            "readers_of_committed_records_wait",
            "a_successor_fences_and_aborts",
            "offsets_share_the_fate_of_their_transaction",
            "offsets_of_an_older_generation_are_refused",
            "an_open_transaction_s_timeout_fences_its_producer",
            "many_transactions_follow_each_other",
            "members_share_partitions",
            "a_static_member_keeps_its_partitions",
            "a_doubled_static_member_is_fenced",
            "offsets_are_committed_with_metadata",
            "a_member_that_was_dropped_commits_nothing",
        ],
    );
}

pub(super) fn java_s_admin_client_finds_what_it_relies_on(site: &Site) {
    hold(
        site,
        &[
            "topics_are_created_listed_described_and_deleted",
            "what_cannot_be_a_topic_is_refused",
            "configurations_are_altered_one_by_one",
            "the_cluster_is_described",
            "groups_are_listed_described_and_deleted",
            "offsets_of_groups_are_listed_altered_and_deleted",
            "offsets_of_partitions_are_listed",
            "transactions_and_producers_are_described",
            "a_producer_is_fenced_from_outside",
        ],
    );
}
