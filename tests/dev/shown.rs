//! On one `dev`: the table of kinds, and every order of arrival.

use serde_json::{Value, json};

use crate::bench::{Dev, success};
use crate::shared::{Site, arrivals, kinds};

impl Site for Dev {
    fn kafka(&self) -> String {
        self.ready.kafka.clone().unwrap()
    }

    fn prefix(&self) -> String {
        String::new()
    }

    fn ops(&self) -> String {
        self.ready.ops.clone().unwrap()
    }

    fn send(&self, events: &[Value]) -> bool {
        Self::send(self, events).status.success()
    }

    fn pid(&self) -> u32 {
        self.process.pid()
    }

    fn kill_and_restart(&mut self) {
        Self::kill_and_restart(self);
    }
}

#[test]
fn every_kind_of_gap_opens_after_its_grace_and_closes_for_its_reason() {
    kinds::every_kind_opens_and_closes(&Dev::start(&kinds::FOR_THE_TABLE));
}

#[test]
fn with_no_traffic_at_all_the_grace_still_runs_out_over_a_kill_too() {
    let mut dev = Dev::start(&kinds::FOR_SILENCE);
    kinds::grace_runs_out_without_traffic(&mut dev, &success("mug", 1));
}

#[test]
fn a_refund_and_a_dispute_without_metadata_find_their_order_in_all_arrival_orders() {
    let mut dev = Dev::start(&[]);
    arrivals::each_counts_once(&mut dev, "o", None);
    let found = dev.known("payment", "ch_o3", |_| true);
    assert_eq!(found, json!({"object_id": "ch_o3", "order_id": "o3"}));
    assert_eq!(dev.look_up("payment", "pi_nobodys"), None);
}

#[test]
fn killed_at_any_time_of_any_arrival_every_effect_still_counts_once() {
    arrivals::each_counts_once(&mut Dev::start(&[]), "k", Some(5));
}
