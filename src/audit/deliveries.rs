//! Compares what was said of each event with the bodies that it came with: every record has its
//! body, every body its record, and each record says what its body says.
//!
//! One delivery is told from another of the same event by its time of receipt, which record and
//! body share. A gateway that dies between the two is asked again by the provider; what the first
//! delivery left is then half of one, and no fault while another delivery says the same.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trueup_domain::event::{EventType, UnixMillis};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::PaymentEvent;

use super::report::{Fault, Finding, Place, Report, Subject};
use crate::lookup::answer;

/// Which of the topics that hold events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lane {
    Events,
    Unlinked,
}

/// Where a record lies, without its topic's name.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Offset {
    pub partition: i32,
    pub offset: i64,
}

impl Offset {
    pub fn in_topic(self, topic: &str) -> Place {
        Place {
            topic: topic.to_owned(),
            partition: self.partition,
            offset: self.offset,
        }
    }
}

/// What a topic tells of one event, filed under the event's id.
#[derive(Debug, Serialize, Deserialize)]
pub enum Said {
    Record {
        lane: Lane,
        at: Offset,
        key: String,
        /// The [`PaymentEvent`], in single-object encoding.
        told: Vec<u8>,
    },
    Body {
        at: Offset,
        event_id: String,
        /// The [`PaymentEvent`] that its body makes.
        told: Vec<u8>,
        order_id: Option<String>,
        unlinked_key: String,
        objects: Vec<String>,
    },
    Link {
        at: Offset,
        learned_from: String,
        object_id: String,
        order_id: String,
    },
}

/// A record as it stands against its body.
struct Record {
    lane: Lane,
    at: Offset,
    key: String,
    told: PaymentEvent,
}

struct Body {
    at: Offset,
    told: PaymentEvent,
    order_id: Option<String>,
    unlinked_key: String,
    objects: Vec<String>,
}

struct Link {
    at: Offset,
    object_id: String,
    order_id: String,
}

/// What belongs to one event.
#[derive(Default)]
struct Known {
    records: Vec<Record>,
    bodies: Vec<Body>,
    links: Vec<Link>,
}

/// The topics' names, and from when on they have been read.
#[derive(Debug)]
pub struct Bounds {
    pub events: String,
    pub unlinked: String,
    pub links: String,
    pub bodies: String,
    /// The oldest receipt of which all bodies, and all records, have been read; `None` where
    /// nothing is missing in front.
    pub bodies_since: Option<UnixMillis>,
    pub records_since: Option<UnixMillis>,
    /// Deliveries younger than this may be under way.
    pub settled_until: UnixMillis,
}

/// Judges everything in one bucket.
pub fn judge(said: Vec<Said>, bounds: &Bounds, report: &mut Report) {
    let mut events: HashMap<String, Known> = HashMap::new();
    for said in said {
        file(said, &mut events);
    }
    let events: BTreeMap<String, Known> = events.into_iter().collect();
    for (id, known) in &events {
        for record in &known.records {
            judge_record(id, record, known, bounds, report);
        }
        for body in &known.bodies {
            judge_body(id, body, known, bounds, report);
        }
        for link in &known.links {
            judge_link(id, link, known, bounds, report);
        }
    }
}

fn file(said: Said, events: &mut HashMap<String, Known>) {
    // What was spilled can be read: it was written by the same program a moment ago.
    let decode = |told: &[u8]| Codec::SingleObject.decode::<PaymentEvent>(told).ok();
    match said {
        Said::Record {
            lane,
            at,
            key,
            told,
        } => {
            if let Some(told) = decode(&told) {
                let known = events.entry(told.event.id.to_string()).or_default();
                known.records.push(Record {
                    lane,
                    at,
                    key,
                    told,
                });
            }
        }
        Said::Body {
            at,
            event_id,
            told,
            order_id,
            unlinked_key,
            objects,
        } => {
            if let Some(told) = decode(&told) {
                events.entry(event_id).or_default().bodies.push(Body {
                    at,
                    told,
                    order_id,
                    unlinked_key,
                    objects,
                });
            }
        }
        Said::Link {
            at,
            learned_from,
            object_id,
            order_id,
        } => events.entry(learned_from).or_default().links.push(Link {
            at,
            object_id,
            order_id,
        }),
    }
}

fn judge_record(id: &str, record: &Record, known: &Known, bounds: &Bounds, report: &mut Report) {
    // What the linker says by itself has no body.
    if EventType::INTERNAL.contains(&record.told.event.kind) {
        return;
    }
    let topic = match record.lane {
        Lane::Events => &bounds.events,
        Lane::Unlinked => &bounds.unlinked,
    };
    let place = record.at.in_topic(topic);
    let found =
        |fault, subject, detail: String| Finding::new(fault, subject, id, detail).at(&place);
    let received_at = record.told.received_at;
    let of_delivery = || {
        let mut bodies = known.bodies.iter();
        bodies.find(|body| {
            body.told.received_at == received_at && body.told.body_sha256 != record.told.body_sha256
        })
    };
    let own = known.bodies.iter().find(|body| {
        body.told.received_at == received_at && body.told.body_sha256 == record.told.body_sha256
    });
    if let Some(body) = own {
        let differences = differences(record, body);
        if !differences.is_empty() {
            let detail = format!(
                "the record is not what its body makes: {}",
                differences.join("; ")
            );
            report.found(found(Fault::Changed, Subject::Event, detail));
        }
    } else if let Some(body) = of_delivery() {
        let detail = format!(
            "its body ({}) has another digest than the record names: the body was changed",
            body.at.in_topic(&bounds.bodies)
        );
        report.found(found(Fault::Changed, Subject::Body, detail));
    } else if known
        .bodies
        .iter()
        .any(|body| differences(record, body).is_empty())
    {
        report.not_compared("records whose delivery was cut off; another delivery says the same");
    } else if received_at >= bounds.settled_until {
        report.not_compared("records so young that their bodies may be under way");
    } else if bounds.bodies_since.is_some_and(|since| received_at < since) {
        report.not_compared("records older than the bodies that are kept or were read");
    } else {
        let detail = "no body of this delivery is in the log".to_owned();
        report.found(found(Fault::Missing, Subject::Body, detail));
    }
}

fn judge_body(id: &str, body: &Body, known: &Known, bounds: &Bounds, report: &mut Report) {
    // A record of the same delivery has been judged with it, and another says what it must.
    if !known.records.is_empty() {
        let received_at = body.told.received_at;
        if known
            .records
            .iter()
            .all(|record| record.told.received_at != received_at)
        {
            report.not_compared("bodies whose delivery was cut off; another delivery is whole");
        }
        return;
    }
    let received_at = body.told.received_at;
    if received_at >= bounds.settled_until {
        report.not_compared("bodies so young that their records may be under way");
    } else if bounds
        .records_since
        .is_some_and(|since| received_at < since)
    {
        report.not_compared("bodies older than the records that are kept or were read");
    } else {
        let detail = "there is a body, and no record of the event in any topic";
        let finding = Finding::new(Fault::Missing, Subject::Event, id, detail);
        report.found(finding.at(&body.at.in_topic(&bounds.bodies)));
    }
}

/// A link is taught by an event that names the object, and the order where it names one.
fn judge_link(id: &str, link: &Link, known: &Known, bounds: &Bounds, report: &mut Report) {
    if known.bodies.is_empty() {
        // Where the event should have one, its own record has been told.
        report.not_compared("links whose event's body is not kept or was not read");
        return;
    }
    let teaches = |body: &Body| {
        body.objects.contains(&link.object_id)
            && body
                .order_id
                .as_ref()
                .is_none_or(|order| *order == link.order_id)
    };
    if !known.bodies.iter().any(teaches) {
        let detail = format!(
            "event `{id}`, which it names as its source, does not say that this object belongs to \
             order `{}`",
            link.order_id
        );
        let finding = Finding::new(Fault::Changed, Subject::Link, &link.object_id, detail);
        report.found(finding.at(&link.at.in_topic(&bounds.links)));
    }
}

/// What the record says otherwise than its body.
fn differences(record: &Record, body: &Body) -> Vec<String> {
    let mut all = Vec::new();
    let mut unequal = |what: &str, record: &dyn std::fmt::Display, body: &dyn std::fmt::Display| {
        all.push(format!("{what} is {record}, its body says {body}"));
    };
    let (told, derived) = (&record.told, &body.told);
    if told.event.kind != derived.event.kind {
        let (kind, other) = (told.event.kind.as_str(), derived.event.kind.as_str());
        unequal("type", &kind, &other);
    }
    if told.account != derived.account {
        let none = String::from("none");
        let account = told.account.as_ref().unwrap_or(&none);
        unequal(
            "account",
            account,
            derived.account.as_ref().unwrap_or(&none),
        );
    }
    if told.event.created != derived.event.created
        || told.event.livemode != derived.event.livemode
        || told.event.facts != derived.event.facts
    {
        let (facts, others) = (answer::facts(&told.event), answer::facts(&derived.event));
        let empty = serde_json::Map::new();
        let others = others.as_object().unwrap_or(&empty);
        for (field, value) in facts.as_object().unwrap_or(&empty) {
            let other = others.get(field).unwrap_or(&Value::Null);
            if other != value {
                unequal(field, value, other);
            }
        }
    }
    match (record.lane, &body.order_id) {
        (Lane::Events, Some(order)) if *order != record.key => {
            unequal("order", &record.key, order);
        }
        (Lane::Unlinked, Some(order)) => unequal("order", &"unknown", order),
        (Lane::Unlinked, None) if body.unlinked_key != record.key => {
            unequal("key", &record.key, &body.unlinked_key);
        }
        // The order that its body does not name was found by a link.
        (Lane::Events | Lane::Unlinked, _) => {}
    }
    all
}
