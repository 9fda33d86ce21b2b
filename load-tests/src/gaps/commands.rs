//! The commands that an operator runs beside the process: the sweep, the probe and the audit.

use std::process::{Command, Output, Stdio};
use std::time::Instant;

use serde_json::Value;
use trueup_testkit::API_KEY;

use super::stripe::Stripe;
use crate::chaos::ChaosFault;
use crate::instance::InstanceFault;
use crate::site::{SIGNING_KEYS, Site};

/// As fast as Stripe grants.
const REQUESTS_PER_S: &str = "100";

/// What a command said, and how it ended.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) report: Value,
    /// Where the report is none.
    pub(super) stderr: String,
}

impl Said {
    pub(super) fn number(&self, pointer: &str) -> Option<u64> {
        self.report.pointer(pointer).and_then(Value::as_u64)
    }

    /// For a fault's evidence.
    pub(super) fn told(&self) -> String {
        let (code, report) = (self.code, &self.report);
        let stderr: String = self.stderr.chars().take(500).collect();
        format!("exit code {code:?}; {report}; {stderr}")
    }
}

/// Both passes over Stripe's list, and no probe: no gap is so old.
pub(super) fn sweep(site: &Site, stripe: &Stripe) -> Result<Said, ChaosFault> {
    ask_stripe(site, stripe, &["--since", "1d", "--probe-after", "29d"])
}

/// Stripe is asked about the payment of every gap; of its list nothing is young enough.
pub(super) fn probe(site: &Site, stripe: &Stripe) -> Result<Said, ChaosFault> {
    ask_stripe(site, stripe, &["--since", "1s", "--probe-after", "1ms"])
}

/// `dev` must have stopped.
pub(super) fn audit(site: &Site) -> Result<Said, ChaosFault> {
    let data = site.data.display().to_string();
    let mut command = Command::new(&site.binary);
    command.args(["check", "--audit", "--json", "--data-dir", &data]);
    run("check", &mut command)
}

fn ask_stripe(site: &Site, stripe: &Stripe, flags: &[&str]) -> Result<Said, ChaosFault> {
    let mut command = Command::new(&site.binary);
    command
        .args(["sweep", "--once", "--json", "--kafka", site.kafka()])
        .args(["--stripe-api-rate", REQUESTS_PER_S])
        .args(flags)
        .env("STRIPE_API_KEY", API_KEY)
        .env("STRIPE_API_BASE", stripe.api.url());
    run("sweep", &mut command)
}

fn run(name: &str, command: &mut Command) -> Result<Said, ChaosFault> {
    let started = Instant::now();
    let done = command
        .env("TRUEUP_SIGNING_KEYS", SIGNING_KEYS)
        .stdin(Stdio::null())
        .output();
    let output = done.map_err(InstanceFault::start(name))?;
    eprintln!("{name}: {:.1?}", started.elapsed());
    Ok(said(&output))
}

fn said(output: &Output) -> Said {
    Said {
        code: output.status.code(),
        report: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
