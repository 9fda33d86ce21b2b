//! The run against one `trueup dev`: a shop's stream through it while the whole process is killed
//! again and again and its broker misbehaves on purpose; then the audit of the chaos run.

mod blow;
mod conduct;
mod process;
mod report;
mod script;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::audit::{self, Case};
use crate::chaos::ChaosFault;
use crate::chaos::cluster::WEBHOOK_SECRET;
use crate::fixtures::Fixtures;
use crate::rest;
use crate::scenario::story;
use crate::sender::{self, Progress, SenderOptions};
use crate::story::Story;
use crate::traffic::{self, Input, OrderService, about};
use process::Process;

pub use report::DevReport;

/// A run against `dev`. The defaults are the run of the release checklist.
#[derive(Debug, Clone, clap::Args)]
pub struct DevOptions {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Of the whole run, audit included.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "10m")]
    pub time_limit: Duration,
    #[arg(long, default_value_t = 10_000)]
    pub orders: u64,
    /// `kill -9` of the process, which is started again at once.
    #[arg(long, default_value_t = 100)]
    pub kills: u32,
    /// Protocol faults to inject at the broker, at least.
    #[arg(long, default_value_t = 10_000)]
    pub faults: u64,
    #[arg(long, default_value_t = 6)]
    pub partitions: u32,
    /// Deliveries per second; 0 for as fast as it goes.
    #[arg(long, default_value_t = 220)]
    pub rate: u64,
    #[arg(long, default_value_t = 48)]
    pub senders: usize,
    #[arg(long, value_parser = humantime::parse_duration, default_value = "3s")]
    pub grace: Duration,
    /// The built `trueup`.
    #[arg(long, default_value = "target/debug/trueup")]
    pub binary: PathBuf,
    /// Logs and data go here, and stay; without it to a temporary directory that stays on failure
    /// only.
    #[arg(long)]
    pub logs: Option<PathBuf>,
}

/// Runs it. A fault found is in the report; an `Err` is a run that could not be made.
///
/// # Errors
/// A process that cannot be started at all, topics that cannot be read.
pub fn run(options: &DevOptions) -> Result<DevReport, ChaosFault> {
    let started = Instant::now();
    let deadline = started + options.time_limit;
    let fixtures = Fixtures::load()?;
    let stories: Vec<Story> = (0..options.orders)
        .map(|n| story(options.seed, n))
        .collect();
    let deliveries = sender::plan(&stories, options.seed, 5);
    let mut process = Process::start(options)?;
    let directory = process.directory().to_owned();
    eprintln!("logs in `{}`", directory.display());
    let input = Input {
        fixtures: &fixtures,
        stories: &stories,
        deliveries: &deliveries,
    };
    let attacked = attack(options, &mut process, input, deadline);
    let mut report = attacked.map_err(|cause| ChaosFault::During {
        logs: directory.clone(),
        cause: Box::new(cause),
    })?;
    report.elapsed = started.elapsed();
    if Instant::now() > deadline {
        let what = "took longer than its time limit";
        report.faults.push(about("run", what, String::new()));
    }
    report.logs = directory;
    if report.is_clean() && options.logs.is_none() {
        // A directory that cannot be removed is nobody's fault here.
        let _ = std::fs::remove_dir_all(&report.logs);
    }
    Ok(report)
}

/// Sends and hits, then lets the last life come to rest without faults, audits, and stops.
fn attack(
    options: &DevOptions,
    process: &mut Process,
    input: Input<'_>,
    deadline: Instant,
) -> Result<DevReport, ChaosFault> {
    let blows = blow::schedule(options.seed, options.kills.saturating_sub(1));
    let progress = Progress::default();
    let sender = SenderOptions {
        backoff_most: Duration::from_millis(500),
        rate_per_s: options.rate,
        ..SenderOptions::to(
            process.webhook_url(),
            WEBHOOK_SECRET,
            options.senders,
            options.seed,
        )
    };
    let bootstrap = process.kafka().to_owned();
    let orders = OrderService {
        bootstrap: bootstrap.clone(),
        topic: "orders".to_owned(),
    };
    let wanted = options.faults;
    let (traffic, conducted) = traffic::drive(input, &sender, &orders, &progress, |done| {
        conduct::conduct(process, &blows, wanted, &progress, done, deadline)
    });
    let mut report = DevReport {
        seed: options.seed,
        orders: options.orders,
        deliveries: input.deliveries.len(),
        snapshots: traffic.snapshots,
        ..DevReport::default()
    };
    report.conducted(conducted?);
    report.faults.extend(traffic.faults);
    if options.kills > 0 {
        // The last blow falls on what works off the last deliveries; what comes after it is audited.
        process.instance.kill()?;
        report.kills += 1;
        process.live_again(None)?;
    }
    process.ready()?;
    report.injected = script::count(&process.faults_told());
    let expected = audit::expected_gaps(input.fixtures, input.stories);
    let topics = ["payments.events", "orders"].map(str::to_owned);
    let gauge = &mut || process.gauge();
    let rest = rest::wait(&bootstrap, &topics, &expected, deadline, gauge);
    report.settled = rest.settled;
    report.gauge = rest.gauge;
    report.faults.extend(rest.fault);
    let audit = audit::run(Case {
        bootstrap: &bootstrap,
        topic_prefix: "",
        fixtures: input.fixtures,
        stories: input.stories,
        sent: &traffic.sent,
        is_fed: true,
        is_over: true,
    })?;
    report.figures = audit.figures;
    report.faults.extend(audit.faults);
    report.sent = traffic.sent;
    judge(options, &mut report);
    match process.terminate() {
        Ok(status) if status.success() => {}
        Ok(status) => {
            let what = "did not end well on SIGTERM";
            report.faults.push(about("dev", what, status.to_string()));
        }
        Err(fault) => {
            let what = "did not end well on SIGTERM";
            report.faults.push(about("dev", what, fault.to_string()));
        }
    }
    Ok(report)
}

/// A run that did less harm than it was told to proves nothing.
fn judge(options: &DevOptions, report: &mut DevReport) {
    let (kills, injected) = (report.kills, report.injected());
    if kills < options.kills {
        let evidence = format!("{kills} of {}", options.kills);
        let what = "was not killed as often as it should be";
        report.faults.push(about("run", what, evidence));
    }
    if injected < options.faults {
        let evidence = format!("{injected} of {}", options.faults);
        let what = "had fewer faults injected than it should have";
        report.faults.push(about("run", what, evidence));
    }
}
