//! Runs the linker of one process: consume, write what the records add, read the rows, say what
//! follows and wait for its acknowledgement, write that it was said, commit.
//!
//! At least once: whatever fails is done again from the batch in hand, and a crash repeats what
//! was not committed. The ids of what is said are functions of what was read, so the ledger knows
//! repetitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;
use trueup_domain::event::UnixMillis;
use trueup_engine::ports::clock::{Clock, MachineClock};
use trueup_engine::ports::links::LinkStore;
use trueup_engine::ports::store::StoreFault;
use trueup_schemas::codec::Codec;
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;

use crate::aging::Aging;
use crate::batch::{judge, settle};
use crate::kafka::{Inlet, KafkaFault, Outlet, TopicNames};
use crate::limits::{FIRST_PAUSE, GATHER, LONGEST_PAUSE, MAX_BATCH_RECORDS, POLL};
use crate::machine::Told;
use crate::metrics;
use crate::opening::{Input, Opener, Record, Refused};
use crate::saying::Scribe;

/// What the linker is told.
#[derive(Debug, Clone)]
pub struct LinkerSettings {
    /// `bootstrap.servers` and what the user passes through to the client.
    pub kafka: Vec<(String, String)>,
    pub topics: Topics,
    pub codec: Codec,
    pub keys: SigningKeys,
    /// Names this process in the groups; stable over restarts.
    pub instance_id: String,
    /// How long an event may wait for its order before that is said.
    pub unlinked_age: Duration,
}

/// How the linker learns that it is to stop, and waits meanwhile.
#[derive(Clone, Copy)]
pub struct Stopping<'a> {
    pub is_stopped: &'a dyn Fn() -> bool,
    /// Waits, at most until the stop.
    pub wait: &'a dyn Fn(Duration),
}

impl std::fmt::Debug for Stopping<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stopping").finish_non_exhaustive()
    }
}

/// What the ops listener shows of the linker.
#[derive(Debug, Default)]
pub struct LinkerHealth {
    linking: Arc<AtomicBool>,
    aging: Arc<AtomicBool>,
    failing: AtomicBool,
}

impl LinkerHealth {
    /// It is a member of both groups and knows what it is to read.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.linking.load(Ordering::Relaxed) && self.aging.load(Ordering::Relaxed)
    }

    /// The last thing that it asked of the store or of Kafka was done.
    #[must_use]
    pub fn is_working(&self) -> bool {
        !self.failing.load(Ordering::Relaxed)
    }
}

/// Why a batch was not dealt with; it is done again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BatchFault {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Kafka(#[from] KafkaFault),
}

/// Every process that shares these topics is of this group.
#[must_use]
pub fn group_of(topics: &Topics) -> String {
    format!("{}.linker", topics.payments_unlinked())
}

/// Runs until told to stop: then the batch in hand is finished, or left to be repeated.
pub fn run(
    settings: &LinkerSettings,
    store: impl LinkStore,
    stopping: Stopping<'_>,
    health: &LinkerHealth,
) {
    let mut pause = FIRST_PAUSE;
    let mut linker = loop {
        match Linker::open(settings, health) {
            Ok(linker) => break linker,
            Err(fault) => {
                tracing::warn!(%fault, "waiting for Kafka");
                metrics::retried();
                (stopping.wait)(pause);
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        }
        if (stopping.is_stopped)() {
            return;
        }
    };
    let mut store = store;
    while !(stopping.is_stopped)() {
        linker.step(&mut store, stopping, health);
    }
}

struct Linker {
    settings: LinkerSettings,
    topics: TopicNames,
    opener: Opener,
    desk: Desk,
    inlet: Inlet,
    aging: Aging,
}

fn rejoined(joined: Result<(), KafkaFault>, stopping: Stopping<'_>) {
    metrics::retried();
    if let Err(fault) = joined {
        // It fails again, and is asked to join again then.
        tracing::warn!(%fault, "the linker could not join its group");
    }
    // Another process under the same name would be shut out, and come back, without end.
    (stopping.wait)(FIRST_PAUSE);
}

/// What deals with a batch, wherever it was read from.
pub(crate) struct Desk {
    scribe: Scribe,
    outlet: Outlet,
}

impl Linker {
    fn open(settings: &LinkerSettings, health: &LinkerHealth) -> Result<Self, KafkaFault> {
        let topics = TopicNames {
            events: settings.topics.payments_events(),
            unlinked: settings.topics.payments_unlinked(),
            links: settings.topics.payments_links(),
            dead_letters: settings.topics.dead_letters(),
        };
        let outlet = Outlet::open(&settings.kafka, &topics)?;
        let opener = Opener {
            codec: settings.codec.clone(),
            keys: settings.keys.clone(),
            unlinked_topic: topics.unlinked.clone(),
            links_topic: topics.links.clone(),
            unlinked_partitions: outlet.partitions.unlinked,
            links_partitions: outlet.partitions.links,
        };
        let scribe = Scribe {
            codec: settings.codec.clone(),
            keys: settings.keys.clone(),
            events_topic: topics.events.clone(),
            links_topic: topics.links.clone(),
            unlinked_age_ms: millis(settings.unlinked_age),
        };
        let group = group_of(&settings.topics);
        let inlet = Inlet::join(
            &settings.kafka,
            &group,
            &format!("{}-linker", settings.instance_id),
            &topics,
            &[Input::Links, Input::Unlinked],
            Arc::clone(&health.linking),
        )?;
        let aging = Aging::join(settings, &topics, Arc::clone(&health.aging))?;
        Ok(Self {
            settings: settings.clone(),
            topics,
            opener,
            desk: Desk { scribe, outlet },
            inlet,
            aging,
        })
    }

    fn step(&mut self, store: &mut impl LinkStore, stopping: Stopping<'_>, health: &LinkerHealth) {
        match self.inlet.poll(POLL, GATHER, MAX_BATCH_RECORDS) {
            Ok(records) if records.is_empty() => {}
            Ok(records) => {
                let opened = self.open_all(&records);
                if self.deal_with(&opened, store, stopping, health) {
                    self.inlet.commit(&records);
                }
            }
            Err(fault) => {
                tracing::warn!(%fault, "the linker joins its group anew");
                rejoined(self.inlet.rejoin(), stopping);
            }
        }
        let now = MachineClock::default().wall_ms();
        match self.aging.due(&self.opener, now) {
            Ok(due) if due.records.is_empty() => {}
            Ok(due) => {
                let mut opened = Opened::default();
                for (place, told) in &due.told {
                    if let Some(record) = due.records.get(*place) {
                        opened.push(told.clone(), record);
                    }
                }
                if self.deal_with(&opened, store, stopping, health) {
                    self.aging.commit(&due.records);
                }
            }
            Err(fault) => {
                tracing::info!(%fault, "the linker reads anew what is over age");
                rejoined(self.aging.rejoin(), stopping);
            }
        }
    }

    fn open_all<'a>(&self, records: &'a [Record]) -> Opened<'a> {
        let mut opened = Opened::default();
        for record in records {
            match self.opener.open(record) {
                Ok(Some(told)) => opened.push(told, record),
                Ok(None) => {}
                Err(refused) => opened.refused.push((record, refused)),
            }
        }
        opened
    }

    /// Until it is done: true; or told to stop: false.
    fn deal_with(
        &mut self,
        opened: &Opened<'_>,
        store: &mut impl LinkStore,
        stopping: Stopping<'_>,
        health: &LinkerHealth,
    ) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            let fault = match self.desk.deal_with(&self.opener, opened, store) {
                Ok(()) => {
                    health.failing.store(false, Ordering::Relaxed);
                    return true;
                }
                Err(fault) => fault,
            };
            tracing::warn!(%fault, "the linker does a batch again");
            metrics::retried();
            health.failing.store(true, Ordering::Relaxed);
            if (stopping.is_stopped)() {
                return false;
            }
            (stopping.wait)(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            if self.desk.outlet.is_broken() {
                match Outlet::open(&self.settings.kafka, &self.topics) {
                    Ok(outlet) => self.desk.outlet = outlet,
                    Err(fault) => tracing::warn!(%fault, "cannot make a new producer"),
                }
            }
        }
    }
}

/// Records and what they say.
#[derive(Debug, Default)]
pub(crate) struct Opened<'a> {
    told: Vec<Told>,
    of: Vec<&'a Record>,
    refused: Vec<(&'a Record, Refused)>,
}

impl<'a> Opened<'a> {
    pub(crate) fn push(&mut self, told: Told, record: &'a Record) {
        self.told.push(told);
        self.of.push(record);
    }
}

impl Desk {
    fn deal_with(
        &self,
        opener: &Opener,
        opened: &Opened<'_>,
        store: &mut impl LinkStore,
    ) -> Result<(), BatchFault> {
        let judged = judge(store, &opened.told)?;
        let full = judged.refused.iter().filter_map(|(place, full)| {
            let record = opened.of.get(*place)?;
            Some((*record, Refused::from(full)))
        });
        let refused: Vec<(&Record, Refused)> = opened.refused.iter().cloned().chain(full).collect();
        let mut records: Vec<_> = refused
            .iter()
            .map(|(record, refused)| self.scribe.letter(&opener.letter(record, refused)))
            .collect();
        for said in &judged.said {
            match self.scribe.record(said) {
                Ok(record) => records.push(record),
                Err(fault) => tracing::error!(%fault, "the linker cannot say what it should"),
            }
        }
        self.outlet.write(&records)?;
        for (record, refused) in &refused {
            metrics::refused(refused.class);
            tracing::warn!(
                partition = record.partition,
                offset = record.offset,
                class = refused.class.as_str(),
                reason = refused.reason,
                "the linker refused a record"
            );
        }
        judged.said.iter().for_each(metrics::said);
        metrics::added(judged.added);
        settle(store, &judged.then)?;
        Ok(())
    }
}

pub(crate) fn millis(duration: Duration) -> UnixMillis {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
