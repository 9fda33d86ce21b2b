//! The two servers: each a process of its own on loopback that ends with this one, killed and
//! started again to time its start.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use trueup_broker::Broker;
use trueup_broker::clock::SystemClock;
use trueup_broker::config::BrokerConfig;
use trueup_broker::disk::RealDisk;
use trueup_testkit::{Kafka, KafkaOptions, Scratch};

use crate::Outcome;
use crate::options::Options;
use crate::probe::answered;

/// The word that makes this program the server.
pub(crate) const SERVE: &str = "serve";

/// The embedded broker until the process is killed.
pub(crate) fn serve(address: &str, directory: &Path) -> Outcome<()> {
    let listener = TcpListener::bind(address)?;
    let disk = Arc::new(RealDisk::new(directory)?);
    let clock = Arc::new(SystemClock);
    let _broker = Broker::start(BrokerConfig::default(), listener, disk, clock)?;
    loop {
        std::thread::park();
    }
}

/// A server that is measured.
pub(crate) enum Server {
    Embedded(Box<Embedded>),
    Kafka(Box<Kafka>),
    /// Somebody else's: never killed.
    Given {
        address: SocketAddr,
        pid: Option<u32>,
    },
}

impl Server {
    pub(crate) fn embedded() -> Outcome<Self> {
        let embedded = Embedded::start()?;
        answered(embedded.address)?;
        Ok(Self::Embedded(Box::new(embedded)))
    }

    /// The Kafka that was named, or one of our own.
    pub(crate) fn kafka(options: &Options) -> Outcome<Self> {
        if let Some(address) = options.kafka {
            answered(address)?;
            let pid = options.kafka_pid;
            return Ok(Self::Given { address, pid });
        }
        let options = KafkaOptions {
            // What is deleted after each measure makes room at once.
            settings: vec![("log.segment.delete.delay.ms".into(), "1000".into())],
            ..KafkaOptions::default()
        };
        Ok(Self::Kafka(Box::new(Kafka::start(&options)?)))
    }

    pub(crate) fn address(&self) -> Outcome<SocketAddr> {
        match self {
            Self::Embedded(embedded) => Ok(embedded.address),
            Self::Kafka(kafka) => Ok(kafka.bootstrap().parse()?),
            Self::Given { address, .. } => Ok(*address),
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Embedded(embedded) => Some(embedded.child.id()),
            Self::Kafka(kafka) => Some(kafka.pid()),
            Self::Given { pid, .. } => *pid,
        }
    }

    /// What it calls itself in its log.
    pub(crate) fn version(&self) -> Outcome<String> {
        match self {
            Self::Embedded(_) => Ok(env!("CARGO_PKG_VERSION").to_owned()),
            Self::Kafka(kafka) => {
                let path = kafka.directory().join("output.log");
                let log = std::fs::read(&path)?;
                let log = String::from_utf8_lossy(&log);
                let version = log
                    .split("Kafka version: ")
                    .nth(1)
                    .and_then(|rest| rest.split_whitespace().next());
                Ok(version.unwrap_or("of unknown version").to_owned())
            }
            Self::Given { .. } => Ok("that was given".to_owned()),
        }
    }

    /// Kills it, starts it on the same data, and gives the time to its first answer; nothing for
    /// somebody else's.
    pub(crate) fn start_again(&mut self) -> Outcome<Option<Duration>> {
        let address = self.address()?;
        match self {
            Self::Embedded(embedded) => {
                embedded.kill();
                let begun = Instant::now();
                embedded.spawn()?;
                answered(address)?;
                Ok(Some(begun.elapsed()))
            }
            Self::Kafka(kafka) => {
                kafka.kill();
                let begun = Instant::now();
                std::thread::scope(|scope| {
                    // The kit's own look is a slow one; this thread's is what counts.
                    let looking = scope.spawn(move || {
                        let seen = answered(address).map_err(|fault| fault.to_string());
                        seen.map(|()| begun.elapsed())
                    });
                    kafka.restart()?;
                    match looking.join() {
                        Ok(seen) => Ok(Some(seen?)),
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                })
            }
            Self::Given { .. } => Ok(None),
        }
    }
}

/// The embedded broker, as this program started once more.
pub(crate) struct Embedded {
    scratch: Scratch,
    command: Command,
    child: Child,
    address: SocketAddr,
}

impl Embedded {
    fn start() -> Outcome<Self> {
        let scratch = Scratch::new("measure")?;
        // Free again at once, for a server that has to be found on the same port after a kill.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(SERVE)
            .arg(address.to_string())
            .arg(scratch.path().join("data"));
        let child = scratch.spawn(&command)?;
        Ok(Self {
            scratch,
            command,
            child,
            address,
        })
    }

    fn kill(&mut self) {
        self.scratch.kill(&mut self.child);
    }

    fn spawn(&mut self) -> Outcome<()> {
        self.child = self.scratch.spawn(&self.command)?;
        Ok(())
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.kill();
    }
}
