//! A process of the built binary that can be killed, frozen, thawed and started again in the
//! same place. Keeps its output in a file; never outlives its handle.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How a process is started, each time anew.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Names its files in `directory`.
    pub name: String,
    pub binary: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub directory: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum InstanceFault {
    #[error("`{name}` cannot be started: {cause}")]
    Start { name: String, cause: io::Error },
    #[error("`{name}` ended with {status} before it was ready; see `{log}`")]
    Ended {
        name: String,
        status: ExitStatus,
        log: PathBuf,
    },
    #[error("`{name}` was not ready within {limit_s} s; see `{log}`")]
    Slow {
        name: String,
        limit_s: u64,
        log: PathBuf,
    },
    #[error("`{name}` cannot be signalled: {cause}")]
    Signal { name: String, cause: io::Error },
    #[error("`{name}` did not end within {limit_s} s of SIGTERM; see `{log}`")]
    Lingers {
        name: String,
        limit_s: u64,
        log: PathBuf,
    },
}

/// How a process ended and what it said last: its log goes when a test's directory does.
pub(crate) fn last_words(status: ExitStatus, log: &Path) -> String {
    let said = trueup_testkit::tail(log);
    format!("{status}; the end of `{}`:\n{said}", log.display())
}

impl InstanceFault {
    pub(crate) fn start(name: &str) -> impl Fn(io::Error) -> Self {
        let name = name.to_owned();
        move |cause| Self::Start {
            name: name.clone(),
            cause,
        }
    }
}

/// One running, dead or frozen process.
#[derive(Debug)]
pub struct Instance {
    launch: Launch,
    child: Child,
    frozen: bool,
}

impl Instance {
    /// # Errors
    /// A binary that cannot be started, files that cannot be written.
    pub fn start(launch: Launch) -> Result<Self, InstanceFault> {
        let child = spawn(&launch)?;
        Ok(Self {
            launch,
            child,
            frozen: false,
        })
    }

    /// Starts the same process once more; the one before must be dead.
    ///
    /// # Errors
    /// As [`Instance::start`].
    pub fn restart(&mut self) -> Result<(), InstanceFault> {
        self.child = spawn(&self.launch)?;
        self.frozen = false;
        Ok(())
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    #[must_use]
    pub fn log(&self) -> PathBuf {
        log_of(&self.launch)
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// The exit status, if it ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// What it wrote to its ready file, once everything serves.
    ///
    /// # Errors
    /// An end or a silence instead.
    pub fn ready(&mut self, limit: Duration) -> Result<Value, InstanceFault> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(ready) = self.ready_now() {
                return Ok(ready);
            }
            let (name, log) = (self.launch.name.clone(), self.log());
            if let Some(status) = self.ended() {
                return Err(InstanceFault::Ended { name, status, log });
            }
            if Instant::now() > deadline {
                return Err(InstanceFault::Slow {
                    name,
                    limit_s: limit.as_secs(),
                    log,
                });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The ready file, if it is this process's own.
    #[must_use]
    pub fn ready_now(&self) -> Option<Value> {
        let text = std::fs::read(ready_of(&self.launch)).ok()?;
        let ready: Value = serde_json::from_slice(&text).ok()?;
        (ready.get("pid")?.as_u64()? == u64::from(self.pid())).then_some(ready)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// None in practice: a process that is gone already counts as killed.
    pub fn kill(&mut self) -> Result<(), InstanceFault> {
        let signal = |cause| InstanceFault::Signal {
            name: self.launch.name.clone(),
            cause,
        };
        self.child.kill().map_err(signal)?;
        let waited = self.child.wait().map(|_| ());
        waited.map_err(|cause| InstanceFault::Signal {
            name: self.launch.name.clone(),
            cause,
        })
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// A machine without `kill`.
    pub fn freeze(&mut self) -> Result<(), InstanceFault> {
        self.signal("-STOP")?;
        self.frozen = true;
        Ok(())
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// A machine without `kill`.
    pub fn thaw(&mut self) -> Result<(), InstanceFault> {
        self.signal("-CONT")?;
        self.frozen = false;
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// A process that lingers.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus, InstanceFault> {
        self.signal("-TERM")?;
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            if Instant::now() > deadline {
                let (name, log) = (self.launch.name.clone(), self.log());
                return Err(InstanceFault::Lingers {
                    name,
                    limit_s: limit.as_secs(),
                    log,
                });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The standard library sends no signal but SIGKILL, and this crate holds no unsafe code.
    fn signal(&self, signal: &str) -> Result<(), InstanceFault> {
        let done = Command::new("kill")
            .arg(signal)
            .arg(self.pid().to_string())
            .status();
        done.map(|_| ()).map_err(|cause| InstanceFault::Signal {
            name: self.launch.name.clone(),
            cause,
        })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Nothing more can be done about a process that cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_of(launch: &Launch) -> PathBuf {
    launch.directory.join(format!("{}.log", launch.name))
}

fn ready_of(launch: &Launch) -> PathBuf {
    launch.directory.join(format!("{}.ready", launch.name))
}

fn spawn(launch: &Launch) -> Result<Child, InstanceFault> {
    let start = InstanceFault::start(&launch.name);
    let log = append(&log_of(launch)).map_err(&start)?;
    let talk = log.try_clone().map_err(&start)?;
    Command::new(&launch.binary)
        .args(&launch.arguments)
        .arg("--ready-file")
        .arg(ready_of(launch))
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&launch.directory)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(talk)
        .spawn()
        .map_err(start)
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Launch {
        let directory = std::env::temp_dir().join(format!("trueup-load-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Launch {
            name: name.to_owned(),
            binary: "/bin/sh".into(),
            // The shell sees `--ready-file PATH` as $1 and $2.
            arguments: vec!["-c".into(), script.into(), "sh".into()],
            environment: Vec::new(),
            directory,
        }
    }

    const SERVES: &str =
        "printf '{\"pid\":%s}' $$ > $2.new; mv $2.new $2; while :; do sleep 0.05; done";

    #[test]
    fn a_process_is_ready_killed_started_again_and_a_stale_ready_file_counts_for_nothing() {
        let mut instance = Instance::start(shell("serves", SERVES)).unwrap();
        instance.ready(Duration::from_secs(10)).unwrap();
        instance.kill().unwrap();
        assert!(instance.ended().is_some());
        instance.launch.arguments[1] = "exit 3".into();
        instance.restart().unwrap();
        let fault = instance.ready(Duration::from_secs(10)).unwrap_err();
        assert!(matches!(fault, InstanceFault::Ended { .. }), "{fault}");
    }

    #[test]
    fn a_frozen_process_does_not_hear_sigterm_until_it_thaws() {
        let script = format!("trap 'exit 0' TERM; {SERVES}");
        let mut instance = Instance::start(shell("frozen", &script)).unwrap();
        instance.ready(Duration::from_secs(10)).unwrap();
        instance.freeze().unwrap();
        let fault = instance.terminate(Duration::from_millis(300)).unwrap_err();
        assert!(matches!(fault, InstanceFault::Lingers { .. }), "{fault}");
        instance.thaw().unwrap();
        assert!(
            instance
                .terminate(Duration::from_secs(10))
                .unwrap()
                .success()
        );
    }
}
