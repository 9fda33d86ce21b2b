//! The data directory of `dev`: one process at a time, and the secrets that it made for itself.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::failure::Failure;

/// Bytes of chance in each secret.
const SECRET_BYTES: usize = 32;
/// The most that a secret's file may hold, in bytes.
const MAX_SECRET_BYTES: u64 = 4_096;
/// How long a directory that another process has is waited for: the system takes a moment to let go
/// of what a killed one held.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// How often it is tried meanwhile.
const LOCK_AGAIN: Duration = Duration::from_millis(20);

/// Nothing tells of a lock that is let go, but a wait that has no end.
fn lock_within(lock: &File, most: Duration) -> Result<(), TryLockError> {
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if began.elapsed() < most => thread::sleep(LOCK_AGAIN),
            tried => return tried,
        }
    }
}

/// A directory that is this process's alone for as long as this lives.
#[derive(Debug)]
pub struct DataDir {
    pub path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes it where it is not there, and locks it.
    ///
    /// # Errors
    /// A directory that another process has, or that cannot be written.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let unusable = |fault: io::Error| {
            Failure::failed(format!(
                "data directory `{}` cannot be used: {fault}; give another --data-dir",
                path.display()
            ))
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unusable)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(unusable)?;
        match lock_within(&lock, LOCK_WAIT) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = (&mut lock).take(32).read_to_string(&mut owner);
                return Err(Failure::failed(format!(
                    "data directory `{}` is in use by another `trueup dev` (pid {}); stop that one, or give \
                     another --data-dir",
                    path.display(),
                    owner.trim()
                )));
            }
            Err(TryLockError::Error(fault)) => return Err(unusable(fault)),
        }
        // For whoever comes second; the lock itself is the system's and ends with this process.
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(unusable)?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The directory of the embedded broker.
    pub fn broker(&self) -> PathBuf {
        self.path.join("broker")
    }

    /// The file of the embedded ledger.
    pub fn ledger(&self) -> PathBuf {
        self.path.join("ledger.redb")
    }

    /// What the embedded broker did wrong because it was told to, a line for each.
    pub fn broker_faults(&self) -> PathBuf {
        self.path.join("broker-faults.log")
    }

    pub fn webhook_secret_path(&self) -> PathBuf {
        self.path.join("webhook-secret")
    }

    pub fn signing_keys_path(&self) -> PathBuf {
        self.path.join("signing-keys")
    }

    /// The own webhook secret, made at the first start.
    ///
    /// # Errors
    /// A file that cannot be read or written, no chance to be had.
    pub fn webhook_secret(&self) -> Result<String, Failure> {
        kept(&self.webhook_secret_path(), |chance| {
            let letters = chance.iter().map(|byte| format!("{byte:02x}"));
            format!("whsec_{}", letters.collect::<String>())
        })
    }

    /// The own signing keys, made at the first start.
    ///
    /// # Errors
    /// As [`DataDir::webhook_secret`].
    pub fn signing_keys(&self) -> Result<String, Failure> {
        kept(&self.signing_keys_path(), |chance| {
            format!("dev:{}", STANDARD.encode(chance))
        })
    }
}

/// The secret in the file; one made of chance, and kept there, where there is none.
fn kept(path: &Path, make: impl Fn(&[u8]) -> String) -> Result<String, Failure> {
    let unusable = |fault: io::Error| {
        Failure::failed(format!(
            "the secret in `{}` cannot be used: {fault}",
            path.display()
        ))
    };
    match read(path) {
        Ok(secret) => return Ok(secret),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
        Err(fault) => return Err(unusable(fault)),
    }
    let mut chance = [0; SECRET_BYTES];
    getrandom::fill(&mut chance)
        .map_err(|fault| Failure::failed(format!("no chance to be had for a secret: {fault}")))?;
    let secret = make(&chance);
    write(path, &secret).map_err(unusable)?;
    Ok(secret)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_SECRET_BYTES)
        .read_to_string(&mut text)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(io::Error::other("it is empty; remove it for a new one"));
    }
    Ok(text.to_owned())
}

/// Whole or not at all, and before anybody relies on it: records signed by a key that is lost would
/// be refused for ever.
fn write(path: &Path, secret: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent()
        .map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A directory of this test's own, gone in the end.
    struct Gone(PathBuf);

    impl Gone {
        fn new(name: &str) -> Self {
            let name = format!("trueup-data-{}-{name}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_secret_is_made_once_and_nobody_else_may_read_it() {
        let gone = Gone::new("secret");
        let data = DataDir::open(&gone.0).unwrap();
        let secret = data.webhook_secret().unwrap();
        assert!(secret.len() >= 64 && secret.starts_with("whsec_"));
        assert_eq!(data.webhook_secret().unwrap(), secret);
        let keys = data.signing_keys().unwrap();
        assert!(trueup_schemas::seal::SigningKeys::parse(&keys).is_ok());
        for path in [data.webhook_secret_path(), data.signing_keys_path()] {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn two_directories_have_other_secrets() {
        let (one, two) = (Gone::new("one"), Gone::new("two"));
        let of = |gone: &Gone| DataDir::open(&gone.0).unwrap().webhook_secret().unwrap();
        assert_ne!(of(&one), of(&two));
    }

    #[test]
    fn the_second_owner_is_refused_until_the_first_is_gone() {
        let gone = Gone::new("lock");
        let first = DataDir::open(&gone.0).unwrap();
        let fault = DataDir::open(&gone.0).unwrap_err().to_string();
        let pid = std::process::id().to_string();
        assert!(fault.contains("in use") && fault.contains(&pid), "{fault}");
        drop(first);
        assert!(DataDir::open(&gone.0).is_ok());
    }

    #[test]
    fn an_owner_that_is_just_going_is_waited_for() {
        let gone = Gone::new("going");
        let first = DataDir::open(&gone.0).unwrap();
        let second = std::thread::spawn({
            let path = gone.0.clone();
            move || DataDir::open(&path).map(drop)
        });
        // Either the second is waiting by now, or it has yet to come: it must be let in both ways.
        std::thread::sleep(super::LOCK_AGAIN);
        drop(first);
        assert!(second.join().unwrap().is_ok());
    }
}
