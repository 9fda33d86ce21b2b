//! Replays while the replay, and the process that it asks, are killed; then once to the end.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::LettersOptions;
use crate::audit::Fault;
use crate::chaos::ChaosFault;
use crate::instance::InstanceFault;
use crate::random::Random;
use crate::site::Site;
use crate::traffic::about;

const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// About as long as a round takes at its pace.
const ROUND_MS: u64 = 120;

/// What was done to the replays, and what the last one said.
#[derive(Debug, Default)]
pub struct Replayed {
    pub replays_killed: u32,
    pub processes_killed: u32,
    pub left_at_kills: Vec<usize>,
    pub last: u64,
    pub last_took: Duration,
    pub(super) faults: Vec<Fault>,
}

pub(super) fn replay(
    options: &LettersOptions,
    site: &mut Site,
    random: &mut Random,
    letters: usize,
    deadline: Instant,
) -> Result<Replayed, ChaosFault> {
    let mut told = Replayed::default();
    let kills = usize::try_from(options.kills).unwrap_or(usize::MAX);
    for kill in 0..kills {
        // Each somewhere within its part of the letters, so that all of them fall into the work.
        let part = letters / (kills + 2);
        let within = random.below(u64::try_from(part).unwrap_or(1).max(1));
        let done = part * (kill + 1) + usize::try_from(within).unwrap_or(0) / 2;
        let by_ops = kill % 2 == 1;
        let mut replay = begin(options, site, by_ops)?;
        let left = loop {
            match site.depth() {
                Some(left) if left <= letters.saturating_sub(done) => break left,
                _ if Instant::now() > deadline => break 0,
                _ => std::thread::sleep(LOOK_AGAIN),
            }
        };
        told.left_at_kills.push(left);
        // The depth changes as a round ends; the blow shall fall anywhere in the next one.
        std::thread::sleep(Duration::from_millis(random.below(ROUND_MS)));
        if by_ops {
            site.kill_and_restart()?;
            told.processes_killed += 1;
            wait(&mut replay, deadline)?;
        } else {
            let ended = replay.try_wait().map_err(start)?;
            if ended.is_some() {
                let what = "had ended before it could be killed";
                told.faults
                    .push(about("replay", what, format!("{left} left")));
            }
            replay.kill().map_err(start)?;
            replay.wait().map_err(start)?;
            told.replays_killed += 1;
        }
    }
    let started = Instant::now();
    let last = begin(options, site, kills % 2 == 1)?;
    let output = last.wait_with_output().map_err(start)?;
    told.last_took = started.elapsed();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    told.last = report.get("replayed").and_then(Value::as_u64).unwrap_or(0);
    let clean = output.status.success() && report.get("failed").and_then(Value::as_u64) == Some(0);
    if !clean || told.last == 0 {
        let said: String = String::from_utf8_lossy(&output.stdout)
            .chars()
            .take(500)
            .collect();
        let evidence = format!("{}: {said}", output.status);
        told.faults
            .push(about("replay", "did not end well", evidence));
    }
    Ok(told)
}

fn begin(options: &LettersOptions, site: &Site, by_ops: bool) -> Result<Child, ChaosFault> {
    let rate = options.rate.to_string();
    let asked = if by_ops {
        ["--ops", site.ops.as_str()]
    } else {
        ["--kafka", site.kafka()]
    };
    Command::new(&site.binary)
        .args(["dlq", "replay", "--yes", "--json", "--rate", &rate])
        .args(asked)
        .envs(options.plant.iter().map(|plant| ("TRUEUP_PLANT", plant)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(start)
}

/// Ends a replay whose process is gone; it says so by itself.
fn wait(replay: &mut Child, deadline: Instant) -> Result<(), ChaosFault> {
    while replay.try_wait().map_err(start)?.is_none() {
        if Instant::now() > deadline {
            replay.kill().map_err(start)?;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

fn start(cause: io::Error) -> ChaosFault {
    InstanceFault::start("dlq replay")(cause).into()
}
