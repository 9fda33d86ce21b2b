//! A temporary directory and the processes that work in it: gone when the handle is dropped, and
//! when this process is killed, since a watchdog outside of it sees its pipe close.

use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::fault::ServiceFault;

static COUNT: AtomicU64 = AtomicU64::new(0);
const WATCHDOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/services/watchdog");

/// A directory with a watchdog.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    watchdog: Mutex<Child>,
}

impl Scratch {
    /// A new directory under the system's temporary one, `name` in its name.
    ///
    /// # Errors
    /// A directory that cannot be made, a machine without `sh`.
    pub fn new(name: &str) -> Result<Self, ServiceFault> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!(
            "trueup-test-{name}-{}-{number}",
            std::process::id()
        ));
        fs::create_dir(&path).map_err(|cause| ServiceFault::File {
            path: path.clone(),
            cause,
        })?;
        let watchdog = Command::new("/bin/sh")
            .arg(WATCHDOG)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at a terminal reaches the group in front, and must not reach the watchdog.
            .process_group(0)
            .spawn()
            .map_err(|cause| ServiceFault::Program {
                program: "/bin/sh".to_owned(),
                cause,
                way_out: "tests need a POSIX shell there",
            })?;
        Ok(Self {
            path,
            watchdog: Mutex::new(watchdog),
        })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts `command` in a process group of its own that dies with this directory. Its stdin
    /// is empty, its output goes to [`Scratch::log`].
    ///
    /// # Errors
    /// A program that cannot be started.
    pub fn spawn(&self, command: &Command) -> io::Result<Child> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())?;
        let mut gated = gated(command);
        gated.stdout(log.try_clone()?).stderr(log);
        self.open_gate(gated)
    }

    /// As [`Scratch::spawn`], with the output of this process.
    ///
    /// # Errors
    /// A program that cannot be started.
    pub fn spawn_shown(&self, command: &Command) -> io::Result<Child> {
        self.open_gate(gated(command))
    }

    fn open_gate(&self, mut gated: Command) -> io::Result<Child> {
        let mut child = gated.spawn()?;
        self.tell("watch", child.id())?;
        let mut gate = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        gate.write_all(b"go\n")?;
        Ok(child)
    }

    /// Where everything started here writes what it says.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path.join("output.log")
    }

    /// Kills a process that [`Scratch::spawn`] started, and its group, and sees it end.
    pub fn kill(&self, child: &mut Child) {
        kill_group(child);
        self.forget(child);
        let _ = child.wait();
    }

    /// No longer watches a child that ended: its number may become another's.
    pub fn forget(&self, child: &Child) {
        let _ = self.tell("forget", child.id());
    }

    fn tell(&self, word: &str, group: u32) -> io::Result<()> {
        let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = watchdog.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        // One write, so that the watchdog never reads half a line.
        pipe.write_all(format!("{word} {group}\n").as_bytes())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let watchdog = self
            .watchdog
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        drop(watchdog.stdin.take());
        // Its end is the end of everything here.
        let _ = watchdog.wait();
    }
}

/// `command` behind a shell that becomes it only when told, after the watchdog knows its group:
/// so there is no moment at which the end of this process would leave it behind.
fn gated(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", "read -r _ && exec \"$@\" </dev/null", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::piped())
        .process_group(0);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        shell.current_dir(directory);
    }
    shell
}

/// SIGKILL to a child that was not waited for yet, and to its group.
fn kill_group(child: &mut Child) {
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group
        && matches!(child.try_wait(), Ok(None))
    {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}
