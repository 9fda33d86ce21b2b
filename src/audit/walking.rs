//! Reads every topic once, judges each record by itself, and files what it says under its event
//! and its order.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trueup_domain::event::UnixMillis;
use trueup_domain::gap::Grace;
use trueup_engine::ports::log::{Input, Record as Input_, Source};
use trueup_engine::processor::{Opened, Processor};
use trueup_linker::machine::Told as LinkerTold;
use trueup_linker::opening::{self, Opener};
use trueup_reconciler::Reconciler;
use trueup_reconciler::topology::Fact;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::{
    DeadLetter, EventBody, OrderSnapshotRecord, PaymentEvent, PaymentLink,
};
use trueup_schemas::topics::Topics;
use trueup_stripe::normalise::Notice;
use trueup_stripe::signature::Verified;

use super::deliveries::{Bounds, Lane, Offset, Said};
use super::ledgers::Reach;
use super::report::{Fault, Finding, Place, Report, Subject};
use super::spill::Spill;
use super::{Audit, AuditFault, Orders, Told, limits};
use crate::lookup::log::{LogReader, Record, Start, Walked};

pub(super) struct Walk<'a> {
    pub(super) audit: &'a Audit<'a>,
    pub(super) log: &'a LogReader,
    pub(super) topics: &'a Topics,
    pub(super) report: &'a mut Report,
    pub(super) said: Spill<Said>,
    pub(super) told: Spill<Told>,
    pub(super) reaches: BTreeMap<i32, Reach>,
    pub(super) last_told: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    Events,
    Unlinked,
    Links,
    Orders,
    Bodies,
}

/// What one topic's partitions began with.
#[derive(Default)]
struct Begun {
    /// The newest of the first times of partitions that no longer begin at their beginning.
    since: Option<UnixMillis>,
}

impl Walk<'_> {
    /// Bodies come last: what is received meanwhile has its body, not its record, too many.
    pub(super) fn all(&mut self) -> Result<Bounds, AuditFault> {
        let events = self.topic(Topic::Events)?.since;
        let unlinked = self.topic(Topic::Unlinked)?.since;
        self.topic(Topic::Links)?;
        self.topic(Topic::Orders)?;
        let bodies = self.topic(Topic::Bodies)?.since;
        let since = self.audit.since;
        Ok(Bounds {
            events: self.topics.payments_events(),
            unlinked: self.topics.payments_unlinked(),
            links: self.topics.payments_links(),
            bodies: self.topics.payments_bodies(),
            bodies_since: bodies.max(since),
            records_since: events.max(unlinked).max(since),
            settled_until: self.audit.now.saturating_sub(limits::UNDER_WAY_MS),
        })
    }

    fn name(&self, topic: Topic) -> String {
        match topic {
            Topic::Events => self.topics.payments_events(),
            Topic::Unlinked => self.topics.payments_unlinked(),
            Topic::Links => self.topics.payments_links(),
            Topic::Orders => self.topics.orders(),
            Topic::Bodies => self.topics.payments_bodies(),
        }
    }

    fn topic(&mut self, topic: Topic) -> Result<Begun, AuditFault> {
        let name = self.name(topic);
        let partitions = self.log.partitions(&name)?;
        let judge = Judge::new(self.audit, self.topics, self.log, partitions)?;
        let mut begun = Begun::default();
        let (log, since) = (self.log, self.audit.since);
        let start = match (topic, since) {
            // A ledger rests on all snapshots that there are.
            (Topic::Orders, _) | (_, None) => Start::Beginning,
            (_, Some(since)) => Start::At(since),
        };
        for partition in 0..partitions {
            let (mut count, mut first) = (0_i64, None);
            let walked = log.walk::<AuditFault>(&name, partition, start, |record| {
                count = count.saturating_add(1);
                first = first.or(record.timestamp);
                self.progress(&name, partition, count);
                self.record(topic, &name, partition, record, &judge)
            })?;
            if since.is_none() && walked.start > 0 {
                begun.since = begun.since.max(first.or(Some(self.audit.now)));
            }
            self.reached(topic, partition, walked, count);
        }
        Ok(begun)
    }

    fn reached(&mut self, topic: Topic, partition: i32, walked: Walked, count: i64) {
        let reach = self.reaches.entry(partition).or_default();
        match topic {
            Topic::Events => {
                reach.events_start = walked.start;
                reach.events_end = walked.end;
            }
            Topic::Orders => {
                reach.orders_whole = walked.start == 0 && count == walked.end;
                reach.orders_end = walked.end;
            }
            Topic::Unlinked | Topic::Links | Topic::Bodies => {}
        }
    }

    fn progress(&mut self, name: &str, partition: i32, count: i64) {
        if self.last_told.elapsed() >= limits::TOLD_EVERY {
            self.last_told = Instant::now();
            (self.audit.tell)(&format!("{name}/{partition}: {count} records read"));
        }
    }

    fn record(
        &mut self,
        topic: Topic,
        name: &str,
        partition: i32,
        record: Record,
        judge: &Judge,
    ) -> Result<(), AuditFault> {
        let at = Offset {
            partition,
            offset: record.offset,
        };
        let key = String::from_utf8_lossy(&record.key).into_owned();
        let refused = match topic {
            Topic::Events => self.event(judge, at, &key, record)?,
            Topic::Orders => self.snapshot(judge, at, &key, record)?,
            Topic::Unlinked => self.unlinked(judge, at, &key, record)?,
            Topic::Links => self.link(judge, at, record)?,
            Topic::Bodies => return self.body(name, at, &key, &record),
        };
        if let Some(reason) = refused {
            let finding = Finding::new(Fault::Refused, Subject::Record, &key, reason);
            self.report.found(finding.at(&at.in_topic(name)));
        }
        Ok(())
    }

    fn event(
        &mut self,
        judge: &Judge,
        at: Offset,
        key: &str,
        record: Record,
    ) -> Result<Option<String>, AuditFault> {
        self.report.looked_at("events");
        let input = as_input(Input::Events, at.partition, record);
        match judge.reconciler.open(&input) {
            Opened::Refused(output) => Ok(Some(judge.reason(output.value))),
            Opened::Nothing => Ok(None),
            Opened::Fact { .. } => {
                let told: Option<PaymentEvent> = judge.decode(input.value.as_deref());
                let Some(told) = told else { return Ok(None) };
                let id = told.event.id.to_string();
                let told = Codec::SingleObject.encode(&told);
                let (order, event) = (key.to_owned(), told.clone());
                let (partition, offset) = (at.partition, at.offset);
                self.told.put(
                    key,
                    &Told::Event {
                        order,
                        partition,
                        offset,
                        event,
                    },
                )?;
                let (lane, key) = (Lane::Events, key.to_owned());
                self.said.put(
                    &id,
                    &Said::Record {
                        lane,
                        at,
                        key,
                        told,
                    },
                )?;
                Ok(None)
            }
        }
    }

    /// The order service's records are not signed; one that is refused is its affair.
    fn snapshot(
        &mut self,
        judge: &Judge,
        at: Offset,
        key: &str,
        record: Record,
    ) -> Result<Option<String>, AuditFault> {
        self.report.looked_at("snapshots");
        let input = as_input(Input::Orders, at.partition, record);
        match judge.reconciler.open(&input) {
            Opened::Refused(_) => {
                self.report
                    .not_compared("snapshots that are refused, in dead letters");
            }
            Opened::Nothing => {}
            Opened::Fact { order, fact, .. } => {
                if let Fact::Snapshot(snapshot) = fact {
                    let snapshot = Codec::SingleObject.encode(&OrderSnapshotRecord {
                        order_id: order,
                        snapshot,
                    });
                    let (order, partition) = (key.to_owned(), at.partition);
                    let offset = at.offset;
                    self.told.put(
                        key,
                        &Told::Snapshot {
                            order,
                            partition,
                            offset,
                            snapshot,
                        },
                    )?;
                }
            }
        }
        Ok(None)
    }

    fn unlinked(
        &mut self,
        judge: &Judge,
        at: Offset,
        key: &str,
        record: Record,
    ) -> Result<Option<String>, AuditFault> {
        self.report.looked_at("unlinked events");
        let record = as_linkers(opening::Input::Unlinked, at.partition, record);
        match judge.opener.open(&record) {
            Err(refused) => Ok(Some(refused.reason)),
            Ok(Some(LinkerTold::Event(parked))) => {
                let id = parked.event.event.id.to_string();
                let said = Said::Record {
                    lane: Lane::Unlinked,
                    at,
                    key: key.to_owned(),
                    told: Codec::SingleObject.encode(&parked.event),
                };
                self.said.put(&id, &said)?;
                Ok(None)
            }
            Ok(Some(LinkerTold::Link { .. } | LinkerTold::Overdue(_)) | None) => Ok(None),
        }
    }

    fn link(
        &mut self,
        judge: &Judge,
        at: Offset,
        record: Record,
    ) -> Result<Option<String>, AuditFault> {
        self.report.looked_at("links");
        let record = as_linkers(opening::Input::Links, at.partition, record);
        if let Err(refused) = judge.opener.open(&record) {
            return Ok(Some(refused.reason));
        }
        if let Some(link) = judge.decode::<PaymentLink>(record.value.as_deref()) {
            let id = link.learned_from.clone();
            let said = Said::Link {
                at,
                learned_from: link.learned_from,
                object_id: link.object_id.to_string(),
                order_id: link.order_id.to_string(),
            };
            self.said.put(&id, &said)?;
        }
        Ok(None)
    }

    /// The body tells its facts again by the gateway's own way.
    fn body(
        &mut self,
        name: &str,
        at: Offset,
        key: &str,
        record: &Record,
    ) -> Result<(), AuditFault> {
        self.report.looked_at("bodies");
        let codec = &self.audit.codec;
        let held = record.value.as_deref();
        let held = held.and_then(|value| codec.decode::<EventBody>(value).ok());
        let said = match held {
            None => Err("the record cannot be read".to_owned()),
            Some(held) => derived(at, key, held),
        };
        match said {
            Ok(said) => self.said.put(key, &said)?,
            Err(reason) => {
                let finding = Finding::new(Fault::Changed, Subject::Body, key, reason);
                let place: Place = at.in_topic(name);
                self.report.found(finding.at(&place));
            }
        }
        Ok(())
    }
}

fn derived(at: Offset, key: &str, held: EventBody) -> Result<Said, String> {
    let body_sha256: [u8; 32] = Sha256::digest(&held.body).into();
    let verified = Verified::by_digest(Bytes::from(held.body), &body_sha256);
    let verified = verified.map_err(|fault| fault.to_string())?;
    let notice = Notice::read(&verified).map_err(|fault| fault.to_string())?;
    let account = notice.account.clone();
    let made = notice.normalise().map_err(|fault| fault.to_string())?;
    let made = made.ok_or("it is of a type that is never written")?;
    if made.event.id.as_str() != key || held.event_id != key {
        return Err(format!("it is the body of event `{}`", made.event.id));
    }
    let order_id = made.order_id.as_ref().map(ToString::to_string);
    if order_id != held.order_id {
        return Err("the order beside it is not the one that it names".to_owned());
    }
    let unlinked_key = made.unlinked_key().to_string();
    let objects = made.objects().map(ToString::to_string).collect();
    let told = PaymentEvent {
        event: made.event,
        account,
        source: held.source,
        received_at: held.received_at,
        body_sha256,
    };
    Ok(Said::Body {
        at,
        event_id: key.to_owned(),
        told: Codec::SingleObject.encode(&told),
        order_id,
        unlinked_key,
        objects,
    })
}

/// What accepts records in production accepts them here.
struct Judge {
    reconciler: Reconciler,
    opener: Opener,
}

impl Judge {
    fn new(
        audit: &Audit<'_>,
        topics: &Topics,
        log: &LogReader,
        partitions: i32,
    ) -> Result<Self, AuditFault> {
        let (unlinked_topic, links_topic) = (topics.payments_unlinked(), topics.payments_links());
        Ok(Self {
            reconciler: Reconciler {
                codec: audit.codec.clone(),
                keys: audit.keys.clone(),
                events_topic: topics.payments_events(),
                orders_topic: topics.orders(),
                partitions,
                grace: Grace::of_all(0),
                orders_feed: audit.orders_feed.clone(),
            },
            opener: Opener {
                codec: audit.codec.clone(),
                keys: audit.keys.clone(),
                unlinked_partitions: log.partitions(&unlinked_topic)?,
                links_partitions: log.partitions(&links_topic)?,
                unlinked_topic,
                links_topic,
            },
        })
    }

    fn decode<R: trueup_schemas::records::Record>(&self, value: Option<&[u8]>) -> Option<R> {
        self.reconciler.codec.decode(value?).ok()
    }

    fn reason(&self, letter: Option<Vec<u8>>) -> String {
        let letter = self.decode::<DeadLetter>(letter.as_deref());
        letter.map_or_else(
            || "it is refused".to_owned(),
            |letter| format!("{}: {}", letter.class.as_str(), letter.reason),
        )
    }
}

/// Reads on from where each partition was left, for `orders` alone.
pub(super) fn tails(
    audit: &Audit<'_>,
    log: &LogReader,
    topics: &Topics,
    reaches: &mut BTreeMap<i32, Reach>,
    orders: &mut Orders,
) -> Result<(), AuditFault> {
    let partitions = log.partitions(&topics.payments_events())?;
    let judge = Judge::new(audit, topics, log, partitions)?;
    for (partition, reach) in reaches {
        for input in Input::ALL {
            let (topic, from) = match input {
                Input::Events => (topics.payments_events(), reach.events_end),
                Input::Orders => (topics.orders(), reach.orders_end),
            };
            let start = Start::Offset(from);
            let walked = log.walk::<AuditFault>(&topic, *partition, start, |record| {
                let offset = record.offset;
                let record = as_input(input, *partition, record);
                if let Opened::Fact { order, fact, .. } = judge.reconciler.open(&record)
                    && let Some((_, log)) = orders.get_mut(order.as_str())
                {
                    match fact {
                        Fact::Event { event, .. } => log.events.push((offset, event)),
                        Fact::Snapshot(snapshot) => log.snapshots.push((offset, snapshot)),
                    }
                }
                Ok(())
            })?;
            match input {
                Input::Events => reach.events_end = walked.end,
                Input::Orders => reach.orders_end = walked.end,
            }
        }
    }
    Ok(())
}

fn as_input(input: Input, partition: i32, record: Record) -> Input_ {
    Input_ {
        source: Source::Input(input),
        partition,
        offset: record.offset,
        timestamp: record.timestamp,
        key: Some(record.key),
        value: record.value,
        headers: headers(record.headers),
    }
}

fn as_linkers(input: opening::Input, partition: i32, record: Record) -> opening::Record {
    opening::Record {
        input,
        partition,
        offset: record.offset,
        timestamp: record.timestamp,
        key: Some(record.key),
        value: record.value,
        headers: headers(record.headers),
    }
}

fn headers(headers: Vec<(String, Vec<u8>)>) -> Vec<(String, Option<Vec<u8>>)> {
    let headers = headers.into_iter();
    headers.map(|(name, value)| (name, Some(value))).collect()
}
