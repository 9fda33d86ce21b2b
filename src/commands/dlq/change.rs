//! `dlq replay` and `dlq discard`: a preview, or the deed and its report.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Instant;

use super::desk::Desk;
use super::plain;
use crate::cli::Which;
use crate::failure::Failure;
use crate::letters::answer::{Counts, Deed, Outcome, Report, Told};
use crate::letters::limits::PROGRESS_EVERY;
use crate::output;

/// Letters that are named one by one; of more, only the number is told.
const NAMED: usize = 20;

pub fn run(
    desk: &Desk,
    (deed, yes): (Deed, bool),
    which: &Which,
    rate: Option<NonZeroU32>,
    json: bool,
) -> Result<(), Failure> {
    let selected = desk.select(which)?;
    let unknown: Vec<&String> = which
        .ids
        .iter()
        .filter(|id| !selected.contains_key(*id))
        .collect();
    let total = selected.len();
    let mut said = Instant::now();
    let mut progress = |report: &Report| {
        if said.elapsed() >= PROGRESS_EVERY {
            said = Instant::now();
            let done = if yes {
                report.done()
            } else {
                report.all.selected
            };
            output::say(&format!("{done} of {total} letters"));
        }
    };
    let entries = selected.into_values().collect();
    let report = desk.work((deed, yes), entries, rate, &mut progress)?;
    if json {
        output::json(&report)?;
    } else {
        output::line(&page(deed, &report))?;
    }
    for id in &unknown {
        output::say(&format!("error: no dead letter `{id}` is known"));
    }
    if report.all.failed > 0 || !unknown.is_empty() {
        return Err(Failure::Said);
    }
    Ok(())
}

fn page(deed: Deed, report: &Report) -> String {
    let mut lines: Vec<String> = report.letters.iter().take(NAMED).map(line).collect();
    let more = report.letters.len().saturating_sub(NAMED);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    if report.dry_run {
        let mut outcomes: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for told in &report.letters {
            let count = outcomes.entry((&told.class, word(told.outcome)));
            *count.or_default() += 1;
        }
        for ((class, outcome), count) in outcomes {
            lines.push(format!("{class:<10}  {count:>7}  {outcome}"));
        }
        lines.push(format!(
            "{} selected; nothing was changed: say --yes to do it",
            report.all.selected
        ));
        return lines.join("\n");
    }
    for (class, counts) in &report.by_class {
        lines.push(format!("{class:<10}  {}", told_of(deed, counts)));
    }
    lines.push(format!("{:<10}  {}", "all", told_of(deed, &report.all)));
    lines.join("\n")
}

fn told_of(deed: Deed, counts: &Counts) -> String {
    let done = match deed {
        Deed::Replay => format!("{} replayed", counts.replayed.unwrap_or(0)),
        Deed::Discard => format!("{} discarded", counts.discarded.unwrap_or(0)),
    };
    format!(
        "{} selected, {done}, {} skipped, {} failed",
        counts.selected, counts.skipped, counts.failed
    )
}

fn line(told: &Told) -> String {
    let mut line = format!("{}  {}  {}", told.id, told.class, word(told.outcome));
    if let Some(to) = &told.to {
        line.push_str(&format!(" to {to}"));
    }
    if let Some(reason) = &told.reason {
        line.push_str(&format!(": {}", plain(reason)));
    }
    line
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::WouldReplay => "would be replayed",
        Outcome::WouldDiscard => "would be discarded",
        Outcome::WouldFail => "would be replayed and refused again",
        Outcome::Replayed => "replayed",
        Outcome::Discarded => "discarded",
        Outcome::Skipped => "skipped",
        Outcome::Failed => "failed",
    }
}
