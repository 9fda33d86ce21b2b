//! The processes of a run: one gateway, several processors, each in its own slot, in one
//! directory with their logs.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;

use super::ChaosFault;
use super::services::Services;
use crate::audit::Fault;
use crate::gauges::Gauges;
use crate::instance::{Instance, Launch, last_words};
use crate::random::Random;
use crate::{clock, scrape};

pub(crate) const WEBHOOK_SECRET: &str = "whsec_chaos_0123456789abcdef";
const SIGNING_KEYS: &str = "chaos:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// A processor that recovers from nothing may still wait for a session to expire.
const READY: Duration = Duration::from_secs(120);
const GOODBYE: Duration = Duration::from_secs(40);

#[derive(Debug, thiserror::Error)]
pub enum ClusterFault {
    #[error("`trueup {command}` cannot be run: {cause}; build it or name it with `--binary`")]
    Run {
        command: String,
        cause: std::io::Error,
    },
    #[error("`trueup {command}` ended with {status}: {output}")]
    Failed {
        command: String,
        status: ExitStatus,
        output: String,
    },
    #[error("no free port on loopback in {tries} tries: {cause:?}")]
    Port {
        tries: u32,
        cause: Option<std::io::Error>,
    },
    #[error("no `{0}` in the ready file of the gateway")]
    Unready(&'static str),
}

/// What a cluster is started with.
#[derive(Debug, Clone)]
pub(crate) struct ClusterOptions {
    pub(crate) seed: u64,
    pub(crate) partitions: u32,
    /// Of each processor.
    pub(crate) workers: u32,
    pub(crate) grace: Duration,
    /// The built `trueup`.
    pub(crate) binary: PathBuf,
    /// Where logs go; a temporary directory without it.
    pub(crate) logs: Option<PathBuf>,
}

/// Everything of Trueup that runs.
#[derive(Debug)]
pub(crate) struct Cluster {
    base: Launch,
    http: String,
    topic_prefix: String,
    processor_arguments: Vec<String>,
    topics_arguments: Vec<String>,
    ledger_arguments: Vec<String>,
    pub(super) gateway: Instance,
    pub(crate) processors: Vec<Instance>,
    pub(super) guest: Option<Instance>,
}

impl Cluster {
    /// Applies topics and tables and starts the gateway; no processor yet.
    pub(crate) fn start(
        options: &ClusterOptions,
        services: &dyn Services,
    ) -> Result<Self, ChaosFault> {
        let run = format!(
            "chaos-{}-{}-{}",
            options.seed,
            clock::now_s(),
            std::process::id()
        );
        let directory = options
            .logs
            .clone()
            .unwrap_or_else(|| std::env::temp_dir().join(&run));
        let io = |cause| ChaosFault::Directory {
            path: directory.clone(),
            cause,
        };
        std::fs::create_dir_all(&directory).map_err(io)?;
        let base = Launch {
            name: "trueup".to_owned(),
            binary: options
                .binary
                .canonicalize()
                .unwrap_or_else(|_| options.binary.clone()),
            arguments: Vec::new(),
            environment: vec![
                (
                    "STRIPE_WEBHOOK_SECRET".to_owned(),
                    WEBHOOK_SECRET.to_owned(),
                ),
                ("TRUEUP_SIGNING_KEYS".to_owned(), SIGNING_KEYS.to_owned()),
            ],
            directory: directory.canonicalize().map_err(io)?,
        };
        let topic_prefix = format!("{run}.");
        let keyspace = run.replace('-', "_");
        let partitions = options.partitions.to_string();
        let kafka = ["--kafka".to_owned(), services.kafka()];
        let prefix = ["--topic-prefix".to_owned(), topic_prefix.clone()];
        let store = ["--scylla".to_owned(), services.store()];
        let space = ["--keyspace".to_owned(), keyspace];
        let mut topics = vec!["topics".to_owned(), "apply".to_owned()];
        topics.extend(["--partitions".to_owned(), partitions]);
        topics.extend(kafka.clone());
        topics.extend(prefix.clone());
        once(&base, &topics)?;
        let mut ledger = vec!["ledger".to_owned(), "apply".to_owned()];
        ledger.extend(store.clone());
        ledger.extend(space.clone());
        once(&base, &ledger)?;

        let seed = u64::from(std::process::id()) ^ options.seed.rotate_left(32);
        let http = free_address(&mut Random::new(seed))?;
        let mut arguments = vec!["ingest".to_owned(), "--http".to_owned(), http.clone()];
        arguments.extend(["--ops".to_owned(), "127.0.0.1:0".to_owned()]);
        arguments.extend(kafka.clone());
        arguments.extend(prefix.clone());
        let gateway = launch(&base, "gateway", arguments);
        let mut processor_arguments = vec!["process".to_owned()];
        processor_arguments.extend(["--ops".to_owned(), "127.0.0.1:0".to_owned()]);
        let grace = humantime::format_duration(options.grace).to_string();
        processor_arguments.extend(["--grace".to_owned(), grace]);
        // Else an order that comes before the first snapshot is no orphan.
        processor_arguments.extend(["--orders-feed".to_owned(), "on".to_owned()]);
        processor_arguments.extend(["--workers".to_owned(), options.workers.to_string()]);
        for more in [kafka, prefix, store, space] {
            processor_arguments.extend(more);
        }
        let mut cluster = Self {
            gateway: Instance::start(gateway)?,
            base,
            http,
            topic_prefix,
            processor_arguments,
            topics_arguments: topics,
            ledger_arguments: ledger,
            processors: Vec::new(),
            guest: None,
        };
        let ready = cluster.gateway.ready(READY)?;
        if address(&ready, "http").is_none() {
            return Err(ClusterFault::Unready("http").into());
        }
        Ok(cluster)
    }

    /// Starts processors beside those that run, and waits until all are ready.
    pub(crate) fn start_processors(&mut self, count: u32) -> Result<(), ChaosFault> {
        for number in 1..=count {
            let processor = self.processor(&format!("processor-{number}"))?;
            self.processors.push(processor);
        }
        for processor in &mut self.processors {
            processor.ready(READY)?;
        }
        Ok(())
    }

    pub(crate) fn webhook_url(&self) -> String {
        format!("http://{}/webhooks/stripe", self.http)
    }

    pub(crate) fn topic_prefix(&self) -> &str {
        &self.topic_prefix
    }

    pub(crate) fn gateway_pid(&self) -> u32 {
        self.gateway.pid()
    }

    /// Makes the topics that are missing, and the tables of another keyspace.
    pub(crate) fn apply(&self, keyspace: &str) -> Result<(), ClusterFault> {
        once(&self.base, &self.topics_arguments)?;
        let mut ledger = self.ledger_arguments.clone();
        ledger.extend(["--keyspace".to_owned(), keyspace.to_owned()]);
        once(&self.base, &ledger)
    }

    /// A processor as [`Cluster::start_processors`] starts it, with `more` flags, which win.
    pub(crate) fn processor_command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(&self.base.binary);
        let environment = self.base.environment.iter();
        command
            .args(&self.processor_arguments)
            .args(more)
            .envs(environment.map(|(name, value)| (name, value)))
            .current_dir(&self.base.directory);
        command
    }

    pub(super) fn directory(&self) -> &Path {
        &self.base.directory
    }

    /// One more processor, which joins the group of the others.
    pub(super) fn join(&mut self) -> Result<(), ChaosFault> {
        let guest = self.processor("processor-guest")?;
        self.guest = Some(guest);
        Ok(())
    }

    fn processor(&self, name: &str) -> Result<Instance, ChaosFault> {
        let mut arguments = self.processor_arguments.clone();
        arguments.extend(["--instance-id".to_owned(), name.to_owned()]);
        Ok(Instance::start(launch(&self.base, name, arguments))?)
    }

    /// The sums of the gauges over all processors; `None` while one does not answer.
    pub(super) fn gauge(&self) -> Option<Gauges> {
        let mut sum = Gauges::default();
        for processor in self.processors.iter().chain(&self.guest) {
            let ops = address(&processor.ready_now()?, "ops")?;
            sum.add(&Gauges::read(&scrape::page(&ops)?)?);
        }
        Some(sum)
    }

    /// Ends everything by SIGTERM, as an operator would; what does not end well is a fault.
    pub(crate) fn stop(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let all = self.processors.iter_mut().chain(&mut self.guest);
        for instance in all.chain([&mut self.gateway]) {
            let subject = instance.name().to_owned();
            let what = "did not end well on SIGTERM".to_owned();
            match instance.terminate(GOODBYE) {
                Ok(status) if status.success() => {}
                Ok(status) => {
                    let evidence = last_words(status, &instance.log());
                    faults.push(Fault {
                        subject,
                        what,
                        evidence,
                    });
                }
                Err(fault) => {
                    faults.push(Fault {
                        subject,
                        what,
                        evidence: fault.to_string(),
                    });
                }
            }
        }
        faults
    }
}

fn launch(base: &Launch, name: &str, arguments: Vec<String>) -> Launch {
    Launch {
        name: name.to_owned(),
        arguments,
        ..base.clone()
    }
}

/// An address of a ready file, `host:port`.
pub(crate) fn address(ready: &Value, name: &str) -> Option<String> {
    ready.get(name)?.as_str().map(str::to_owned)
}

/// Runs a command to its end.
fn once(base: &Launch, arguments: &[String]) -> Result<(), ClusterFault> {
    let command = arguments.join(" ");
    let mut process = Command::new(&base.binary);
    process
        .args(arguments)
        .envs(base.environment.iter().map(|(name, value)| (name, value)));
    let run = |cause| ClusterFault::Run {
        command: command.clone(),
        cause,
    };
    let output = process.current_dir(&base.directory).output().map_err(run)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(ClusterFault::Failed {
        command,
        status: output.status,
        output: text,
    })
}

/// Below the range from which outgoing connections take their ports: while the gateway is dead
/// a retrying sender could otherwise connect to itself on the gateway's port, and hold it.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port that is free now; the gateway keeps it over its restarts.
pub(crate) fn free_address(random: &mut Random) -> Result<String, ClusterFault> {
    let mut refused = None;
    for _ in 0..PORT_TRIES {
        let port = random.between(PORTS.start.into(), i64::from(PORTS.end) - 1);
        let address = format!("127.0.0.1:{port}");
        match TcpListener::bind(&address) {
            Ok(_) => return Ok(address),
            Err(cause) => refused = Some(cause),
        }
    }
    Err(ClusterFault::Port {
        tries: PORT_TRIES,
        cause: refused,
    })
}

const PORT_TRIES: u32 = 100;
