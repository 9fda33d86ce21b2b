//! `trueup-load rivals streams`: this system, Kafka Streams and the pass-through drain one backlog
//! in turns, round by round, in another order each round.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use trueup_testkit::Scratch;

use super::RivalsFault;
use super::admin::Admin;
use super::backlog::{Backlog, BacklogOptions};
use super::contest::{Contest, Contestant, Outcome};
use super::draining::Figures;
use super::versions;
use crate::chaos::Services;

/// The run, beside the source that it was built from.
const RIVAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rivals/streams/run");

#[derive(Debug, Clone, clap::Args)]
pub struct StreamsOptions {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// About five events each; up to a million, which takes 12 GB of disk and 8 GB of memory.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub orders: u64,
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub rounds: u32,
    /// Of our processor; Kafka Streams has two threads.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub workers: u32,
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub partitions: u32,
    /// Connections that fill the backlog.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub senders: u32,
    /// Of one turn.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "10m")]
    pub turn_limit: Duration,
    /// Without Kafka Streams, where there is no JDK or no Maven.
    #[arg(long)]
    pub without_streams: bool,
    /// The built `trueup`.
    #[arg(long, default_value = "target/release/trueup")]
    pub binary: PathBuf,
    /// Logs of gateway and tools go here, and stay; without it to a temporary directory.
    #[arg(long)]
    pub logs: Option<PathBuf>,
}

/// What was measured, as far as it went.
#[derive(Debug)]
pub struct Drains {
    pub(super) about: Vec<String>,
    pub(super) orders: u64,
    pub(super) gateway_us: f64,
    pub(super) contestants: Vec<Contestant>,
    /// In the order of the rounds.
    pub(super) outcomes: Vec<Outcome>,
    /// Why it ended before its time.
    pub(super) broken: Option<String>,
}

impl Drains {
    /// Whether everything was measured and every answer was right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.broken.is_none() && self.outcomes.iter().all(|outcome| outcome.wrong.is_none())
    }

    /// The figures of one contestant with the rounds they are of; those of wrong answers are void.
    pub(super) fn figures(&self, contestant: Contestant) -> Vec<(u32, Figures)> {
        self.of(contestant)
            .filter(|outcome| outcome.wrong.is_none())
            .filter_map(|outcome| Some((outcome.round, outcome.figures?)))
            .collect()
    }

    pub(super) fn of(&self, contestant: Contestant) -> impl Iterator<Item = &Outcome> {
        self.outcomes
            .iter()
            .filter(move |outcome| outcome.contestant == contestant)
    }
}

/// Fills the backlog, then measures. Once a backlog is there, a fault ends the run with what was
/// measured so far.
pub(super) fn run(
    options: &StreamsOptions,
    services: &mut dyn Services,
) -> Result<Drains, RivalsFault> {
    let scratch = Scratch::new("rivals")?;
    if !options.without_streams {
        prepare(Path::new(RIVAL))?;
    }
    let admin = Admin::of(&services.kafka())?;
    let filling = BacklogOptions {
        seed: options.seed,
        orders: options.orders,
        partitions: options.partitions,
        workers: options.workers,
        senders: usize::try_from(options.senders).unwrap_or(1),
        binary: options.binary.clone(),
        logs: options
            .logs
            .clone()
            .unwrap_or_else(|| scratch.path().to_owned()),
    };
    eprintln!("filling the backlog of {} orders", options.orders);
    let backlog = Backlog::write(&filling, services, &admin)?;
    let mut contest = Contest::new(options, services, &admin, &backlog, Path::new(RIVAL))?;
    let mut contestants = vec![
        Contestant::Ours,
        Contestant::Streams,
        Contestant::PassSigned,
        Contestant::PassRaw,
    ];
    if options.without_streams {
        contestants.retain(|it| *it != Contestant::Streams);
    }
    let mut drains = Drains {
        about: versions::about(options, services, &contest.amounts()),
        orders: options.orders,
        gateway_us: backlog.gateway_us,
        contestants,
        outcomes: Vec::new(),
        broken: None,
    };
    if let Err(fault) = rounds(options, &mut contest, &mut drains) {
        drains.broken = Some(fault.to_string());
    }
    Ok(drains)
}

fn rounds(
    options: &StreamsOptions,
    contest: &mut Contest<'_>,
    drains: &mut Drains,
) -> Result<(), RivalsFault> {
    // The store has done nothing yet, and is a JVM too: its first turn does not count.
    eprintln!("a turn of `trueup process` that does not count, to warm the store");
    contest.turn(Contestant::Ours, 0)?;
    for round in 1..=options.rounds {
        let mut order = drains.contestants.clone();
        let first = usize::try_from(round).unwrap_or(0) % order.len();
        order.rotate_left(first);
        for contestant in order {
            let outcome = contest.turn(contestant, round)?;
            eprintln!("round {round}: {outcome}");
            drains.outcomes.push(outcome);
        }
    }
    Ok(())
}

/// Fetches and compiles the rival, which no turn should wait for.
fn prepare(script: &Path) -> Result<(), RivalsFault> {
    let name = script.display().to_string();
    let output = Command::new(script).arg("prepare").output();
    let output = output.map_err(|cause| RivalsFault::Run {
        name: name.clone(),
        cause,
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(RivalsFault::Unready {
        name,
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
