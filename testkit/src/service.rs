//! One JVM in its scratch directory: started, killed with SIGKILL, started again on the same
//! ports and data.

use std::path::Path;
use std::process::{Child, Command};

use crate::fault::ServiceFault;
use crate::limits::{SERVICE_READY, TAIL_LINES};
use crate::scratch::Scratch;
use crate::wait::wait_until;

#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    scratch: Scratch,
    command: Command,
    child: Child,
}

impl Service {
    /// Starts `command` and waits until `answers`.
    pub(crate) fn start(
        name: &'static str,
        scratch: Scratch,
        command: Command,
        answers: impl Fn() -> bool,
    ) -> Result<Self, ServiceFault> {
        let child = spawn(&scratch, &command)?;
        let mut service = Self {
            name,
            scratch,
            command,
            child,
        };
        service.await_answer(answers)?;
        Ok(service)
    }

    pub(crate) fn kill(&mut self) {
        self.scratch.kill(&mut self.child);
    }

    pub(crate) fn restart(&mut self, answers: impl Fn() -> bool) -> Result<(), ServiceFault> {
        self.kill();
        self.child = spawn(&self.scratch, &self.command)?;
        self.await_answer(answers)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn log_tail(&self) -> String {
        tail(&self.scratch.log())
    }

    fn await_answer(&mut self, answers: impl Fn() -> bool) -> Result<(), ServiceFault> {
        let child = &mut self.child;
        let seen = wait_until(SERVICE_READY, || match child.try_wait() {
            Ok(Some(status)) => Some(Err(status)),
            Ok(None) | Err(_) => answers().then_some(Ok(())),
        });
        let service = self.name.to_owned();
        match seen {
            Some(Ok(())) => Ok(()),
            Some(Err(status)) => Err(ServiceFault::Ended {
                service,
                status,
                log: self.log_tail(),
            }),
            None => Err(ServiceFault::Slow {
                service,
                limit_s: SERVICE_READY.as_secs(),
                log: self.log_tail(),
            }),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(scratch: &Scratch, command: &Command) -> Result<Child, ServiceFault> {
    scratch.spawn(command).map_err(|cause| ServiceFault::File {
        path: scratch.path().to_owned(),
        cause,
    })
}

/// The last lines of a log; nothing of one that cannot be read.
#[must_use]
pub fn tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(TAIL_LINES);
    lines.get(start..).unwrap_or_default().join("\n")
}
