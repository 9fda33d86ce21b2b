//! What an audit found. Published: names must stay stable.

use std::collections::BTreeMap;

use serde::Serialize;

use super::limits;

/// Where a record lies.
#[derive(Debug, Clone, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

/// What is wrong.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No key signed the record just so, or it cannot be read: no process accepts it.
    Refused,
    /// A body is not the one that was received, or says other things than its record.
    Changed,
    /// What must be there is not.
    Missing,
    /// A ledger is not what its order's events make.
    Differs,
}

/// What it is wrong with.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Record,
    Event,
    Body,
    Link,
    Ledger,
}

#[derive(Debug, Clone, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub fault: Fault,
    pub subject: Subject,
    /// An event's id, an order's id, an object's id, or the key of a record that tells none.
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Place>,
    pub detail: String,
}

impl Finding {
    pub fn new(fault: Fault, subject: Subject, id: &str, detail: impl Into<String>) -> Self {
        Self {
            fault,
            subject,
            id: id.to_owned(),
            position: None,
            detail: detail.into(),
        }
    }

    pub fn at(mut self, place: &Place) -> Self {
        self.position = Some(place.clone());
        self
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fault = match self.fault {
            Fault::Refused => "refused",
            Fault::Changed => "changed",
            Fault::Missing => "missing",
            Fault::Differs => "differs",
        };
        let subject = match self.subject {
            Subject::Record => "record",
            Subject::Event => "event",
            Subject::Body => "body",
            Subject::Link => "link",
            Subject::Ledger => "ledger of order",
        };
        write!(f, "{fault:<8} {subject} `{}`", self.id)?;
        if let Some(place) = &self.position {
            write!(f, " ({place})")?;
        }
        write!(f, ": {}", self.detail)
    }
}

/// The whole of it. Exit code 1 where there is any finding.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
pub struct Report {
    /// How many of what were looked at.
    pub audited: BTreeMap<&'static str, u64>,
    /// What cannot be judged, by its reason; none of it is a fault.
    pub not_compared: BTreeMap<&'static str, u64>,
    pub findings: Vec<Finding>,
    /// Findings beyond the limit, which are counted only.
    pub more_findings: u64,
}

impl Report {
    pub fn found(&mut self, finding: Finding) {
        if self.findings.len() < limits::MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more_findings = self.more_findings.saturating_add(1);
        }
    }

    pub fn looked_at(&mut self, what: &'static str) {
        let count = self.audited.entry(what).or_default();
        *count = count.saturating_add(1);
    }

    pub fn not_compared(&mut self, reason: &'static str) {
        let count = self.not_compared.entry(reason).or_default();
        *count = count.saturating_add(1);
    }
}
