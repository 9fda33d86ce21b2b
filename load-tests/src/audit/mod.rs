//! Holds what came out against what went in: every order's records one by one, every
//! acknowledged event, letters, lag and the gauge. Reports each fault with its evidence.

pub(crate) mod gaps;
mod order;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::avro::AvroFault;
use crate::fixtures::Fixtures;
use crate::gauges::Gauges;
use crate::kafka::{self, LogRecord, ReadFault};
use crate::oracle::{self, reading};
use crate::render;
use crate::sender::Sent;
use crate::status_log::{StatusReader, StatusRecord};
use crate::story::Story;

pub use order::{OrderEvidence, order_faults};

/// How long one topic may take to be read.
const READ: Duration = Duration::from_secs(180);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The order, or what else it is about.
    pub subject: String,
    pub what: String,
    pub evidence: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`: {}\n    {}",
            self.subject,
            self.what,
            self.evidence.replace('\n', "\n    ")
        )
    }
}

/// Faults of a run that are shown; the others are counted.
const SHOWN: usize = 25;

/// The last lines of a run's report: no fault, or the first ones and where to look.
pub(crate) fn verdict<'a>(
    f: &mut fmt::Formatter<'_>,
    faults: impl Iterator<Item = &'a Fault> + Clone,
    logs: &Path,
) -> fmt::Result {
    let count = faults.clone().count();
    if count == 0 {
        return write!(f, "no fault found");
    }
    writeln!(f, "{count} faults; logs in `{}`", logs.display())?;
    for fault in faults.take(SHOWN) {
        writeln!(f, "  {fault}")?;
    }
    if count > SHOWN {
        writeln!(f, "  and {} more", count - SHOWN)?;
    }
    Ok(())
}

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    pub faults: Vec<Fault>,
    pub figures: Figures,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    pub events_in_log: u64,
    /// Records in `payments.events` of an event that stood there already.
    pub repeats_in_log: u64,
    pub status_records: u64,
    pub orders_with_status: u64,
    /// Open gaps of every kind, by the oracle.
    pub gaps: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    #[error(transparent)]
    Read(#[from] ReadFault),
    #[error(transparent)]
    Avro(#[from] AvroFault),
}

/// Where to look, and what was put in.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub bootstrap: &'a str,
    pub topic_prefix: &'a str,
    pub fixtures: &'a Fixtures,
    pub stories: &'a [Story],
    pub sent: &'a Sent,
    /// Whether an order service speaks: then its silence on an order is a gap.
    pub is_fed: bool,
    /// Whether every grace is over, so that each gap must be open.
    pub is_over: bool,
}

impl Case<'_> {
    fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }
}

/// What the gauges must show at the end, when every grace is over. The shop speaks of some orders,
/// so its silence on others is a gap.
#[must_use]
pub fn expected_gaps(fixtures: &Fixtures, stories: &[Story]) -> Gauges {
    let mut gauges = Gauges::default();
    for story in stories.iter().filter(|story| story.order_id.is_some()) {
        let events = events_of(fixtures, story);
        for gap in oracle::gaps(&events, &snapshots_of(story), true) {
            gauges.count(&gap);
        }
    }
    gauges
}

/// Checks everything that lies in the topics, once every grace is over; the gauges are the
/// caller's.
///
/// # Errors
/// A topic that cannot be read; what is read and wrong is a [`Fault`] of the audit.
pub fn run(case: Case<'_>) -> Result<Audit, AuditFault> {
    let mut audit = Audit::default();
    let mut log = event_log(case, &mut audit)?;
    let mut statuses = status_records(case, &mut audit)?;
    let gaps_topic = case.topic("payments.gaps");
    let mut gap_sets = gaps::sets(case.bootstrap, &gaps_topic, &mut audit.faults)?;
    for story in case.stories {
        let Some(order_id) = &story.order_id else {
            continue;
        };
        let records = statuses.remove(order_id).unwrap_or_default();
        let arrived = log.remove(order_id).unwrap_or_default();
        let snapshots = snapshots_of(story);
        let events = events_of(case.fixtures, story);
        audit.figures.orders_with_status += u64::from(!records.is_empty());
        let gaps = oracle::gaps(&events, &snapshots, case.is_fed);
        audit.figures.gaps += i64::try_from(gaps.len()).unwrap_or(i64::MAX);
        let told = gap_sets.remove(order_id).unwrap_or_default();
        audit
            .faults
            .extend(gaps::fault(order_id, &gaps, told, case.is_over));
        audit
            .faults
            .extend(accounted(order_id, &events, &arrived, case.sent));
        audit.faults.extend(order_faults(&OrderEvidence {
            order_id,
            events,
            arrived: &arrived,
            snapshots,
            records: &records,
        }));
    }
    audit.faults.extend(unsent(statuses, log, case.sent));
    let unknown = gap_sets.into_iter().map(|(subject, told)| Fault {
        subject,
        what: "gaps of an order that nobody sent".to_owned(),
        evidence: format!("{told:?}"),
    });
    audit.faults.extend(unknown);
    dead_letters(case, &mut audit)?;
    lag(case, &mut audit)?;
    Ok(audit)
}

pub(crate) fn events_of(fixtures: &Fixtures, story: &Story) -> Vec<Value> {
    let read = |event| serde_json::from_slice(&render::body(fixtures, event, 0)).ok();
    story
        .events
        .iter()
        .filter_map(read)
        .filter(reading::is_used)
        .collect()
}

pub(crate) fn snapshots_of(story: &Story) -> Vec<Value> {
    let read = |body: &String| serde_json::from_str(body).ok();
    story
        .snapshots
        .iter()
        .filter_map(|snapshot| read(&snapshot.body))
        .collect()
}

/// The event ids of each order in the order of the log, first arrivals only.
fn event_log(
    case: Case<'_>,
    audit: &mut Audit,
) -> Result<BTreeMap<String, Vec<String>>, AuditFault> {
    let mut log: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut places: BTreeMap<String, i32> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    kafka::read(
        case.bootstrap,
        &case.topic("payments.events"),
        READ,
        |record: LogRecord| {
            let order_id = String::from_utf8_lossy(&record.key).into_owned();
            let event_id = record.header("event-id");
            audit.figures.events_in_log += 1;
            let place = *places.entry(order_id.clone()).or_insert(record.partition);
            if place != record.partition {
                let what = "events of one order in two partitions".to_owned();
                let evidence = format!("{place} and {}", record.partition);
                audit.faults.push(Fault {
                    subject: order_id.clone(),
                    what,
                    evidence,
                });
            }
            if seen.insert((order_id.clone(), event_id.clone())) {
                log.entry(order_id).or_default().push(event_id);
            } else {
                audit.figures.repeats_in_log += 1;
            }
        },
    )?;
    Ok(log)
}

fn status_records(
    case: Case<'_>,
    audit: &mut Audit,
) -> Result<BTreeMap<String, Vec<StatusRecord>>, AuditFault> {
    let reader = StatusReader::new()?;
    let mut statuses: BTreeMap<String, Vec<StatusRecord>> = BTreeMap::new();
    kafka::read(
        case.bootstrap,
        &case.topic("orders.status"),
        READ,
        |record| {
            audit.figures.status_records += 1;
            let key = String::from_utf8_lossy(&record.key).into_owned();
            match reader.decode(&record) {
                Ok(status) if status.order_id == key => {
                    statuses.entry(key).or_default().push(status);
                }
                Ok(status) => audit.faults.push(Fault {
                    subject: key,
                    what: "a status record under another order's key".to_owned(),
                    evidence: format!("{status:?}"),
                }),
                Err(fault) => audit.faults.push(Fault {
                    subject: key,
                    what: "a status record that cannot be read".to_owned(),
                    evidence: fault.to_string(),
                }),
            }
        },
    )?;
    Ok(statuses)
}

/// Every acknowledged event of an order is in the log under that order.
fn accounted(order_id: &str, events: &[Value], arrived: &[String], sent: &Sent) -> Vec<Fault> {
    let arrived: BTreeSet<&str> = arrived.iter().map(String::as_str).collect();
    let lost = events.iter().filter_map(|event| {
        let id = reading::text(event, "id");
        let times = sent.acknowledged.get(id).copied().unwrap_or(0);
        (times > 0 && !arrived.contains(id)).then(|| Fault {
            subject: order_id.to_owned(),
            what: format!("event `{id}` was acknowledged and is not in the log"),
            evidence: format!("{times} answers of 200; the log has {arrived:?}"),
        })
    });
    lost.collect()
}

/// What is there that nobody sent, or was told of.
fn unsent(
    statuses: BTreeMap<String, Vec<StatusRecord>>,
    log: BTreeMap<String, Vec<String>>,
    sent: &Sent,
) -> Vec<Fault> {
    let fault = |subject, what: &str, evidence| Fault {
        subject,
        what: what.to_owned(),
        evidence,
    };
    let mut faults = Vec::new();
    for (order_id, records) in statuses {
        let what = "status records of an order that nobody sent";
        faults.push(fault(order_id, what, format!("{records:?}")));
    }
    for (order_id, events) in log {
        let what = "events in the log of an order that nobody sent";
        faults.push(fault(order_id, what, format!("{events:?}")));
    }
    for id in &sent.wrong_answers {
        faults.push(fault(
            id.clone(),
            "a 200 that named another event",
            String::new(),
        ));
    }
    faults
}

fn dead_letters(case: Case<'_>, audit: &mut Audit) -> Result<(), AuditFault> {
    let mut letters: BTreeMap<String, String> = BTreeMap::new();
    kafka::read(
        case.bootstrap,
        &case.topic("payments.dead-letters"),
        READ,
        |record| {
            let id = String::from_utf8_lossy(&record.key).into_owned();
            match &record.payload {
                // Class and reason lie near the start; readable enough for evidence.
                Some(payload) => {
                    let start: Vec<u8> = payload.iter().copied().take(200).collect();
                    letters.insert(id, String::from_utf8_lossy(&start).into_owned());
                }
                None => {
                    letters.remove(&id);
                }
            }
        },
    )?;
    let faults = letters.into_iter().map(|(subject, evidence)| Fault {
        subject,
        what: "a dead letter, where every record was sound".to_owned(),
        evidence,
    });
    audit.faults.extend(faults);
    Ok(())
}

fn lag(case: Case<'_>, audit: &mut Audit) -> Result<(), AuditFault> {
    for topic in [case.topic("payments.events"), case.topic("orders")] {
        let lags = kafka::lags(case.bootstrap, &topic)?;
        if lags.is_empty() {
            audit.faults.push(Fault {
                subject: topic.clone(),
                what: "no consumer group ever committed an offset here".to_owned(),
                evidence: String::new(),
            });
        }
        for lag in lags.into_iter().filter(|lag| lag.records != 0) {
            audit.faults.push(Fault {
                subject: topic.clone(),
                what: format!("group `{}` lags", lag.group),
                evidence: format!("{} records", lag.records),
            });
        }
    }
    Ok(())
}
