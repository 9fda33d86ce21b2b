//! Every alert says how bad it is, what is wrong and which page helps, and is tested.

use std::collections::BTreeSet;
use std::fs;

use crate::{files, read, root};

struct Alert {
    name: String,
    /// Its lines, the name's among them.
    text: String,
}

impl Alert {
    fn value(&self, key: &str) -> Option<&str> {
        let key = format!("{key}: ");
        let mut lines = self.text.lines().map(str::trim);
        lines.find_map(|line| line.strip_prefix(key.as_str()))
    }
}

fn alerts() -> Vec<Alert> {
    let text = read("monitoring/alerts.yml");
    let parts: Vec<&str> = text.split("- alert: ").skip(1).collect();
    assert!(parts.len() > 20, "{} alerts", parts.len());
    parts
        .into_iter()
        .map(|part| Alert {
            name: part.lines().next().unwrap().trim().to_owned(),
            text: part.to_owned(),
        })
        .collect()
}

#[test]
fn every_alert_has_a_severity_a_summary_and_a_page_that_tells_of_it() {
    for alert in alerts() {
        let name = &alert.name;
        let severity = match alert.value("labels") {
            Some("{severity: critical}") => "critical",
            Some("{severity: warning}") => "warning",
            other => panic!("{name}: severity is {other:?}, not critical or warning"),
        };
        assert!(alert.value("summary").is_some(), "{name} has no summary");
        let page = format!("docs/runbooks/{name}.md");
        assert_eq!(alert.value("runbook"), Some(page.as_str()), "{name}");
        let text = read(&page);
        assert!(
            text.starts_with(&format!("# {name}\n\n**{severity}** · ")),
            "{page}: its first lines are not its alert's"
        );
        for part in ["## What it means", "## Look", "## Do\n", "## Over when"] {
            assert!(text.contains(part), "{page} lacks `{part}`");
        }
        let listed = format!("[{name}]({name}.md) | {severity} |");
        assert!(
            read("docs/runbooks/README.md").contains(&listed),
            "docs/runbooks/README.md lacks `{listed}`"
        );
    }
}

#[test]
fn every_page_has_an_alert() {
    let names: BTreeSet<String> = alerts().into_iter().map(|alert| alert.name).collect();
    for page in files(&root().join("docs/runbooks"), ".md") {
        let name = page.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            name == "README" || names.contains(&name),
            "{} tells of no alert",
            page.display()
        );
    }
}

/// By promtool, in `monitoring/check`: that it fires, and that it does not.
#[test]
fn every_alert_is_tested_to_fire_and_not_to_fire() {
    let tests: String = files(&root().join("monitoring/tests"), ".yml")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for alert in alerts() {
        let place = format!("alertname: {}\n", alert.name);
        let outcomes: Vec<&str> = tests
            .match_indices(&place)
            .map(|(at, _)| tests[at + place.len()..].lines().next().unwrap().trim())
            .collect();
        for outcome in ["exp_alerts:", "exp_alerts: []"] {
            assert!(
                outcomes.contains(&outcome),
                "{}: no test has `{outcome}`",
                alert.name
            );
        }
    }
}
