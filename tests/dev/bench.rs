//! A `dev` in a directory of its own, what is sent to it, and what its topics then hold.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::{Value, json};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::OrderStatusChanged;
use trueup_testkit::{Launch, Ready, Trueup, wait_until};

/// The longest wait for anything, on a busy machine. Nothing waits as long when all is well.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn trueup() -> Launch {
    Launch::of(env!("CARGO_BIN_EXE_trueup"))
}

/// One `dev` on free ports; its data lies in its own directory.
pub(crate) struct Dev {
    pub(crate) process: Trueup,
    pub(crate) ready: Ready,
}

impl Dev {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::launch(trueup(), arguments)
    }

    /// As [`Dev::start`], with the variables of `launch`.
    pub(crate) fn launch(launch: Launch, arguments: &[&str]) -> Self {
        let addresses = ["--http", "--ops", "--kafka-listen"];
        let ports = addresses.iter().flat_map(|flag| [*flag, "127.0.0.1:0"]);
        let launch = launch
            .args(["dev", "--partitions", "3"])
            .args(ports)
            .args(arguments.iter().copied());
        let mut process = launch.start().unwrap();
        let ready = process.ready(LIMIT);
        Self { process, ready }
    }

    /// `kill -9`, and the same again on the same data.
    pub(crate) fn kill_and_restart(&mut self) {
        self.process.restart().unwrap();
        self.ready = self.process.ready(LIMIT);
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.process.directory().join("trueup-data")
    }

    pub(crate) fn http(&self) -> &str {
        self.ready.http.as_deref().unwrap()
    }

    pub(crate) fn ops(&self) -> &str {
        self.ready.ops.as_deref().unwrap()
    }

    /// `trueup send` of these events, with the secret that `dev` made.
    pub(crate) fn send(&self, events: &[Value]) -> Output {
        let file = self.process.directory().join("events.jsonl");
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let secret = self.data().join("webhook-secret");
        trueup()
            .args([
                "send",
                "--http",
                self.http(),
                "--stripe-webhook-secret-file",
            ])
            .args([secret.to_str().unwrap(), file.to_str().unwrap()])
            .output()
    }

    /// `order ID` or `event ID` beside the running process.
    pub(crate) fn look_up(&self, what: &str, id: &str) -> Option<Value> {
        let found = trueup()
            .args([what, id, "--json", "--ops", self.ops()])
            .output();
        match found.status.code() {
            Some(0) => Some(serde_json::from_slice(&found.stdout).unwrap()),
            Some(1) if said(&found).contains("is known") => None,
            other => panic!("{other:?}: {}", said(&found)),
        }
    }

    /// The same, once `until` holds of it: the ledger follows the log.
    pub(crate) fn known(&self, what: &str, id: &str, until: impl Fn(&Value) -> bool) -> Value {
        let found = wait_until(LIMIT, || self.look_up(what, id).filter(&until));
        found.unwrap_or_else(|| panic!("{id}: {:?}", self.look_up(what, id)))
    }

    /// What one order's status records say, once `until` holds of them. Reads by Kafka's own client
    /// from the address in the ready file.
    pub(crate) fn statuses(
        &self,
        order: &str,
        until: impl Fn(&[OrderStatusChanged]) -> bool,
    ) -> Vec<OrderStatusChanged> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.ready.kafka.as_deref().unwrap())
            .set("group.id", "test")
            .set("isolation.level", "read_committed")
            .create()
            .unwrap();
        let mut places = TopicPartitionList::new();
        for partition in 0..3 {
            places
                .add_partition_offset("orders.status", partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&places).unwrap();
        let mut held = Vec::new();
        let found = wait_until(LIMIT, || {
            while let Some(message) = consumer.poll(Duration::from_millis(100)) {
                let message = message.unwrap();
                if message.key() == Some(order.as_bytes()) {
                    held.push(Codec::SingleObject.decode(message.payload()?).unwrap());
                }
            }
            until(&held).then_some(())
        });
        assert!(found.is_some(), "{order}: {held:?}");
        held
    }
}

/// Everything it wrote.
pub(crate) fn said(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

const PAYMENT: &str = include_str!("../../load-tests/fixtures/payment_intent.json");

/// A payment of an order that succeeded.
pub(crate) fn success(order: &str, number: usize) -> Value {
    let mut payment: Value = serde_json::from_str(PAYMENT).unwrap();
    let fields = json!({
        "id": format!("pi_{order}{number}"), "status": "succeeded", "currency": "eur",
        "amount": 1_000, "amount_received": 1_000, "metadata": {"order_id": order},
    });
    payment
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({
        "id": format!("evt_{order}{number}"), "object": "event", "created": 1_700_000_000 + number,
        "api_version": "2026-07-29.dahlia", "livemode": false, "pending_webhooks": 1,
        "type": "payment_intent.succeeded", "data": {"object": payment},
    })
}
