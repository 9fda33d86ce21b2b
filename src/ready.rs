//! The ready file: says where everything serves, and exists only while it does.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What the file holds. Published: names must stay stable.
#[derive(Debug, Default, Serialize)]
pub struct Ready {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ops: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<String>,
    pub pid: u32,
}

/// A ready file, removed at start and when this is dropped.
#[derive(Debug)]
pub struct ReadyFile(Option<PathBuf>);

impl ReadyFile {
    /// Removes what an earlier run left.
    ///
    /// # Errors
    /// When a file is there and cannot be removed: it would tell of a process that is gone.
    pub fn cleared(path: Option<PathBuf>) -> io::Result<Self> {
        if let Some(path) = &path {
            remove(path)?;
        }
        Ok(Self(path))
    }

    /// Writes beside the path, then renames: a reader sees all of it or nothing.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn write(&self, ready: &Ready) -> io::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        let mut beside = path.clone().into_os_string();
        beside.push(format!(".{}.tmp", std::process::id()));
        let beside = PathBuf::from(beside);
        let mut text = serde_json::to_vec(ready)?;
        text.push(b'\n');
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, path)
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(fault) = remove(path)
        {
            tracing::warn!(path = %path.display(), %fault, "the ready file could not be removed");
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_file_is_gone_at_start_whole_when_ready_and_gone_at_the_end() {
        let path = std::env::temp_dir().join(format!("trueup-ready-{}", std::process::id()));
        std::fs::write(&path, "old").unwrap();
        let file = ReadyFile::cleared(Some(path.clone())).unwrap();
        assert!(!path.exists());
        file.write(&Ready {
            http: Some("127.0.0.1:1".parse().unwrap()),
            pid: 7,
            ..Ready::default()
        })
        .unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"http\":\"127.0.0.1:1\",\"pid\":7}\n"
        );
        drop(file);
        assert!(!path.exists());
    }
}
