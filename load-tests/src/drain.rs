//! Measures one processor draining a backlog: records per second and per second of its CPU, time
//! per transaction, memory; and audits what it published, since a wrong answer voids a figure.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::audit::{self, Case, Fault};
use crate::chaos::cluster::{Cluster, ClusterOptions, WEBHOOK_SECRET, address};
use crate::chaos::{ChaosFault, Services};
use crate::fixtures::Fixtures;
use crate::kafka;
use crate::scenario::story;
use crate::scrape;
use crate::sender::{self, Progress, SenderOptions};
use crate::snapshots;
use crate::story::Story;
use crate::usage::Usage;

/// No gap opens while the backlog is drained, as in production.
const GRACE: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, clap::Args)]
pub struct DrainOptions {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// About five events each.
    #[arg(long, default_value_t = 100_000)]
    pub orders: u64,
    #[arg(long, default_value_t = 2)]
    pub workers: u32,
    #[arg(long, default_value_t = 8)]
    pub partitions: u32,
    #[arg(long, default_value_t = 64)]
    pub senders: usize,
    #[arg(long, value_parser = humantime::parse_duration, default_value = "10m")]
    pub time_limit: Duration,
    /// The built `trueup`.
    #[arg(long, default_value = "target/release/trueup")]
    pub binary: PathBuf,
    /// Logs go here, and stay; without it to a temporary directory.
    #[arg(long)]
    pub logs: Option<PathBuf>,
}

#[derive(Debug)]
pub struct DrainReport {
    /// Events and snapshots.
    pub records: u64,
    pub sending: Duration,
    /// From the start of the process to no lag.
    pub draining: Duration,
    usage: Usage,
    transactions: f64,
    transaction_s: f64,
    pub faults: Vec<Fault>,
}

impl DrainReport {
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = u32::try_from(self.records).map_or(f64::INFINITY, f64::from);
        let seconds = self.draining.as_secs_f64();
        let Usage {
            cpu_s,
            peak_rss_mib,
        } = self.usage;
        let sending = self.sending.as_secs_f64();
        writeln!(
            f,
            "sent         {records} events and snapshots in {sending:.1} s"
        )?;
        writeln!(
            f,
            "drained      in {seconds:.1} s, start included: {:.0} records/s",
            records / seconds
        )?;
        writeln!(
            f,
            "cpu          {cpu_s:.1} s of the process: {:.0} records per CPU-second",
            records / cpu_s
        )?;
        writeln!(
            f,
            "transactions {:.0}, {:.1} ms and {:.0} records each",
            self.transactions,
            self.transaction_s / self.transactions * 1000.0,
            records / self.transactions
        )?;
        writeln!(f, "peak memory  {peak_rss_mib:.0} MiB")?;
        for fault in self.faults.iter().take(10) {
            writeln!(
                f,
                "  {}: {} ({})",
                fault.subject, fault.what, fault.evidence
            )?;
        }
        write!(f, "{} faults", self.faults.len())
    }
}

/// Runs it. A fault found is in the report.
///
/// # Errors
/// Services or processes that cannot be started, topics that cannot be read.
pub fn run(options: &DrainOptions, services: &mut dyn Services) -> Result<DrainReport, ChaosFault> {
    let fixtures = Fixtures::load()?;
    let stories: Vec<Story> = (0..options.orders)
        .map(|n| story(options.seed, n))
        .collect();
    let deliveries = sender::plan(&stories, options.seed, 5);
    let mut cluster = Cluster::start(&cluster_options(options), services)?;
    let progress = Progress::default();
    let sent = sender::send(
        &fixtures,
        &stories,
        &deliveries,
        &sender_options(options, &cluster),
        &progress,
    );
    let bootstrap = services.kafka();
    let orders_topic = format!("{}orders", cluster.topic_prefix());
    let mut faults = Vec::new();
    let every = deliveries.len();
    let written = snapshots::write(&bootstrap, &orders_topic, &stories, every, &progress);
    let snapshots = written.unwrap_or_else(|fault| {
        faults.push(Fault {
            subject: "snapshots".to_owned(),
            what: "could not be written".to_owned(),
            evidence: fault.to_string(),
        });
        0
    });
    let records = snapshots + u64::try_from(every).unwrap_or(0);
    let events_topic = format!("{}payments.events", cluster.topic_prefix());
    let inputs = [events_topic, orders_topic];

    let started = Instant::now();
    cluster.start_processors(1)?;
    let mut draining = started.elapsed();
    while !is_drained(&bootstrap, &inputs) {
        std::thread::sleep(LOOK_AGAIN);
        draining = started.elapsed();
        if draining > options.time_limit {
            faults.push(Fault {
                subject: "processor".to_owned(),
                what: "did not drain the backlog".to_owned(),
                evidence: format!("within {draining:?}"),
            });
            break;
        }
    }
    let processor = cluster.processors.first();
    let usage = processor.map_or_else(Usage::default, |processor| Usage::of(processor.pid()));
    let page = processor
        .and_then(crate::instance::Instance::ready_now)
        .and_then(|ready| scrape::page(&address(&ready, "ops")?))
        .unwrap_or_default();
    let metric = |name: &str| scrape::sum(&page, name).unwrap_or(f64::NAN);
    let topic_prefix = cluster.topic_prefix().to_owned();
    let audited = audit::run(Case {
        bootstrap: &bootstrap,
        topic_prefix: &topic_prefix,
        fixtures: &fixtures,
        stories: &stories,
        sent: &sent,
        is_fed: true,
        // The grace is longer than the backlog takes.
        is_over: false,
    })?;
    faults.extend(audited.faults);
    faults.extend(cluster.stop());
    Ok(DrainReport {
        records,
        sending: sent.elapsed,
        draining,
        usage,
        transactions: metric("trueup_transaction_duration_seconds_count"),
        transaction_s: metric("trueup_transaction_duration_seconds_sum"),
        faults,
    })
}

/// Whether every partition of the inputs was consumed to its end. A broker that does not answer
/// for the moment says nothing, and is asked again.
fn is_drained(bootstrap: &str, topics: &[String]) -> bool {
    topics.iter().all(|topic| {
        kafka::lags(bootstrap, topic).is_ok_and(|groups| {
            let drained = |lag: &kafka::Lag| lag.all_begun && lag.records == 0;
            !groups.is_empty() && groups.iter().all(drained)
        })
    })
}

fn sender_options(options: &DrainOptions, cluster: &Cluster) -> SenderOptions {
    SenderOptions::to(
        cluster.webhook_url(),
        WEBHOOK_SECRET,
        options.senders,
        options.seed,
    )
}

fn cluster_options(options: &DrainOptions) -> ClusterOptions {
    ClusterOptions {
        seed: options.seed,
        partitions: options.partitions,
        workers: options.workers,
        grace: GRACE,
        binary: options.binary.clone(),
        logs: options.logs.clone(),
    }
}
