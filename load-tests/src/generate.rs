//! Writes the stream of a seed to files: one event or snapshot per line, ready for
//! `trueup send` and for a console producer.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::fixtures::{FixtureFault, Fixtures};
use crate::render;
use crate::scenario::story;

#[derive(Debug, clap::Args)]
pub struct Options {
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[arg(long, default_value_t = 1_000)]
    pub orders: u64,
    /// Where the events go.
    #[arg(long, value_name = "FILE")]
    pub events: PathBuf,
    /// Where the snapshots for the topic `orders` go.
    #[arg(long, value_name = "FILE")]
    pub snapshots: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum GenerateFault {
    #[error(transparent)]
    Fixture(#[from] FixtureFault),
    #[error("cannot write `{path}`: {cause}")]
    File {
        path: PathBuf,
        cause: std::io::Error,
    },
}

/// # Errors
/// A file that cannot be written.
pub fn run(options: &Options) -> Result<(), GenerateFault> {
    let fixtures = Fixtures::load()?;
    let mut events = Lines::create(&options.events)?;
    let mut snapshots = options
        .snapshots
        .as_deref()
        .map(Lines::create)
        .transpose()?;
    for number in 0..options.orders {
        let story = story(options.seed, number);
        for event in &story.events {
            let body = render::body(&fixtures, event, 0);
            // Bodies have line breaks in them; a file of lines needs them without.
            let event: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
            events.write(&event.to_string())?;
        }
        if let Some(lines) = &mut snapshots {
            for snapshot in &story.snapshots {
                lines.write(&snapshot.body)?;
            }
        }
    }
    events.finish()?;
    snapshots.map_or(Ok(()), Lines::finish)
}

struct Lines {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Lines {
    fn create(path: &Path) -> Result<Self, GenerateFault> {
        let file = File::create(path);
        let file = file.map_err(|cause| GenerateFault::File {
            path: path.to_owned(),
            cause,
        })?;
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::new(file),
        })
    }

    fn write(&mut self, line: &str) -> Result<(), GenerateFault> {
        let done = self
            .out
            .write_all(line.as_bytes())
            .and_then(|()| self.out.write_all(b"\n"));
        done.map_err(|cause| GenerateFault::File {
            path: self.path.clone(),
            cause,
        })
    }

    fn finish(mut self) -> Result<(), GenerateFault> {
        self.out.flush().map_err(|cause| GenerateFault::File {
            path: self.path,
            cause,
        })
    }
}
