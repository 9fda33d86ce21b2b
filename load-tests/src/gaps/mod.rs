//! The run of gaps. A shop with known faults goes through one `trueup dev` that is killed again and
//! again; what is reported then must be the generator's list exactly. A sweep and a probe of a
//! stand-in for Stripe's API must close what can heal and nothing else. In the end the audit finds
//! nothing, and then each of three things that were changed behind its back.

mod commands;
mod orders;
mod phases;
mod proof;
mod report;
mod stages;
mod stripe;
mod tamper;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::chaos::ChaosFault;
use crate::clock;
use crate::fixtures::Fixtures;
use crate::random::Random;
use crate::site::{self, Site, SiteOptions};
use crate::traffic::about;
use phases::Run;

pub use report::GapsReport;

/// A run of gaps. The defaults are the run of the release checklist.
#[derive(Debug, Clone, clap::Args)]
pub struct GapsOptions {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Of the whole run.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "30m")]
    pub time_limit: Duration,
    #[arg(long, default_value_t = 20_000)]
    pub orders: u64,
    /// Of the orders, with each of the six faults.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=16))]
    pub percent: u64,
    /// `kill -9` of the whole process while events come in.
    #[arg(long, default_value_t = 20)]
    pub kills: u32,
    #[arg(long, default_value_t = 6)]
    pub partitions: u32,
    /// Of every kind of gap.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "3s")]
    pub grace: Duration,
    #[arg(long, default_value_t = 48)]
    pub senders: usize,
    /// The built `trueup`.
    #[arg(long, default_value = "target/debug/trueup")]
    pub binary: PathBuf,
    /// Logs and data go here, and stay; without it to a temporary directory that stays on failure
    /// only.
    #[arg(long)]
    pub logs: Option<PathBuf>,
    /// A bug planted in the process, for the test that catches it.
    #[arg(skip)]
    pub plant: Option<String>,
}

/// Runs it. A fault found is in the report; an `Err` is a run that could not be made.
///
/// # Errors
/// A process that cannot be started at all, topics that cannot be read.
pub fn run(options: &GapsOptions) -> Result<GapsReport, ChaosFault> {
    let started = Instant::now();
    let directory = site::directory("gaps", options.seed, options.logs.as_ref())?;
    eprintln!("logs in `{}`", directory.display());
    let fixtures = Fixtures::load()?;
    let orders = orders::shop(
        options.seed,
        options.orders,
        options.percent,
        clock::now_s(),
    );
    let mut random = Random::fork(options.seed, 0x6A7);
    let grace = humantime::format_duration(options.grace).to_string();
    let site_options = SiteOptions {
        binary: &options.binary,
        partitions: options.partitions,
        // Else an order that comes before the first snapshot is no orphan.
        flags: &[("--grace", grace.as_str()), ("--orders-feed", "on")],
        plant: options.plant.as_deref(),
    };
    let mut run = Run {
        options,
        fixtures: &fixtures,
        orders: &orders,
        site: Site::start("dev", &site_options, &directory, &mut random)?,
        random,
        deadline: started + options.time_limit,
        report: GapsReport {
            seed: options.seed,
            orders: options.orders,
            logs: directory.clone(),
            ..GapsReport::default()
        },
    };
    run.conduct().map_err(|cause| ChaosFault::During {
        logs: directory,
        cause: Box::new(cause),
    })?;
    let mut report = run.report;
    report.elapsed = started.elapsed();
    if Instant::now() > run.deadline {
        let what = "took longer than its time limit";
        report.faults.push(about("run", what, String::new()));
    }
    if report.is_clean() && options.logs.is_none() {
        // A directory that cannot be removed is nobody's fault here.
        let _ = std::fs::remove_dir_all(&report.logs);
    }
    Ok(report)
}
