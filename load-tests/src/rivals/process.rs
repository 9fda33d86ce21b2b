//! One process under measurement: what it uses while it drains, and up to its end. It dies with its
//! handle, and with this process however that ends.

use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use trueup_testkit::Scratch;

use super::RivalsFault;
use crate::usage::{Usage, ended_cpu_s};

const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// A store that has to be closed well may take its time.
const GOODBYE: Duration = Duration::from_secs(90);
const TAIL_LINES: usize = 40;

pub(super) struct Process {
    name: String,
    scratch: Scratch,
    child: Child,
}

impl Process {
    /// In a directory of its own, which the command is made for.
    pub(super) fn start(
        name: &str,
        command: impl FnOnce(&Path) -> Command,
    ) -> Result<Self, RivalsFault> {
        let scratch = Scratch::new("rival")?;
        let command = command(scratch.path());
        let child = scratch.spawn(&command).map_err(run(name))?;
        Ok(Self {
            name: name.to_owned(),
            scratch,
            child,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }

    /// A fault if it ended by itself.
    pub(super) fn must_run(&mut self) -> Result<(), RivalsFault> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(RivalsFault::Ended {
                name: self.name.clone(),
                status,
                log: self.log_tail(),
            }),
            Ok(None) => Ok(()),
            Err(cause) => Err(run(&self.name)(cause)),
        }
    }

    pub(super) fn log_tail(&self) -> String {
        let log = std::fs::read(self.scratch.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let start = lines.len().saturating_sub(TAIL_LINES);
        lines.get(start..).unwrap_or_default().join("\n")
    }

    /// SIGTERM; hands back all the CPU it used, the closing of its stores included.
    pub(super) fn end(mut self) -> Result<f64, RivalsFault> {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        sent.map_err(run("kill"))?;
        let before = ended_cpu_s();
        let deadline = Instant::now() + GOODBYE;
        while self.child.try_wait().map_err(run(&self.name))?.is_none() {
            if Instant::now() > deadline {
                return Err(RivalsFault::Lingers {
                    name: self.name.clone(),
                    limit_s: GOODBYE.as_secs(),
                });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        let used = ended_cpu_s() - before;
        self.scratch.forget(&self.child);
        Ok(used)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.scratch.kill(&mut self.child);
    }
}

fn run(name: &str) -> impl Fn(io::Error) -> RivalsFault {
    let name = name.to_owned();
    move |cause| RivalsFault::Run {
        name: name.clone(),
        cause,
    }
}
