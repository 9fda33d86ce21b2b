//! The run of one order id: a shop whose checkout gives the same id to everything. What the order
//! cannot hold is refused in its order and told by one gap, a neighbour is paid as ever, and an
//! event costs the same however many came before it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::audit::{AuditFault, Fault};
use crate::chaos::ChaosFault;
use crate::gauges::Gauges;
use crate::random::Random;
use crate::site::{self, Site, SiteOptions};
use crate::status_log::StatusReader;
use crate::traffic::about;
use crate::usage::Usage;
use crate::webhook::{Webhook, payment};
use crate::{kafka, scrape};

/// The most events that an order may hold, as users are told.
const HELD: u64 = 512;
const ORDER: &str = "same-for-all";
const NEIGHBOUR: &str = "neighbour";
const READ: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A part that costs so many times as much as the second one has grown.
const FLAT_WITHIN: f64 = 1.5;
/// CPU is told in hundredths of a second; of less than this nothing can be said.
const LEAST_CPU_S: f64 = 1.0;

/// A run of one order. The defaults are the run of the release checklist.
#[derive(Debug, Clone, clap::Args)]
pub struct OneOrderOptions {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Of the whole run.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "15m")]
    pub time_limit: Duration,
    #[arg(long, default_value_t = 100_000)]
    pub events: u64,
    /// Equal parts whose costs are compared.
    #[arg(long, default_value_t = 10)]
    pub parts: u32,
    #[arg(long, default_value_t = 32)]
    pub senders: u32,
    /// The built `trueup`.
    #[arg(long, default_value = "target/release/trueup")]
    pub binary: PathBuf,
    /// Logs and data go here, and stay; without it to a temporary directory that stays on failure
    /// only.
    #[arg(long)]
    pub logs: Option<PathBuf>,
}

/// What one part of the events cost.
#[derive(Debug, Clone, Copy)]
struct Part {
    last: u64,
    took: Duration,
    cpu_s: f64,
    cpu_us_per_event: f64,
    peak_rss_mib: f64,
}

#[derive(Debug)]
pub struct OneOrderReport {
    events: u64,
    parts: Vec<Part>,
    pub letters: u64,
    logs: PathBuf,
    pub faults: Vec<Fault>,
}

impl OneOrderReport {
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// What the first part folds, the others refuse: they are held against the second.
    fn measure(&self) -> Option<Part> {
        self.parts.get(1).copied()
    }

    fn judge_costs(&mut self) {
        let (Some(second), Some(last)) = (self.measure(), self.parts.last()) else {
            return;
        };
        let grown = last.cpu_us_per_event / second.cpu_us_per_event;
        if second.cpu_s >= LEAST_CPU_S && grown > FLAT_WITHIN {
            let evidence = format!("the last part's cost {grown:.2} times the second part's");
            self.faults
                .push(about("events", "cost more and more", evidence));
        }
    }
}

impl fmt::Display for OneOrderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} events of one order, {} letters",
            self.events, self.letters
        )?;
        writeln!(f, "up to event  took s  CPU us/event  to part 2  peak MiB")?;
        let measure = self
            .measure()
            .map_or(f64::NAN, |part| part.cpu_us_per_event);
        for part in &self.parts {
            writeln!(
                f,
                "{:>11}  {:>6.1}  {:>12.0}  {:>9.2}  {:>8.0}",
                part.last,
                part.took.as_secs_f64(),
                part.cpu_us_per_event,
                part.cpu_us_per_event / measure,
                part.peak_rss_mib,
            )?;
        }
        for fault in self.faults.iter().take(25) {
            writeln!(f, "  {fault}")?;
        }
        if self.is_clean() {
            return write!(f, "no fault found");
        }
        let (faults, logs) = (self.faults.len(), self.logs.display());
        write!(f, "{faults} faults; logs in `{logs}`")
    }
}

/// Runs it. A fault found is in the report; an `Err` is a run that could not be made.
///
/// # Errors
/// A process that cannot be started at all, topics that cannot be read.
pub fn run(options: &OneOrderOptions) -> Result<OneOrderReport, ChaosFault> {
    let deadline = Instant::now() + options.time_limit;
    let logs = site::directory("one-order", options.seed, options.logs.as_ref())?;
    let site_options = SiteOptions {
        binary: &options.binary,
        partitions: 3,
        flags: &[("--grace", "1s")],
        plant: None,
    };
    let mut random = Random::fork(options.seed, 0x0DE4);
    let mut site = Site::start("dev", &site_options, &logs, &mut random)?;
    let mut report = OneOrderReport {
        events: options.events,
        parts: Vec::new(),
        letters: 0,
        logs,
        faults: Vec::new(),
    };
    post_all(options, &site, &mut report, deadline);
    judge(&site, &mut report, deadline)?;
    report.judge_costs();
    site.stop();
    if report.is_clean() && options.logs.is_none() {
        // A directory that cannot be removed is nobody's fault here.
        let _ = std::fs::remove_dir_all(&report.logs);
    }
    Ok(report)
}

/// Posts part after part, each until the last letter of it is seen.
fn post_all(
    options: &OneOrderOptions,
    site: &Site,
    report: &mut OneOrderReport,
    deadline: Instant,
) {
    let webhook = Webhook::of(&site.webhook_url());
    let parts = u64::from(options.parts.max(1));
    let mut from = 0;
    for part in 1..=parts {
        let to = options.events * part / parts;
        let before = Usage::of(site.instance.pid());
        let started = Instant::now();
        post(options, &webhook, from, to, deadline);
        if part == parts.div_ceil(2) {
            let id = "pi_neighbour";
            webhook.post(&payment(NEIGHBOUR, id, "payment_intent.succeeded", 1_000));
        }
        let letters = usize::try_from(to.saturating_sub(HELD)).unwrap_or(usize::MAX);
        if !site.await_depth(letters, deadline) {
            let evidence = format!("{:?} of {letters}", site.depth());
            let what = "did not become so many";
            report.faults.push(about("letters", what, evidence));
            return;
        }
        let used = Usage::of(site.instance.pid());
        let events = u32::try_from(to - from).map_or(f64::INFINITY, f64::from);
        report.parts.push(Part {
            last: to,
            took: started.elapsed(),
            cpu_s: used.cpu_s - before.cpu_s,
            cpu_us_per_event: (used.cpu_s - before.cpu_s) * 1e6 / events,
            peak_rss_mib: used.peak_rss_mib,
        });
        from = to;
    }
}

/// Posts the events of these numbers until each is taken, as Stripe would.
fn post(options: &OneOrderOptions, webhook: &Webhook, from: u64, to: u64, deadline: Instant) {
    let next = AtomicU64::new(from);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= to {
                break;
            }
            let id = format!("pi_{number}");
            let event = payment(ORDER, &id, "payment_intent.created", 1_000);
            while !webhook.post(&event) && Instant::now() < deadline {
                std::thread::sleep(LOOK_AGAIN);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.senders.max(1) {
            scope.spawn(work);
        }
    });
}

fn judge(site: &Site, report: &mut OneOrderReport, deadline: Instant) -> Result<(), ChaosFault> {
    let mut expected = Gauges::default();
    expected.entries.insert("order_full".to_owned(), 1);
    let gauges = || Gauges::read(&scrape::page(&site.ops)?);
    while gauges().as_ref() != Some(&expected) {
        if Instant::now() > deadline {
            let evidence = format!("{:?}", gauges());
            let what = "are not the one that the order is full";
            report.faults.push(about("gaps", what, evidence));
            break;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    refused_in_order(site, report)?;
    let reader = StatusReader::new().map_err(AuditFault::from)?;
    let mut told = Vec::new();
    kafka::read(site.kafka(), "orders.status", READ, |record| {
        told.push(reader.decode(&record));
    })?;
    let told: Result<Vec<_>, _> = told.into_iter().collect();
    let told = told.map_err(AuditFault::from)?;
    let paid = |one: &crate::status_log::StatusRecord| {
        one.order_id == NEIGHBOUR && one.to == "paid" && one.received == 1_000
    };
    if told.len() != 1 || !told.iter().all(paid) {
        let evidence = format!("{told:?}");
        let what = "is not the one order that was paid, once";
        report.faults.push(about(NEIGHBOUR, what, evidence));
    }
    Ok(())
}

/// Each letter's key names the place of what was refused. Letters are spread by their keys: each
/// partition of theirs has them in order.
fn refused_in_order(site: &Site, report: &mut OneOrderReport) -> Result<(), ChaosFault> {
    let mut places: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    kafka::read(site.kafka(), "payments.dead-letters", READ, |record| {
        let key = String::from_utf8_lossy(&record.key).into_owned();
        let offset = key.rsplit('/').next().and_then(|last| last.parse().ok());
        let own = places.entry(record.partition).or_default();
        own.push(offset.unwrap_or(-1));
    })?;
    let letters: usize = places.values().map(Vec::len).sum();
    report.letters = u64::try_from(letters).unwrap_or(u64::MAX);
    if report.letters != report.events.saturating_sub(HELD) {
        let evidence = format!("{} letters", report.letters);
        let what = "are not those that the order cannot hold";
        report.faults.push(about("letters", what, evidence));
    }
    let pairs = places.values().flat_map(|own| own.windows(2));
    if let Some(wrong) = pairs.into_iter().find(|pair| pair.first() >= pair.last()) {
        let evidence = format!("offsets {wrong:?}");
        let what = "do not lie in the order of what they refuse";
        report.faults.push(about("letters", what, evidence));
    }
    Ok(())
}
