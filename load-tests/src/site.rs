//! One `trueup dev` of a run: started, asked, killed and started again on the same data.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::chaos::ChaosFault;
use crate::chaos::cluster::{WEBHOOK_SECRET, free_address};
use crate::instance::{Instance, Launch};
use crate::kafka::{self, LogRecord, ReadFault};
use crate::letters::EVENTS;
use crate::random::Random;
use crate::{clock, scrape};

const READY: Duration = Duration::from_secs(120);
const GOODBYE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// So often nothing may have moved before it counts as rest.
const STILL: u32 = 4;
/// The key that signs every record of a run.
pub(crate) const SIGNING_SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
/// The same as the setting has it, in base64 behind its id.
pub(crate) const SIGNING_KEYS: &str = "letters:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) instance: Instance,
    pub(crate) binary: PathBuf,
    /// Its data directory.
    pub(crate) data: PathBuf,
    http: String,
    pub(crate) ops: String,
    kafka: String,
}

/// How a [`Site`] is started.
#[derive(Debug)]
pub(crate) struct SiteOptions<'a> {
    /// The built `trueup`.
    pub(crate) binary: &'a Path,
    pub(crate) partitions: u32,
    /// More flags and their values.
    pub(crate) flags: &'a [(&'a str, &'a str)],
    /// A bug planted in it, for the test that catches it.
    pub(crate) plant: Option<&'a str>,
}

impl Site {
    pub(crate) fn start(
        name: &str,
        options: &SiteOptions<'_>,
        directory: &Path,
        random: &mut Random,
    ) -> Result<Self, ChaosFault> {
        let [http, ops, kafka] = [
            free_address(random)?,
            free_address(random)?,
            free_address(random)?,
        ];
        let data = directory.join(format!("{name}-data"));
        let arguments = [
            ("--data-dir", data.display().to_string()),
            ("--http", http.clone()),
            ("--ops", ops.clone()),
            ("--kafka-listen", kafka.clone()),
            ("--partitions", options.partitions.to_string()),
        ];
        let arguments = arguments
            .into_iter()
            .chain(
                options
                    .flags
                    .iter()
                    .map(|(flag, value)| (*flag, (*value).to_owned())),
            )
            .flat_map(|(flag, value)| [flag.to_owned(), value]);
        let binary = options.binary.canonicalize();
        let binary = binary.unwrap_or_else(|_| options.binary.to_owned());
        let launch = Launch {
            name: name.to_owned(),
            binary: binary.clone(),
            arguments: std::iter::once("dev".to_owned()).chain(arguments).collect(),
            environment: [
                ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
                ("TRUEUP_SIGNING_KEYS", SIGNING_KEYS),
            ]
            .into_iter()
            .chain(options.plant.map(|plant| ("TRUEUP_PLANT", plant)))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
            directory: directory.to_owned(),
        };
        let mut site = Self {
            instance: Instance::start(launch)?,
            binary,
            data,
            http,
            ops,
            kafka,
        };
        site.instance.ready(READY)?;
        Ok(site)
    }

    /// `kill -9`, and the same again on the same data.
    pub(crate) fn kill_and_restart(&mut self) -> Result<(), ChaosFault> {
        self.instance.kill()?;
        self.instance.restart()?;
        self.instance.ready(READY)?;
        Ok(())
    }

    pub(crate) fn stop(&mut self) {
        // It has told all that it was asked for; how it ends is another run's question.
        let _ = self.instance.terminate(GOODBYE);
    }

    pub(crate) fn webhook_url(&self) -> String {
        format!("http://{}/webhooks/stripe", self.http)
    }

    pub(crate) fn kafka(&self) -> &str {
        &self.kafka
    }

    /// Writes each record as it is to the partition beside it.
    pub(crate) fn write<'a>(
        &self,
        records: impl Iterator<Item = (i32, &'a LogRecord)>,
    ) -> Result<(), ChaosFault> {
        let written = || -> Result<(), KafkaError> {
            let producer: BaseProducer = ClientConfig::new()
                .set("bootstrap.servers", &self.kafka)
                .set("enable.idempotence", "true")
                .set("queue.buffering.max.messages", "1000000")
                .set("linger.ms", "5")
                .create()?;
            for (partition, record) in records {
                let headers = record.headers.iter().map(|(key, value)| Header {
                    key,
                    value: Some(value),
                });
                let headers = headers.fold(OwnedHeaders::new(), OwnedHeaders::insert);
                let message = BaseRecord::to(EVENTS)
                    .partition(partition)
                    .key(&record.key)
                    .payload(record.payload.as_deref().unwrap_or_default())
                    .headers(headers);
                producer.send(message).map_err(|(fault, _)| fault)?;
                producer.poll(Duration::ZERO);
            }
            producer.flush(READY)
        };
        written().map_err(|cause| {
            ChaosFault::Read(ReadFault::Kafka {
                topic: EVENTS.to_owned(),
                cause,
            })
        })
    }

    /// Dead letters of all classes, by the metric; `None` while it is not shown.
    pub(crate) fn depth(&self) -> Option<usize> {
        let sum = scrape::sum(&scrape::page(&self.ops)?, "webhook_dead_letter_depth")?;
        // A gauge of whole letters, so nothing is lost by reading it as text again.
        format!("{sum:.0}").parse().ok()
    }

    /// Whether the metric comes to show `expected`.
    pub(crate) fn await_depth(&self, expected: usize, deadline: Instant) -> bool {
        while self.depth() != Some(expected) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        true
    }

    /// Waits until every processor has read every input to its end, and stays there.
    pub(crate) fn await_rest(&self, deadline: Instant) -> Result<(), ChaosFault> {
        let mut still = 0;
        while still < STILL && Instant::now() < deadline {
            let mut behind = 0;
            for topic in [EVENTS, "payments.unlinked", "payments.links"] {
                let lags = kafka::lags(&self.kafka, topic)?;
                behind += lags.iter().map(|lag| lag.records).sum::<i64>();
            }
            still = if behind == 0 { still + 1 } else { 0 };
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

/// Where a run's logs and data go: `logs`, or a temporary directory of its own.
pub(crate) fn directory(
    run: &str,
    seed: u64,
    logs: Option<&PathBuf>,
) -> Result<PathBuf, ChaosFault> {
    let own = format!("{run}-{seed}-{}-{}", clock::now_s(), std::process::id());
    let path = logs.map_or_else(|| std::env::temp_dir().join(own), PathBuf::clone);
    let io = |cause| ChaosFault::Directory {
        path: path.clone(),
        cause,
    };
    std::fs::create_dir_all(&path).map_err(io)?;
    path.canonicalize().map_err(io)
}
