//! The built binary as a process: started, killed, frozen, thawed, started again in the same
//! place. Its log is shown when the test that holds it fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::fault::ServiceFault;
use crate::scratch::Scratch;
use crate::service::tail;
use crate::wait::wait_until;

/// Secrets that hold for tests only.
pub const WEBHOOK_SECRET: &str = "whsec_test_0123456789abcdef";
pub const SIGNING_KEYS: &str = "test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// What of this process's environment reaches the binary: a developer's own settings do not.
const PASSED_ON: [&str; 5] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TRUEUP_PLANT",
    "LLVM_PROFILE_FILE",
];

/// How the binary is started: with these arguments, and these variables beside the few that are
/// passed on to it.
#[derive(Debug, Clone)]
pub struct Launch {
    binary: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Launch {
    /// Of `binary`, which a test of the package `trueup` knows as `env!("CARGO_BIN_EXE_trueup")`.
    #[must_use]
    pub fn of(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    #[must_use]
    pub fn args<S: Into<String>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// With [`WEBHOOK_SECRET`] and [`SIGNING_KEYS`].
    #[must_use]
    pub fn secrets(self) -> Self {
        self.env("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
            .env("TRUEUP_SIGNING_KEYS", SIGNING_KEYS)
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When the binary cannot be run.
    #[must_use]
    pub fn output(&self) -> Output {
        self.command()
            .output()
            .unwrap_or_else(|fault| panic!("`{}` cannot be run: {fault}", self.binary.display()))
    }

    /// Starts a long-running command, with a ready file of its own. It does not wait.
    ///
    /// # Errors
    /// A binary or a directory that is not there.
    pub fn start(&self) -> Result<Trueup, ServiceFault> {
        let scratch = Scratch::new("trueup")?;
        let child = spawn(self, &scratch)?;
        Ok(Trueup {
            launch: self.clone(),
            scratch,
            child,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(&self.arguments);
        for (name, _) in std::env::vars_os() {
            if !PASSED_ON.iter().any(|passed_on| name == *passed_on) {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Where a process serves, from its ready file: `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub http: Option<String>,
    pub ops: Option<String>,
    pub kafka: Option<String>,
}

/// A process of the binary, running or not.
#[derive(Debug)]
pub struct Trueup {
    launch: Launch,
    scratch: Scratch,
    child: Child,
}

impl Trueup {
    /// Waits until everything serves, and says where.
    ///
    /// # Panics
    /// With the end of its log, when it ends or stays silent instead.
    pub fn ready(&mut self, limit: Duration) -> Ready {
        let found = wait_until(limit, || match self.ended() {
            Some(status) => Some(Err(status)),
            None => self.ready_now().map(Ok),
        });
        match found {
            Some(Ok(ready)) => ready,
            Some(Err(status)) => panic!("{} ended with {status}", self.launch.binary.display()),
            None => panic!("{:?} not ready in {limit:?}", self.launch.arguments),
        }
    }

    /// The ready file, once it is this process's own.
    #[must_use]
    pub fn ready_now(&self) -> Option<Ready> {
        let text = fs::read(self.ready_path()).ok()?;
        let value: Value = serde_json::from_slice(&text).ok()?;
        let own = value.get("pid")?.as_u64()? == u64::from(self.pid());
        let text = |name| Some(value.get(name)?.as_str()?.to_owned());
        own.then(|| Ready {
            http: text("http"),
            ops: text("ops"),
            kafka: text("kafka"),
        })
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if it ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Everything it wrote to stdout and stderr, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.scratch.log()).unwrap_or_default()).into_owned()
    }

    #[must_use]
    pub fn ready_path(&self) -> PathBuf {
        self.scratch.path().join("ready")
    }

    /// A directory of its own, gone with this handle.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.scratch.kill(&mut self.child);
    }

    /// Starts it again with the same arguments; kills it first if it still runs.
    ///
    /// # Errors
    /// A binary that is not there any more.
    pub fn restart(&mut self) -> Result<(), ServiceFault> {
        self.kill();
        self.child = spawn(&self.launch, &self.scratch)?;
        Ok(())
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// When it is still there after `limit`.
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        wait_until(limit, || self.ended())
            .unwrap_or_else(|| panic!("{:?} lingers after SIGTERM", self.launch.arguments))
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        // Not waited for yet, so the number is still its own; an ended process ignores signals.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }
}

impl Drop for Trueup {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- {:?} said at last:\n{}\n---",
                self.launch.arguments,
                tail(&self.scratch.log())
            );
        }
        self.kill();
    }
}

fn spawn(launch: &Launch, scratch: &Scratch) -> Result<Child, ServiceFault> {
    let mut command = launch.command();
    command
        .arg("--ready-file")
        .arg(scratch.path().join("ready"))
        .current_dir(scratch.path());
    scratch
        .spawn(&command)
        .map_err(|cause| ServiceFault::Program {
            program: launch.binary.display().to_string(),
            cause,
            way_out: "build it with `cargo build`",
        })
}
