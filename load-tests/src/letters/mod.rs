//! The run of dead letters. A shop's events go through one `trueup dev`; its signed records are then
//! written to the wrong partitions of another, where all of them become letters, which are replayed
//! while the replay and the whole process are killed. In the end both have told the same of each
//! order, record by record: every effect once, each key in its order, and no letter left.

mod replaying;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::audit::{AuditFault, Fault, verdict};
use crate::chaos::ChaosFault;
use crate::chaos::cluster::WEBHOOK_SECRET;
use crate::fixtures::Fixtures;
use crate::kafka::{self, LogRecord};
use crate::random::Random;
use crate::scenario::story;
use crate::sender::{self, Progress, SenderOptions};
use crate::site::{self, Site, SiteOptions};
use crate::status_log::StatusReader;
use crate::story::Story;
use crate::traffic::about;

pub use replaying::Replayed;

pub(crate) const EVENTS: &str = "payments.events";
const READ: Duration = Duration::from_secs(60);

/// A run of letters. The defaults are the run of the release checklist.
#[derive(Debug, Clone, clap::Args)]
pub struct LettersOptions {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Of the whole run.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "15m")]
    pub time_limit: Duration,
    /// Dead letters at least.
    #[arg(long, default_value_t = 10_000)]
    pub letters: usize,
    /// `kill -9`: of the replay, and every second time of the process that it asks.
    #[arg(long, default_value_t = 5)]
    pub kills: u32,
    #[arg(long, default_value_t = 6)]
    pub partitions: u32,
    /// Letters per second: so many that a blow seldom falls between two rounds.
    #[arg(long, default_value_t = 3_000)]
    pub rate: u32,
    #[arg(long, default_value_t = 48)]
    pub senders: usize,
    /// The built `trueup`.
    #[arg(long, default_value = "target/debug/trueup")]
    pub binary: PathBuf,
    /// Logs and data go here, and stay; without it to a temporary directory that stays on failure
    /// only.
    #[arg(long)]
    pub logs: Option<PathBuf>,
    /// A bug planted in the replays, for the test that catches it.
    #[arg(skip)]
    pub plant: Option<String>,
}

#[derive(Debug, Default)]
pub struct LettersReport {
    pub seed: u64,
    pub letters: usize,
    pub orders: usize,
    pub status_records: usize,
    pub replayed: Replayed,
    /// Records that lie in their own partition more than once: the kills' repeats.
    pub repeats: usize,
    pub elapsed: Duration,
    pub logs: PathBuf,
    pub faults: Vec<Fault>,
}

impl LettersReport {
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for LettersReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = &self.replayed;
        writeln!(
            f,
            "seed {}, {} letters of {} orders, {} status records",
            self.seed, self.letters, self.orders, self.status_records
        )?;
        writeln!(
            f,
            "kill -9     {} of the replay, {} of the process, with {:?} letters left",
            told.replays_killed, told.processes_killed, told.left_at_kills
        )?;
        writeln!(
            f,
            "replayed    {} by the last replay in {:.1?}; {} records written more than once",
            told.last, told.last_took, self.repeats
        )?;
        writeln!(f, "time        {:.1?} in all", self.elapsed)?;
        verdict(f, self.faults.iter(), &self.logs)
    }
}

/// Runs it. A fault found is in the report; an `Err` is a run that could not be made.
///
/// # Errors
/// A process that cannot be started at all, topics that cannot be read.
pub fn run(options: &LettersOptions) -> Result<LettersReport, ChaosFault> {
    let started = Instant::now();
    let deadline = started + options.time_limit;
    let directory = site::directory("letters", options.seed, options.logs.as_ref())?;
    eprintln!("logs in `{}`", directory.display());
    let mut report = LettersReport {
        seed: options.seed,
        logs: directory.clone(),
        ..LettersReport::default()
    };
    let during = |cause: ChaosFault| ChaosFault::During {
        logs: directory.clone(),
        cause: Box::new(cause),
    };
    conduct(options, &mut report, deadline).map_err(during)?;
    report.elapsed = started.elapsed();
    if Instant::now() > deadline {
        let what = "took longer than its time limit";
        report.faults.push(about("run", what, String::new()));
    }
    if report.is_clean() && options.logs.is_none() {
        // A directory that cannot be removed is nobody's fault here.
        let _ = std::fs::remove_dir_all(&report.logs);
    }
    Ok(report)
}

fn site_options(options: &LettersOptions) -> SiteOptions<'_> {
    SiteOptions {
        binary: &options.binary,
        partitions: options.partitions,
        flags: &[],
        plant: None,
    }
}

fn conduct(
    options: &LettersOptions,
    report: &mut LettersReport,
    deadline: Instant,
) -> Result<(), ChaosFault> {
    let mut random = Random::fork(options.seed, 0x1E77E);
    let (records, told) = model(options, report, &mut random, deadline)?;
    let mut site = Site::start("letters", &site_options(options), &report.logs, &mut random)?;
    let misplaced = i32::try_from(options.partitions).unwrap_or(1);
    site.write(records.iter().map(|record| {
        let beside = (record.partition + 1) % misplaced;
        (beside, record)
    }))?;
    report.letters = records.len();
    if !site.await_depth(records.len(), deadline) {
        let evidence = format!("{:?} of {}", site.depth(), records.len());
        let what = "did not become so many";
        report.faults.push(about("letters", what, evidence));
        return Ok(());
    }
    report.replayed = replaying::replay(options, &mut site, &mut random, report.letters, deadline)?;
    report.faults.append(&mut report.replayed.faults);
    site.await_rest(deadline)?;
    if !site.await_depth(0, deadline) {
        let evidence = format!("{:?}", site.depth());
        report.faults.push(about("letters", "are left", evidence));
    }
    report.repeats = repeats(&site)?;
    compare(&told, &statuses(&site)?, report);
    Ok(())
}

/// What one status record says: all that must be the same.
type Saying = (String, String, i64, i64);
type Statuses = BTreeMap<String, Vec<Saying>>;

/// Lets a `dev` fold the stream as it comes; its records, and what it told of each order.
fn model(
    options: &LettersOptions,
    report: &mut LettersReport,
    random: &mut Random,
    deadline: Instant,
) -> Result<(Vec<LogRecord>, Statuses), ChaosFault> {
    let fixtures = Fixtures::load()?;
    let mut stories: Vec<Story> = Vec::new();
    let (mut events, mut next) = (0, 0);
    // A few are not written: types that nobody uses.
    while events < options.letters + options.letters / 10 {
        let told = story(options.seed, next);
        events += told.events.len();
        next += 1;
        stories.push(told);
    }
    let deliveries = sender::plan(&stories, options.seed, 0);
    let mut site = Site::start("model", &site_options(options), &report.logs, random)?;
    let sender = SenderOptions {
        backoff_most: Duration::from_millis(500),
        ..SenderOptions::to(
            site.webhook_url(),
            WEBHOOK_SECRET,
            options.senders,
            options.seed,
        )
    };
    let sent = sender::send(
        &fixtures,
        &stories,
        &deliveries,
        &sender,
        &Progress::default(),
    );
    eprintln!("sent {} events in {:.1?}", deliveries.len(), sent.elapsed);
    site.await_rest(deadline)?;
    let mut records = Vec::new();
    kafka::read(site.kafka(), EVENTS, READ, |record| records.push(record))?;
    let told = statuses(&site)?;
    report.orders = told.len();
    report.status_records = told.values().map(Vec::len).sum();
    site.stop();
    if records.len() < options.letters {
        let evidence = format!("{} of {}", records.len(), options.letters);
        let what = "has fewer events than it should";
        report.faults.push(about("model", what, evidence));
    }
    Ok((records, told))
}

fn statuses(site: &Site) -> Result<Statuses, ChaosFault> {
    let reader = StatusReader::new().map_err(AuditFault::from)?;
    let mut statuses = Statuses::new();
    let mut wrong = None;
    kafka::read(site.kafka(), "orders.status", READ, |record| {
        match reader.decode(&record) {
            Ok(told) => {
                let saying = (told.event_id, told.to, told.received, told.refunded);
                statuses.entry(told.order_id).or_default().push(saying);
            }
            Err(fault) => wrong = Some(fault),
        }
    })?;
    wrong.map_or(Ok(statuses), |fault| Err(AuditFault::from(fault).into()))
}

/// How many records lie in their own partition beside an equal one.
fn repeats(site: &Site) -> Result<usize, ChaosFault> {
    let mut seen: BTreeMap<(Vec<u8>, Option<Vec<u8>>), usize> = BTreeMap::new();
    kafka::read(site.kafka(), EVENTS, READ, |record| {
        if record.headers.contains_key("trueup-replay") {
            *seen.entry((record.key, record.payload)).or_default() += 1;
        }
    })?;
    Ok(seen.values().map(|times| times.saturating_sub(1)).sum())
}

fn compare(expected: &Statuses, found: &Statuses, report: &mut LettersReport) {
    let orders: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for order in orders {
        let (expected, found) = (expected.get(order), found.get(order));
        if expected != found {
            let evidence = format!("told {expected:?}; after the replay {found:?}");
            let what = "was told otherwise after the replay";
            report.faults.push(about(order, what, evidence));
        }
    }
}
