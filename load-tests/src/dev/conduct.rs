//! Kills the process at the moments of the schedule while the senders work, gives each life a
//! script of faults, and watches for a process that ends by itself.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::process::Process;
use crate::audit::Fault;
use crate::chaos::ChaosFault;
use crate::instance::last_words;
use crate::sender::Progress;
use crate::traffic::about;

const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How dense faults may become to reach the number that was asked for; beyond it nothing would
/// move any more.
const DENSEST_PER_MILLE: u64 = 2_500;
const FIRST_PER_MILLE: u64 = 1_300;
const THINNEST_PER_MILLE: u64 = 50;
/// In the life that sends what is left.
const LAST_PER_MILLE: u64 = 300;

#[derive(Debug, Default)]
pub(super) struct Conducted {
    pub(super) kills: u32,
    /// Of them, those that hit a process that did not serve yet.
    pub(super) kills_before_ready: u32,
    /// Ends that nobody brought about.
    pub(super) faults: Vec<Fault>,
}

struct Conductor<'a> {
    process: &'a mut Process,
    started: Instant,
    /// Faults that are to be injected in all, and lives in which.
    wanted: u64,
    lives: u64,
    per_mille: u64,
    conducted: Conducted,
}

/// Works the schedule off, then waits until the senders are `done`; sets `progress.stop` at the
/// deadline.
pub(super) fn conduct(
    process: &mut Process,
    blows: &[Duration],
    wanted: u64,
    progress: &Progress,
    done: &dyn Fn() -> bool,
    deadline: Instant,
) -> Result<Conducted, ChaosFault> {
    let mut conductor = Conductor {
        process,
        started: Instant::now(),
        // A little more, since the last lives end as they please.
        wanted: wanted.saturating_add(wanted / 10),
        lives: u64::try_from(blows.len()).unwrap_or(0),
        per_mille: FIRST_PER_MILLE,
        conducted: Conducted::default(),
    };
    for gap in blows {
        let until = Instant::now() + *gap;
        while Instant::now() < until {
            conductor.look(progress, deadline)?;
            if stopped(progress) {
                return Ok(conductor.conducted);
            }
        }
        conductor.strike()?;
    }
    while !done() {
        conductor.look(progress, deadline)?;
    }
    Ok(conductor.conducted)
}

fn stopped(progress: &Progress) -> bool {
    progress.stop.load(Ordering::Relaxed)
}

impl Conductor<'_> {
    fn strike(&mut self) -> Result<(), ChaosFault> {
        let served = self.process.instance.ready_now().is_some();
        self.process.instance.kill()?;
        self.conducted.kills += 1;
        self.conducted.kills_before_ready += u32::from(!served);
        self.aim();
        self.process.live_again(Some(self.per_mille))?;
        if self.conducted.kills.is_multiple_of(10) {
            let told = self.process.faults_told().lines().count();
            eprintln!(
                "{:>7.1?}  {} kills, {told} faults",
                self.started.elapsed(),
                self.conducted.kills
            );
        }
        Ok(())
    }

    /// Makes the next scripts denser or thinner, so that the lives to come bring what is missing.
    fn aim(&mut self) {
        let told = u64::try_from(self.process.faults_told().lines().count()).unwrap_or(u64::MAX);
        let struck = u64::from(self.conducted.kills);
        // The first life has no faults.
        let per_life = told / struck.saturating_sub(1).max(1);
        let left = self.lives.saturating_sub(struck).max(1);
        if struck >= self.lives {
            self.per_mille = LAST_PER_MILLE;
            return;
        }
        let needed = self.wanted.saturating_sub(told) / left + 1;
        if struck < 3 {
            return;
        }
        let aimed = self.per_mille.saturating_mul(needed) / per_life.max(1);
        // Step by step: one life says little.
        let (least, most) = (self.per_mille * 4 / 5, self.per_mille * 5 / 4);
        self.per_mille = aimed
            .clamp(least, most)
            .clamp(THINNEST_PER_MILLE, DENSEST_PER_MILLE);
    }

    /// Waits a moment, and starts again what ended by itself, as a supervisor would.
    fn look(&mut self, progress: &Progress, deadline: Instant) -> Result<(), ChaosFault> {
        if let Some(status) = self.process.instance.ended() {
            let log = self.process.instance.log();
            let evidence = last_words(status, &log);
            eprintln!(
                "{:>7.1?}  ended by itself with {status}",
                self.started.elapsed()
            );
            let faults = &mut self.conducted.faults;
            faults.push(about("dev", "ended by itself", evidence));
            self.process.live_again(Some(self.per_mille))?;
        }
        if Instant::now() > deadline {
            progress.stop.store(true, Ordering::Relaxed);
        }
        std::thread::sleep(LOOK_AGAIN);
        Ok(())
    }
}
