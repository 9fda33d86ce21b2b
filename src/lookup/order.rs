//! One order: what the ledger says now, and its history worked out again from the log.

use std::collections::BTreeMap;

use trueup_domain::ids::OrderId;
use trueup_domain::ledger::Ledger;
use trueup_domain::view::view;
use trueup_schemas::codec::Codec;
use trueup_schemas::headers;
use trueup_schemas::partition::partition_for;
use trueup_schemas::records::{GapSetRecord, OrderSnapshotRecord, PaymentEvent};

use super::answer::{self, GapAnswer, OrderAnswer};
use super::log::{Scan, Start};
use super::timeline::{History, LoggedEvent, LoggedSnapshot, timeline, trace_id};
use super::{Lookup, LookupFault};

impl Lookup {
    /// The order's state, payments, gaps and timeline; `None` when the store knows no such order.
    ///
    /// # Errors
    /// [`LookupFault`] when the store or the log could not be read.
    pub fn order(&self, id: &str) -> Result<Option<OrderAnswer>, LookupFault> {
        // What is no id names no order.
        let Ok(order_id) = OrderId::try_from(id) else {
            return Ok(None);
        };
        let Some(cell) = self.store.find_ledger(&order_id)? else {
            return Ok(None);
        };
        // The cell is framed alike whatever the topics' framing.
        let ledger: Ledger = Codec::SingleObject
            .decode(&cell)
            .map_err(|fault| LookupFault::new("the order's ledger", fault))?;
        let view = view(&ledger);
        let events_topic = self.topics.payments_events();
        let orders_topic = self.topics.orders();
        let partition = partition_for(id.as_bytes(), self.log.partitions(&events_topic)?);
        let history = History {
            ledger: &ledger,
            events_topic: &events_topic,
            orders_topic: &orders_topic,
            partition,
            events: self.events_of(&ledger, &events_topic, partition)?,
            snapshots: self.snapshots_of(id, &ledger, &orders_topic, partition)?,
        };
        Ok(Some(OrderAnswer {
            order_id: id.to_owned(),
            status: view.status.as_str(),
            version: ledger.version(),
            amount_due: view.due.map(trueup_domain::money::MinorUnits::get),
            amount_received: view.received,
            amount_refunded: view.refunded,
            currency: view.currency.map(|currency| currency.to_string()),
            payments: answer::payments(&view),
            gaps: self.gaps_of(id, partition)?,
            timeline: timeline(&history),
        }))
    }

    fn events_of(
        &self,
        ledger: &Ledger,
        topic: &str,
        partition: i32,
    ) -> Result<BTreeMap<i64, LoggedEvent>, LookupFault> {
        let offsets: Vec<i64> = ledger.events.iter().map(|event| event.offset).collect();
        let records = self.log.records_at(topic, partition, &offsets)?;
        let mut events = BTreeMap::new();
        for (offset, record) in records {
            let decoded = record
                .value
                .as_deref()
                .map(|value| self.codec.decode::<PaymentEvent>(value));
            // A log made anew may hold other records at these offsets: then ours is gone.
            let Some(Ok(payment)) = decoded else { continue };
            if ledger
                .events
                .iter()
                .any(|seen| seen.offset == offset && seen.id == payment.event.id)
            {
                let trace_id = record.header(headers::TRACEPARENT).and_then(trace_id);
                let logged = LoggedEvent {
                    event: payment.event,
                    at: payment.received_at,
                    trace_id,
                };
                events.insert(offset, logged);
            }
        }
        Ok(events)
    }

    /// The order's snapshots, those that compaction has left.
    fn snapshots_of(
        &self,
        id: &str,
        ledger: &Ledger,
        topic: &str,
        partition: i32,
    ) -> Result<Vec<LoggedSnapshot>, LookupFault> {
        let mut found = Vec::new();
        if ledger.snapshots.seen == 0 {
            return Ok(found);
        }
        self.log
            .scan(topic, partition, Start::Beginning, |record| {
                if record.key == id.as_bytes()
                    && let Some(Ok(held)) = record
                        .value
                        .as_deref()
                        .map(|value| self.codec.decode::<OrderSnapshotRecord>(value))
                    && held.order_id.as_str() == id
                {
                    let at = record.timestamp.unwrap_or(held.snapshot.updated_at);
                    found.push(LoggedSnapshot {
                        snapshot: held.snapshot,
                        at,
                        offset: record.offset,
                    });
                }
                Scan::On
            })?;
        Ok(found)
    }

    /// The order's latest set of gaps.
    fn gaps_of(&self, id: &str, partition: i32) -> Result<Vec<GapAnswer>, LookupFault> {
        let mut latest = None;
        let topic = self.topics.payments_gaps();
        self.log
            .scan(&topic, partition, Start::Beginning, |record| {
                if record.key == id.as_bytes() {
                    latest = record.value;
                }
                Scan::On
            })?;
        let Some(value) = latest else {
            return Ok(Vec::new());
        };
        let set: GapSetRecord = self
            .codec
            .decode(&value)
            .map_err(|fault| LookupFault::new(&topic, fault))?;
        let now = (self.clock)();
        Ok(set
            .gaps
            .gaps
            .iter()
            .map(|gap| answer::gap(id, gap, now))
            .collect())
    }
}
