//! A worker's log closes whatever its consumer was told and nobody served, and does so soon.

#![cfg(test)]

use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use trueup_broker::Broker;
use trueup_broker::clock::SystemClock;
use trueup_broker::config::BrokerConfig;
use trueup_broker::disk::SimulatedDisk;
use trueup_engine::kafka::{KafkaLog, KafkaSettings, TopicNames};

const TOPICS: [&str; 6] = ["events", "orders", "status", "gaps", "windows", "letters"];
/// A client that waits for nothing closes within milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Spread over the moments of a first assignment, which takes some tens of milliseconds.
const STEP: Duration = Duration::from_millis(2);
const TIMES: u32 = 50;

fn started() -> Broker {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let disk = Arc::new(SimulatedDisk::new());
    Broker::start(
        BrokerConfig::default(),
        listener,
        disk,
        Arc::new(SystemClock),
    )
    .unwrap()
}

fn prepare(address: &str) {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", address);
    let admin: AdminClient<DefaultClientContext> = client.create().unwrap();
    let topics = TOPICS.map(|name| NewTopic::new(name, 3, TopicReplication::Fixed(1)));
    let made = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(admin.create_topics(&topics, &AdminOptions::new()));
    assert!(made.unwrap().iter().all(Result::is_ok));
}

fn log(address: &str, group: String) -> KafkaLog {
    let [events, orders, status, gaps, windows, dead_letters] = TOPICS.map(str::to_owned);
    KafkaLog::connect(KafkaSettings {
        client: vec![("bootstrap.servers".into(), address.to_owned())],
        group,
        instance: "i".into(),
        transactional_id: "t".into(),
        topics: TopicNames {
            events,
            orders,
            status,
            gaps,
            windows,
            dead_letters,
        },
    })
    .unwrap()
}

#[test]
fn a_log_closes_at_every_moment_of_an_assignment_that_nobody_serves() {
    let broker = started();
    let address = broker.address().to_string();
    prepare(&address);
    for time in 0..TIMES {
        let log = log(&address, format!("g{time}"));
        // No event to wait for: the moment itself is what is tried.
        thread::sleep(STEP * time);
        let (closed, told) = mpsc::sync_channel(1);
        thread::spawn(move || {
            drop(log);
            let _ = closed.send(());
        });
        assert!(
            told.recv_timeout(PATIENCE).is_ok(),
            "not closed {:?} after it joined",
            STEP * time
        );
    }
}
