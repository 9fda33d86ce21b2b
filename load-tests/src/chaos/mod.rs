//! The chaos run: a shop's stream through the real gateway and real processors on a real Kafka
//! and a real CQL store, while everything is killed at seeded moments; then the audit.

mod act;
pub(crate) mod cluster;
mod director;
mod report;
mod services;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::audit::{self, AuditFault, Case};
use crate::fixtures::{FixtureFault, Fixtures};
use crate::instance::InstanceFault;
use crate::kafka::ReadFault;
use crate::rest;
use crate::scenario::story;
use crate::sender::{self, Progress, SenderOptions};
use crate::snapshots::SnapshotFault;
use crate::story::Story;
use crate::traffic::{self, Input, OrderService, about};

pub use cluster::ClusterFault;
use cluster::{Cluster, ClusterOptions};
pub use report::Report;
pub use services::{External, Own, ServiceFault, Services, services};

/// A chaos run. The defaults are the run of the release checklist.
#[derive(Debug, Clone, clap::Args)]
pub struct ChaosOptions {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Of the whole run, audit included.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "20m")]
    pub time_limit: Duration,
    #[arg(long, default_value_t = 10_000)]
    pub orders: u64,
    /// `kill -9` of a processor, which is started again at once.
    #[arg(long, default_value_t = 10)]
    pub kills: u32,
    #[arg(long, default_value_t = 3)]
    pub gateway_kills: u32,
    /// Kill and restart the CQL store once and Kafka once; needs services of our own.
    #[arg(long)]
    pub restart_services: bool,
    /// Instances of `trueup process`; one more joins and leaves.
    #[arg(long, default_value_t = 3)]
    pub process: u32,
    #[arg(long, default_value_t = 1)]
    pub workers: u32,
    #[arg(long, default_value_t = 6)]
    pub partitions: u32,
    /// Times that a processor is stopped by SIGSTOP until it is fenced.
    #[arg(long, default_value_t = 1)]
    pub freezes: u32,
    /// Longer than the session and the transaction timeout.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "25s")]
    pub freeze: Duration,
    #[arg(long, default_value_t = 1)]
    pub joins: u32,
    /// Deliveries per second; 0 for as fast as it goes.
    #[arg(long, default_value_t = 350)]
    pub rate: u64,
    #[arg(long, default_value_t = 48)]
    pub senders: usize,
    #[arg(long, value_parser = humantime::parse_duration, default_value = "3s")]
    pub grace: Duration,
    /// The built `trueup`.
    #[arg(long, default_value = "target/debug/trueup")]
    pub binary: PathBuf,
    /// Logs go here, and stay; without it to a temporary directory that stays on failure only.
    #[arg(long)]
    pub logs: Option<PathBuf>,
}

impl ChaosOptions {
    fn cluster(&self) -> ClusterOptions {
        ClusterOptions {
            seed: self.seed,
            partitions: self.partitions,
            workers: self.workers,
            grace: self.grace,
            binary: self.binary.clone(),
            logs: self.logs.clone(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ChaosFault {
    #[error(transparent)]
    Fixture(#[from] FixtureFault),
    #[error(transparent)]
    Cluster(#[from] ClusterFault),
    #[error(transparent)]
    Instance(#[from] InstanceFault),
    #[error(transparent)]
    Service(#[from] ServiceFault),
    #[error(transparent)]
    Audit(#[from] AuditFault),
    #[error(transparent)]
    Read(#[from] ReadFault),
    #[error(transparent)]
    Snapshot(#[from] SnapshotFault),
    #[error("{cause}\nlogs in `{logs}`")]
    During {
        logs: PathBuf,
        cause: Box<ChaosFault>,
    },
    #[error("directory `{path}`: {cause}")]
    Directory {
        path: PathBuf,
        cause: std::io::Error,
    },
    /// What a run changes behind the system's back cannot be changed.
    #[error("cannot tamper with {what}: {why}")]
    Tamper { what: String, why: String },
    #[error("no stand-in for Stripe's API: {0}")]
    StripeApi(std::io::Error),
}

/// Runs it. A fault found is in the report; an `Err` is a run that could not be made.
///
/// # Errors
/// Services or processes that cannot be started at all, topics that cannot be read.
pub fn run(options: &ChaosOptions, services: &mut dyn Services) -> Result<Report, ChaosFault> {
    let started = Instant::now();
    let deadline = started + options.time_limit;
    let fixtures = Fixtures::load()?;
    let stories: Vec<Story> = (0..options.orders)
        .map(|n| story(options.seed, n))
        .collect();
    let deliveries = sender::plan(&stories, options.seed, 5);
    let mut cluster = Cluster::start(&options.cluster(), services)?;
    cluster.start_processors(options.process.max(1))?;
    let directory = cluster.directory().to_owned();
    eprintln!("logs in `{}`", directory.display());
    let case = Input {
        fixtures: &fixtures,
        stories: &stories,
        deliveries: &deliveries,
    };
    let mut report = attack(options, services, &mut cluster, case, deadline).map_err(|cause| {
        ChaosFault::During {
            logs: directory,
            cause: Box::new(cause),
        }
    })?;
    report.elapsed = started.elapsed();
    if Instant::now() > deadline {
        report.faults.push(about(
            "run",
            "took longer than its time limit",
            String::new(),
        ));
    }
    if report.is_clean() && options.logs.is_none() {
        // A directory that cannot be removed is nobody's fault here.
        let _ = std::fs::remove_dir_all(cluster.directory());
    }
    Ok(report)
}

/// Sends, hits, waits for rest, audits, stops.
fn attack(
    options: &ChaosOptions,
    services: &mut dyn Services,
    cluster: &mut Cluster,
    input: Input<'_>,
    deadline: Instant,
) -> Result<Report, ChaosFault> {
    let acts = act::schedule(
        options,
        u64::try_from(input.deliveries.len()).unwrap_or(u64::MAX),
    );
    let progress = Progress::default();
    let sender = SenderOptions {
        rate_per_s: options.rate,
        ..SenderOptions::to(
            cluster.webhook_url(),
            cluster::WEBHOOK_SECRET,
            options.senders,
            options.seed,
        )
    };
    let bootstrap = services.kafka();
    let orders = OrderService {
        topic: format!("{}orders", cluster.topic_prefix()),
        bootstrap: bootstrap.clone(),
    };
    let (traffic, conducted) = traffic::drive(input, &sender, &orders, &progress, |done| {
        director::conduct(options, cluster, services, acts, &progress, done, deadline)
    });
    let directory = cluster.directory().to_owned();
    let mut report = Report::new(options, input.deliveries.len(), directory);
    report.conducted = conducted?;
    report.faults.extend(traffic.faults);
    report.snapshots = traffic.snapshots;
    let expected = audit::expected_gaps(input.fixtures, input.stories);
    let topics = ["payments.events", "orders"];
    let topics = topics.map(|name| format!("{}{name}", cluster.topic_prefix()));
    let gauge = &mut || cluster.gauge();
    let rest = rest::wait(&bootstrap, &topics, &expected, deadline, gauge);
    report.settled = rest.settled;
    report.gauge = rest.gauge;
    report.faults.extend(rest.fault);
    let topic_prefix = cluster.topic_prefix().to_owned();
    let case = Case {
        bootstrap: &bootstrap,
        topic_prefix: &topic_prefix,
        fixtures: input.fixtures,
        stories: input.stories,
        sent: &traffic.sent,
        is_fed: true,
        is_over: true,
    };
    let audit = audit::run(case)?;
    report.figures = audit.figures;
    report.faults.extend(audit.faults);
    report.faults.extend(cluster.stop());
    report.sent = traffic.sent;
    Ok(report)
}
