//! The run of a restart: a log and ledgers of many orders, a part of them with an open gap; the
//! process is killed with `kill -9` and started again, and what is measured is how long it takes
//! to say something new, and what it reads for it. What it says must be right.

mod again;
mod loading;

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::audit::Fault;
use crate::chaos::cluster::{Cluster, ClusterOptions};
use crate::chaos::{self, ChaosFault};
use crate::instance::Instance;
use crate::random::Random;
use crate::site::{self, Site, SiteOptions};
use crate::traffic::about;
use crate::usage::Bytes;
use crate::webhook::Webhook;

/// Gaps open while the load comes in.
const GRACE: Duration = Duration::from_secs(1);

/// A run of restarts. The defaults are the run of the release checklist.
#[derive(Debug, Clone, clap::Args)]
pub struct RestartOptions {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Of the whole run.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "30m")]
    pub time_limit: Duration,
    #[arg(long, default_value_t = 1_000_000)]
    pub orders: u64,
    /// How many of the orders have an open gap.
    #[arg(long, default_value_t = 100_000)]
    pub gaps: u64,
    /// Restarts, each measured.
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    #[arg(long, default_value_t = 6)]
    pub partitions: u32,
    /// A processor on Kafka and a CQL store instead of one `trueup dev`.
    #[arg(long)]
    pub kafka: bool,
    /// Of that processor.
    #[arg(long, default_value_t = 2)]
    pub workers: u32,
    /// The built `trueup`.
    #[arg(long, default_value = "target/release/trueup")]
    pub binary: PathBuf,
    /// Logs and data go here, and stay; without it to a temporary directory that stays on failure
    /// only.
    #[arg(long)]
    pub logs: Option<PathBuf>,
}

/// What one restart took, from the start of the process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again {
    /// Until its ready file was there.
    ready: Duration,
    /// Until a payment was accepted by the gateway, which lives on where it is another process.
    accepted: Duration,
    /// Until the status change of that payment could be read.
    told: Duration,
    /// By then.
    read: Bytes,
    cpu_s: f64,
    peak_rss_mib: f64,
}

#[derive(Debug, Default)]
pub struct RestartReport {
    orders: u64,
    gaps: u64,
    written: Duration,
    loaded: Duration,
    rounds: Vec<Again>,
    logs: PathBuf,
    pub faults: Vec<Fault>,
}

impl RestartReport {
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Restarts that were measured.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.len()
    }
}

impl fmt::Display for RestartReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} orders, {} open gaps; written in {:.1?}, folded in {:.1?}",
            self.orders, self.gaps, self.written, self.loaded
        )?;
        writeln!(
            f,
            "restart  ready s  accepted s  first output s  from files MiB  from disk MiB  \
             over loopback MiB  CPU s  peak MiB"
        )?;
        for (round, again) in (1..).zip(&self.rounds) {
            writeln!(
                f,
                "{round:>7}  {:>7.2}  {:>10.2}  {:>14.2}  {:>14.1}  {:>13.1}  {:>17.1}  {:>5.1}  \
                 {:>8.0}",
                again.ready.as_secs_f64(),
                again.accepted.as_secs_f64(),
                again.told.as_secs_f64(),
                mib(again.read.files),
                mib(again.read.disk),
                mib(again.read.loopback),
                again.cpu_s,
                again.peak_rss_mib,
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

fn mib(bytes: u64) -> f64 {
    let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
    f64::from(kib) / 1024.0
}

/// Where the process under test runs.
struct Place {
    kafka: String,
    prefix: String,
    webhook: Webhook,
}

/// Runs it. A fault found is in the report; an `Err` is a run that could not be made.
///
/// # Errors
/// Services or processes that cannot be started at all, topics that cannot be read.
pub fn run(options: &RestartOptions) -> Result<RestartReport, ChaosFault> {
    let started = Instant::now();
    let deadline = started + options.time_limit;
    let logs = site::directory("restart", options.seed, options.logs.as_ref())?;
    eprintln!("logs in `{}`", logs.display());
    let mut report = RestartReport {
        orders: options.orders,
        gaps: options.gaps,
        logs,
        ..RestartReport::default()
    };
    if options.kafka {
        on_kafka(options, &mut report, deadline)?;
    } else {
        on_dev(options, &mut report, deadline)?;
    }
    if Instant::now() > deadline {
        let evidence = format!("{:.0?}", started.elapsed());
        let what = "took longer than its time limit";
        report.faults.push(about("run", what, evidence));
    }
    if report.is_clean() && options.logs.is_none() {
        // A directory that cannot be removed is nobody's fault here.
        let _ = std::fs::remove_dir_all(&report.logs);
    }
    Ok(report)
}

fn on_dev(
    options: &RestartOptions,
    report: &mut RestartReport,
    deadline: Instant,
) -> Result<(), ChaosFault> {
    let grace = humantime::format_duration(GRACE).to_string();
    let site_options = SiteOptions {
        binary: &options.binary,
        partitions: options.partitions,
        flags: &[("--grace", grace.as_str()), ("--orders-feed", "on")],
        plant: None,
    };
    let mut random = Random::fork(options.seed, 0x4E57);
    let mut site = Site::start("dev", &site_options, &report.logs, &mut random)?;
    let place = Place {
        kafka: site.kafka().to_owned(),
        prefix: String::new(),
        webhook: Webhook::of(&site.webhook_url()),
    };
    measure(options, &mut site.instance, &place, report, deadline)?;
    site.stop();
    Ok(())
}

fn on_kafka(
    options: &RestartOptions,
    report: &mut RestartReport,
    deadline: Instant,
) -> Result<(), ChaosFault> {
    let services = chaos::services()?;
    let cluster_options = ClusterOptions {
        seed: options.seed,
        partitions: options.partitions,
        workers: options.workers,
        grace: GRACE,
        binary: options.binary.clone(),
        logs: Some(report.logs.clone()),
    };
    let mut cluster = Cluster::start(&cluster_options, services.as_ref())?;
    cluster.start_processors(1)?;
    let place = Place {
        kafka: services.kafka(),
        prefix: cluster.topic_prefix().to_owned(),
        webhook: Webhook::of(&cluster.webhook_url()),
    };
    for processor in &mut cluster.processors {
        measure(options, processor, &place, report, deadline)?;
    }
    report.faults.extend(cluster.stop());
    Ok(())
}

fn measure(
    options: &RestartOptions,
    instance: &mut Instance,
    place: &Place,
    report: &mut RestartReport,
    deadline: Instant,
) -> Result<(), ChaosFault> {
    let started = Instant::now();
    loading::write(options, place)?;
    report.written = started.elapsed();
    eprintln!("written in {:.1?}", report.written);
    if !loading::await_folded(options, instance, place, deadline) {
        let evidence = loading::shown(instance);
        let what = "did not become those of the load";
        report.faults.push(about("gaps", what, evidence));
        return Ok(());
    }
    report.loaded = started.elapsed();
    eprintln!("folded in {:.1?}", report.loaded);
    for round in 1..=options.rounds {
        let again = again::start(options, instance, place, round, deadline)?;
        match again {
            Ok(again) => report.rounds.push(again),
            Err(fault) => {
                report.faults.push(fault);
                return Ok(());
            }
        }
        if !loading::await_folded(options, instance, place, deadline) {
            let evidence = loading::shown(instance);
            let what = "are not those from before the restart";
            report.faults.push(about("gaps", what, evidence));
            return Ok(());
        }
    }
    Ok(())
}
