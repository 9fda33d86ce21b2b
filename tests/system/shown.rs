//! On a real Kafka and a real CQL store, gateway and processor each a process of its own: the table
//! of kinds, and every order of arrival.

use serde_json::Value;
use trueup_testkit::{Ready, Trueup};

use crate::shared::{Site, arrivals, kinds};
use crate::support::LIMIT;
use crate::support::bench::Bench;
use crate::support::shop::{now_s, success};

/// A gateway and a processor beside each other.
struct Apart {
    bench: Bench,
    gateway: Ready,
    _ingest: Trueup,
    process: Trueup,
    ops: String,
}

impl Apart {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let bench = Bench::applied(name);
        let mut ingest = bench.ingest();
        let mut process = bench.process(arguments);
        Self {
            gateway: ingest.ready(LIMIT),
            ops: process.ready(LIMIT).ops.unwrap(),
            bench,
            _ingest: ingest,
            process,
        }
    }
}

impl Site for Apart {
    fn kafka(&self) -> String {
        self.bench.kafka.clone()
    }

    fn prefix(&self) -> String {
        self.bench.prefix.clone()
    }

    fn ops(&self) -> String {
        self.ops.clone()
    }

    fn send(&self, events: &[Value]) -> bool {
        self.bench.send(&self.gateway, events);
        true
    }

    fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn kill_and_restart(&mut self) {
        self.process.restart().unwrap();
        self.ops = self.process.ready(LIMIT).ops.unwrap();
    }
}

#[test]
fn every_kind_of_gap_opens_after_its_grace_and_closes_for_its_reason() {
    let site = Apart::start("kinds", &kinds::FOR_THE_TABLE);
    kinds::every_kind_opens_and_closes(&site);
}

#[test]
fn with_no_traffic_at_all_the_grace_still_runs_out_over_a_kill_too() {
    let mut site = Apart::start("silence", &kinds::FOR_SILENCE);
    kinds::grace_runs_out_without_traffic(&mut site, &success("mug", 0, now_s()));
}

#[test]
fn killed_at_any_time_of_any_arrival_every_effect_still_counts_once() {
    arrivals::each_counts_once(&mut Apart::start("arrivals", &[]), "k", Some(5));
}
