//! Reads tables of lifecycles and says where the domain differs from them.

use std::path::Path;

use trueup_domain::event::EventType;
use trueup_domain::fold::{Verdict, fold_event, fold_snapshot};
use trueup_domain::ledger::Ledger;
use trueup_domain::view::view;

use crate::line::{Said, said};

pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

pub(crate) struct Case {
    title: String,
    lines: Vec<Line>,
}

struct Line {
    number: usize,
    said: Said,
    /// Status, due, received, refunded, version and verdict, as written.
    expected: String,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Self {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let mut cases: Vec<Case> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            match cells.as_slice() {
                [""] | ["at", ..] => {}
                [comment] if comment.starts_with('#') => {}
                [title] if title.starts_with("== ") => {
                    let title = title.trim_start_matches("== ").to_owned();
                    cases.push(Case {
                        title,
                        lines: Vec::new(),
                    });
                }
                [at, event, expected @ ..] if expected.len() == 5 => {
                    let case = cases.last_mut().unwrap();
                    let id = format!("evt_{}", case.lines.len() + 1);
                    let said = said(&id, at.parse().unwrap(), event)
                        .unwrap_or_else(|fault| panic!("{name}:{number}: {fault}"));
                    let expected = expected.join(" | ");
                    case.lines.push(Line {
                        number,
                        said,
                        expected,
                    });
                }
                _ => panic!("{name}:{number}: neither a title nor a line of seven cells"),
            }
        }
        Self { name, cases }
    }

    pub(crate) fn kinds(&self) -> Vec<EventType> {
        let lines = self.cases.iter().flat_map(|case| &case.lines);
        let kinds = lines.filter_map(|line| match &line.said {
            Said::Event(event) => Some(event.kind),
            Said::Snapshot(_) => None,
        });
        kinds.collect()
    }

    pub(crate) fn statuses(&self) -> Vec<String> {
        let lines = self.cases.iter().flat_map(|case| &case.lines);
        lines
            .map(|line| line.expected.split(" | ").next().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        for case in &self.cases {
            let mut ledger = Ledger::default();
            for (line, offset) in case.lines.iter().zip(0..) {
                let verdict = fold(&mut ledger, &line.said, offset);
                let found = told(&ledger, verdict);
                if found != line.expected {
                    differences.push(format!(
                        "{}:{} {}\n  expected {}\n  found    {found}",
                        self.name, line.number, case.title, line.expected
                    ));
                }
            }
        }
        differences
    }
}

impl Case {
    pub(crate) fn comes_to_the_same_in_any_order(&self) {
        let numbered: Vec<(&Said, i64)> =
            self.lines.iter().map(|line| &line.said).zip(0..).collect();
        let fold_all = |said: &mut dyn Iterator<Item = &(&Said, i64)>| {
            let mut ledger = Ledger::default();
            for (said, offset) in said {
                fold(&mut ledger, said, *offset);
            }
            ledger
        };
        let forwards = fold_all(&mut numbered.iter());
        assert_eq!(
            forwards,
            fold_all(&mut numbered.iter().rev()),
            "{}: backwards",
            self.title
        );
        let mut twice = numbered.iter().chain(&numbered);
        assert_eq!(forwards, fold_all(&mut twice), "{}: twice", self.title);
        for start in 0..numbered.len() {
            let mut turned = numbered.iter().cycle().skip(start).take(numbered.len());
            assert_eq!(
                forwards,
                fold_all(&mut turned),
                "{}: from {start} on",
                self.title
            );
        }
    }
}

fn fold(ledger: &mut Ledger, said: &Said, offset: i64) -> Verdict {
    match said {
        Said::Event(event) => fold_event(ledger, event, offset).unwrap(),
        Said::Snapshot(snapshot) => fold_snapshot(ledger, snapshot),
    }
}

fn told(ledger: &Ledger, verdict: Verdict) -> String {
    let view = view(ledger);
    let due = view
        .due
        .map_or_else(|| "-".to_owned(), |due| due.get().to_string());
    let verdict = match verdict {
        Verdict::Fresh => "",
        Verdict::Duplicate => " duplicate",
        Verdict::Conflict => " conflict",
    };
    format!(
        "{} | {due} | {} | {} | {}{verdict}",
        view.status.as_str(),
        view.received,
        view.refunded,
        ledger.version()
    )
}
