//! Every metric that rules, dashboards and documents name is one that the code exports, and every
//! one that it exports is in `docs/metrics.md`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::{files, read, root};

const PREFIXES: [&str; 4] = ["payments_", "webhook_", "trueup_", "stripe_api_"];
/// What a histogram or a summary adds to its name.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

fn is_metric(word: &str) -> bool {
    PREFIXES.iter().any(|prefix| word.starts_with(prefix))
}

/// Words of letters, digits and `_`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
}

/// The names in the files that hold names, units and help: each crate has one.
fn exported() -> BTreeSet<String> {
    let sources = ["src", "connectors", "processors"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), "metrics.rs"));
    let mut names = BTreeSet::new();
    for source in sources {
        let text = fs::read_to_string(source).unwrap();
        // Every second piece lies between quotation marks.
        let quoted = text.split('"').skip(1).step_by(2);
        let metrics = quoted.filter(|word| is_metric(word) && words(word).count() == 1);
        names.extend(metrics.map(str::to_owned));
    }
    names
}

/// The name without what a histogram adds, where only that is exported.
fn family<'a>(name: &'a str, exported: &BTreeSet<String>) -> &'a str {
    SUFFIXES
        .iter()
        .filter_map(|suffix| name.strip_suffix(suffix))
        .find(|base| exported.contains(*base) && !exported.contains(name))
        .unwrap_or(name)
}

/// `expr` of every query in a dashboard.
pub(crate) fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("expr", Value::String(query)) => found.push(query.clone()),
                    _ => queries(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Name and place of every metric that is used.
fn used() -> Vec<(String, String)> {
    let mut used = Vec::new();
    let mut take = |place: &str, text: &str| {
        let metrics = words(text).filter(|word| is_metric(word));
        used.extend(metrics.map(|word| (word.to_owned(), place.to_owned())));
    };
    for path in files(&root().join("monitoring"), ".yml") {
        let text = fs::read_to_string(&path).unwrap();
        // A name of Alertmanager's own begins like one of our metrics.
        take(
            &path.display().to_string(),
            &text.replace("webhook_configs", ""),
        );
    }
    for path in files(&root().join("monitoring"), ".json") {
        let dashboard = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut found = Vec::new();
        queries(&dashboard, &mut found);
        assert!(
            found.len() > 30,
            "{}: {} queries",
            path.display(),
            found.len()
        );
        for query in found {
            take(&path.display().to_string(), &query);
        }
    }
    for path in files(&root().join("docs/runbooks"), ".md") {
        take(
            &path.display().to_string(),
            &fs::read_to_string(&path).unwrap(),
        );
    }
    used
}

#[test]
fn every_metric_that_is_used_is_exported() {
    let exported = exported();
    let used = used();
    assert!(
        used.len() > 100,
        "only {} uses: nothing was read",
        used.len()
    );
    let strangers: Vec<_> = used
        .iter()
        .filter(|(name, _)| !exported.contains(family(name, &exported)))
        .collect();
    assert!(strangers.is_empty(), "no process exports {strangers:?}");
}

#[test]
fn every_metric_is_in_the_document_and_nothing_else_is() {
    let exported = exported();
    let document = read("docs/metrics.md");
    let told: BTreeSet<String> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| words(line).next())
        .filter(|name| is_metric(name))
        .map(str::to_owned)
        .collect();
    let untold: Vec<_> = exported.difference(&told).collect();
    assert!(untold.is_empty(), "not in docs/metrics.md: {untold:?}");
    let strangers: Vec<_> = told.difference(&exported).collect();
    assert!(
        strangers.is_empty(),
        "in docs/metrics.md only: {strangers:?}"
    );
}
