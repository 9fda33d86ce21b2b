//! The linker's metrics: names, units and meanings in one place, one function per event.

use metrics::{counter, describe_counter};
use trueup_schemas::records::LetterClass;

use crate::machine::Said;

const SAID: &str = "trueup_linker_records_total";
const ADDED: &str = "trueup_linker_items_added_total";
const REFUSED: &str = "trueup_records_refused_total";
const RETRIES: &str = "webhook_retries_total";
const KINDS: [&str; 5] = ["forwarded", "taught", "unlinked", "linked", "claimed_twice"];

/// Registers units and help, and shows every series at 0 before anything happened.
pub fn describe() {
    describe_counter!(
        SAID,
        "records the linker wrote and saw acknowledged, by kind"
    );
    describe_counter!(
        ADDED,
        "links learned, and events that came before their order was known"
    );
    for kind in KINDS {
        counter!(SAID, "kind" => kind).increment(0);
    }
    counter!(ADDED).increment(0);
}

pub(crate) fn said(said: &Said) {
    let kind = match said {
        Said::Forward { .. } => "forwarded",
        Said::Teach { .. } => "taught",
        Said::Unlinked { .. } => "unlinked",
        Said::Linked { .. } => "linked",
        Said::ClaimedTwice { .. } => "claimed_twice",
    };
    counter!(SAID, "kind" => kind).increment(1);
}

pub(crate) fn added(count: usize) {
    counter!(ADDED).increment(u64::try_from(count).unwrap_or(u64::MAX));
}

pub(crate) fn refused(class: LetterClass) {
    counter!(REFUSED, "class" => class.as_str()).increment(1);
}

pub(crate) fn retried() {
    counter!(RETRIES).increment(1);
}
