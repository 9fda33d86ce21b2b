//! The one process of a run: `trueup dev` with fixed ports and one data directory, so that each
//! life goes on where the last one was cut off.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::DevOptions;
use super::script;
use crate::chaos::ChaosFault;
use crate::chaos::cluster::{WEBHOOK_SECRET, free_address};
use crate::gauges::Gauges;
use crate::instance::{Instance, InstanceFault, Launch};
use crate::random::Random;
use crate::{clock, scrape};

/// A life that begins in a storm of faults may have to wait for sessions to expire.
const READY: Duration = Duration::from_secs(120);
const GOODBYE: Duration = Duration::from_secs(60);
const SCRIPT: &str = "broker-faults";

#[derive(Debug)]
pub(super) struct Process {
    pub(super) instance: Instance,
    directory: PathBuf,
    http: String,
    ops: String,
    kafka: String,
    seed: u64,
    pub(super) lives: u64,
}

impl Process {
    /// Starts the first life, without faults, and waits until it serves.
    pub(super) fn start(options: &DevOptions) -> Result<Self, ChaosFault> {
        let pid = std::process::id();
        let run = format!("dev-{}-{}-{pid}", options.seed, clock::now_s());
        let logs = options.logs.clone();
        let directory = logs.unwrap_or_else(|| std::env::temp_dir().join(run));
        let io = |cause| ChaosFault::Directory {
            path: directory.clone(),
            cause,
        };
        fs::create_dir_all(&directory).map_err(io)?;
        let directory = directory.canonicalize().map_err(io)?;
        let mut random = Random::new(u64::from(pid) ^ options.seed.rotate_left(32));
        let [http, ops, kafka] = [
            free_address(&mut random)?,
            free_address(&mut random)?,
            free_address(&mut random)?,
        ];
        let script = directory.join(SCRIPT);
        let grace = humantime::format_duration(options.grace).to_string();
        let partitions = options.partitions.to_string();
        let data = directory.join("trueup-data");
        let arguments = [
            ("--data-dir", data.display().to_string()),
            ("--http", http.clone()),
            ("--ops", ops.clone()),
            ("--kafka-listen", kafka.clone()),
            ("--partitions", partitions),
            ("--grace", grace),
            // Else an order that comes before the first snapshot is no orphan.
            ("--orders-feed", "on".to_owned()),
            ("--broker-faults", script.display().to_string()),
        ];
        let arguments = arguments
            .into_iter()
            .flat_map(|(flag, value)| [flag.to_owned(), value]);
        let binary = options.binary.canonicalize();
        let launch = Launch {
            name: "dev".to_owned(),
            binary: binary.unwrap_or_else(|_| options.binary.clone()),
            arguments: std::iter::once("dev".to_owned()).chain(arguments).collect(),
            environment: vec![("STRIPE_WEBHOOK_SECRET".into(), WEBHOOK_SECRET.into())],
            directory: directory.clone(),
        };
        fs::write(&script, "").map_err(io)?;
        let mut process = Self {
            instance: Instance::start(launch)?,
            directory,
            http,
            ops,
            kafka,
            seed: options.seed,
            lives: 1,
        };
        process.ready()?;
        Ok(process)
    }

    pub(super) fn ready(&mut self) -> Result<(), InstanceFault> {
        self.instance.ready(READY).map(|_| ())
    }

    /// The next life; the one before must be dead. Without a density its broker does no wrong.
    pub(super) fn live_again(&mut self, per_mille: Option<u64>) -> Result<(), ChaosFault> {
        self.lives += 1;
        let text = per_mille.map_or_else(String::new, |per_mille| {
            script::script(self.seed, self.lives, per_mille)
        });
        let path = self.directory.join(SCRIPT);
        fs::write(&path, text).map_err(|cause| ChaosFault::Directory { path, cause })?;
        self.instance.restart()?;
        Ok(())
    }

    pub(super) fn terminate(&mut self) -> Result<std::process::ExitStatus, InstanceFault> {
        self.instance.terminate(GOODBYE)
    }

    pub(super) fn webhook_url(&self) -> String {
        format!("http://{}/webhooks/stripe", self.http)
    }

    pub(super) fn kafka(&self) -> &str {
        &self.kafka
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the broker told of the faults that it injected, in all lives.
    pub(super) fn faults_told(&self) -> String {
        let path = self.directory.join("trueup-data/broker-faults.log");
        fs::read_to_string(path).unwrap_or_default()
    }

    /// The gauges, once this life serves.
    pub(super) fn gauge(&self) -> Option<Gauges> {
        self.instance.ready_now()?;
        Gauges::read(&scrape::page(&self.ops)?)
    }
}
