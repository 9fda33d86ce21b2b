//! The backlog of a comparison: one stream, accepted by the gateway and so in `payments.events` as
//! signed facts, and beside it in a topic of its own as the raw bodies, the same deliveries in the
//! same order under the same keys.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::RivalsFault;
use super::admin::Admin;
use super::offsets::Watch;
use super::table::float;
use crate::audit::Case;
use crate::chaos::Services;
use crate::chaos::cluster::{Cluster, ClusterOptions, WEBHOOK_SECRET};
use crate::fixtures::Fixtures;
use crate::oracle::reading;
use crate::render;
use crate::scenario::story;
use crate::sender::{self, Delivery, Progress, SenderOptions, Sent};
use crate::snapshots::Writer;
use crate::story::Story;
use crate::usage::Usage;

/// No gap opens while the backlog is drained, as in production.
const GRACE: Duration = Duration::from_secs(3_600);
const DUPLICATE_PERCENT: u64 = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A gateway that takes nothing for so long takes nothing any more.
const STALLED: Duration = Duration::from_secs(60);

/// What the backlog is made of.
#[derive(Debug, Clone)]
pub(super) struct BacklogOptions {
    pub(super) seed: u64,
    pub(super) orders: u64,
    pub(super) partitions: u32,
    pub(super) workers: u32,
    pub(super) senders: usize,
    pub(super) binary: PathBuf,
    pub(super) logs: PathBuf,
}

/// A backlog that lies in Kafka, and what it was made from.
pub(super) struct Backlog {
    fixtures: Fixtures,
    stories: Vec<Story>,
    sent: Sent,
    /// Its gateway has ended.
    pub(super) cluster: Cluster,
    pub(super) signed_topic: String,
    pub(super) raw_topic: String,
    pub(super) raw: Amount,
    /// Of the gateway, for each delivery that it took.
    pub(super) gateway_us: f64,
}

/// Records of a topic, and the bytes of their values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Amount {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, payload: &[u8]) {
        self.records += 1;
        self.bytes += u64::try_from(payload.len()).unwrap_or(0);
    }

    pub(super) fn mean(self) -> f64 {
        float(self.bytes) / float(self.records.max(1))
    }
}

impl Backlog {
    pub(super) fn write(
        options: &BacklogOptions,
        services: &dyn Services,
        admin: &Admin,
    ) -> Result<Self, RivalsFault> {
        let fixtures = Fixtures::load()?;
        let stories: Vec<Story> = (0..options.orders)
            .map(|number| story(options.seed, number))
            // No order service speaks here, to nobody: Kafka Streams would not hear it.
            .map(|story| Story {
                snapshots: Vec::new(),
                ..story
            })
            .collect();
        let deliveries = sender::plan(&stories, options.seed, DUPLICATE_PERCENT);
        let mut cluster = Cluster::start(&cluster_options(options), services)?;
        let signed_topic = format!("{}payments.events", cluster.topic_prefix());
        let raw_topic = format!("{}rivals.raw", cluster.topic_prefix());
        admin.create(&raw_topic, options.partitions)?;
        let before = Usage::of(cluster.gateway_pid()).cpu_s;
        let sent = send(options, &cluster, &fixtures, &stories, &deliveries)?;
        let used = Usage::of(cluster.gateway_pid()).cpu_s - before;
        if let Some(fault) = cluster.stop().first() {
            return Err(RivalsFault::Backlog(fault.to_string()));
        }
        let bootstrap = services.kafka();
        let raw = write_raw(&bootstrap, &raw_topic, &fixtures, &stories, &deliveries)?;
        let watch = Watch::of(&bootstrap, "trueup-load", &raw_topic, options.partitions)?;
        let held = watch.held()?;
        if held != raw.records {
            let wrote = raw.records;
            return Err(RivalsFault::Backlog(format!(
                "`{raw_topic}` holds {held} records, and {wrote} were written"
            )));
        }
        let taken = u64::try_from(deliveries.len()).unwrap_or(u64::MAX).max(1);
        Ok(Self {
            fixtures,
            stories,
            sent,
            cluster,
            signed_topic,
            raw_topic,
            raw,
            gateway_us: used * 1e6 / float(taken),
        })
    }

    /// For the audit of what a processor made of it.
    pub(super) fn case<'a>(&'a self, bootstrap: &'a str) -> Case<'a> {
        Case {
            bootstrap,
            topic_prefix: self.cluster.topic_prefix(),
            fixtures: &self.fixtures,
            stories: &self.stories,
            sent: &self.sent,
            is_fed: false,
            is_over: false,
        }
    }
}

fn cluster_options(options: &BacklogOptions) -> ClusterOptions {
    ClusterOptions {
        seed: options.seed,
        partitions: options.partitions,
        workers: options.workers,
        grace: GRACE,
        binary: options.binary.clone(),
        logs: Some(options.logs.clone()),
    }
}

/// Gives up when the gateway has taken nothing for a while: a full disk, a dead broker.
fn send(
    options: &BacklogOptions,
    cluster: &Cluster,
    fixtures: &Fixtures,
    stories: &[Story],
    deliveries: &[Delivery],
) -> Result<Sent, RivalsFault> {
    let sender = SenderOptions::to(
        cluster.webhook_url(),
        WEBHOOK_SECRET,
        options.senders,
        options.seed,
    );
    let progress = Progress::default();
    let sent = std::thread::scope(|scope| {
        let sending =
            scope.spawn(|| sender::send(fixtures, stories, deliveries, &sender, &progress));
        let (mut seen, mut moved) = (0, Instant::now());
        while !sending.is_finished() {
            std::thread::sleep(LOOK_AGAIN);
            let delivered = progress.delivered.load(Ordering::Relaxed);
            if delivered != seen {
                (seen, moved) = (delivered, Instant::now());
            } else if moved.elapsed() > STALLED {
                progress.stop.store(true, Ordering::Relaxed);
            }
        }
        sending.join()
    });
    let sent = sent.map_err(|_| RivalsFault::Backlog("the sender panicked".to_owned()))?;
    if sent.given_up.is_empty() {
        return Ok(sent);
    }
    let (taken, all) = (progress.delivered.load(Ordering::Relaxed), deliveries.len());
    let (seconds, attempts) = (STALLED.as_secs(), &sent.attempts);
    Err(RivalsFault::Backlog(format!(
        "the gateway took {taken} of {all} deliveries and then none for {seconds} s: is the disk \
         full, or the broker dead? answers: {attempts:?}"
    )))
}

/// Writes the deliveries of every order's payments as Stripe sent them, by murmur2 of the order.
fn write_raw(
    bootstrap: &str,
    topic: &str,
    fixtures: &Fixtures,
    stories: &[Story],
    deliveries: &[Delivery],
) -> Result<Amount, RivalsFault> {
    let fault = |cause: crate::snapshots::SnapshotFault| RivalsFault::Backlog(cause.to_string());
    let writer = Writer::new(bootstrap, topic).map_err(fault)?;
    let mut amount = Amount::default();
    for delivery in deliveries {
        let Some(story) = stories.get(delivery.story) else {
            continue;
        };
        let (Some(order_id), Some(event)) = (&story.order_id, story.events.get(delivery.event))
        else {
            continue;
        };
        let body = render::body(fixtures, event, delivery.copy);
        let read: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if !reading::is_used(&read) {
            continue;
        }
        let body = String::from_utf8_lossy(&body);
        writer.put(order_id, &body).map_err(fault)?;
        amount.add(body.as_bytes());
    }
    writer.finish().map_err(fault)?;
    Ok(amount)
}
