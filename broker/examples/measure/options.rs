//! What may be said on the command line; anything else is refused before a server is started.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(
    name = "measure",
    about = "Measures this broker beside a real Apache Kafka, in interleaved pairs",
    long_about = "Starts this broker and a real Apache Kafka (fetched with Maven), each as a \
                  process of its own, measures both in turns with the same client, and prints a \
                  Markdown table. Exit code 1 when a measure fails, 2 for wrong usage."
)]
pub(crate) struct Options {
    /// How long each measure lasts at most, in seconds
    #[arg(long, value_name = "S", default_value_t = 4,
          value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// How many pairs are measured, after one that warms up and does not count
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) rounds: u32,
    /// How many starts are timed of each server
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(1..=20))]
    pub(crate) starts: u32,
    /// A Kafka that runs already, IP:PORT: it is not started, and its start-up is not measured
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) kafka: Option<SocketAddr>,
    /// The process of that Kafka, for its CPU and memory
    #[arg(long, value_name = "PID", requires = "kafka")]
    pub(crate) kafka_pid: Option<u32>,
    /// Exit code 1 too when this broker is behind on a line, starts less than 50 times as fast or
    /// needs more than a tenth of the memory
    #[arg(long)]
    pub(crate) check: bool,
}

impl Options {
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let taken = |words: &[&str]| {
            Options::try_parse_from([&["measure"], words].concat()).map_err(|fault| fault.kind())
        };
        assert!(taken(&[]).is_ok());
        assert!(taken(&["--kafka", "127.0.0.1:9092", "--kafka-pid", "7"]).is_ok());
        for refused in [
            &["--seconds", "0"][..],
            &["--seconds", "61"],
            &["--rounds", "0"],
            &["--starts", "many"],
            &["--kafka", "somewhere"],
            &["--kafka-pid", "7"],
            &["127.0.0.1:9092"],
        ] {
            assert!(taken(refused).is_err(), "{refused:?}");
        }
    }
}
