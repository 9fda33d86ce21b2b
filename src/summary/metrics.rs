//! What is shown of the followed topics: the same numbers in every process.

use metrics::{describe_gauge, gauge};
use trueup_schemas::records::LetterClass;

const DEAD_LETTER_DEPTH: &str = "webhook_dead_letter_depth";

pub(super) fn show_depths(depths: impl Iterator<Item = (LetterClass, u64)>) {
    describe_gauge!(
        DEAD_LETTER_DEPTH,
        "dead letters that wait for somebody, by class; the same in every process"
    );
    for (class, depth) in depths {
        // A gauge is a float; no more letters than a u32 holds are counted.
        let depth = u32::try_from(depth).unwrap_or(u32::MAX);
        gauge!(DEAD_LETTER_DEPTH, "class" => class.as_str()).set(f64::from(depth));
    }
}
