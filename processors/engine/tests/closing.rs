//! A member of a group closes whatever it was told and nobody served, and does so soon.

#![cfg(test)]

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, ClientContext, TopicPartitionList};
use trueup_broker::Broker;
use trueup_broker::clock::SystemClock;
use trueup_broker::config::BrokerConfig;
use trueup_broker::disk::SimulatedDisk;
use trueup_engine::kafka::closing::{CLOSE_TIMEOUT, Closes, Closing, Member};
use trueup_engine::kafka::{KafkaLog, KafkaSettings, TopicNames};
use trueup_plants::Plant;

const TOPICS: [&str; 6] = ["events", "orders", "status", "gaps", "windows", "letters"];
const PATIENCE: Duration = Duration::from_secs(30);
/// Spread over the moments of a first assignment, which takes some tens of milliseconds.
const STEP: Duration = Duration::from_millis(2);
const TIMES: u32 = 50;

fn started(address: &str, disk: &Arc<SimulatedDisk>) -> Broker {
    let listener = TcpListener::bind(address).unwrap();
    let (disk, clock) = (Arc::clone(disk), Arc::new(SystemClock));
    Broker::start(BrokerConfig::default(), listener, disk, clock).unwrap()
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
    let broker = started("127.0.0.1:0", &Arc::new(SimulatedDisk::new()));
    let address = broker.address().to_string();
    prepare(&address);
    for time in 0..TIMES {
        let log = log(&address, format!("g{time}"));
        // No event to wait for: the moment itself is what is tried.
        thread::sleep(STEP * time);
        let began = Instant::now();
        drop(log);
        assert!(
            began.elapsed() < CLOSE_TIMEOUT,
            "left behind {:?} after it joined",
            STEP * time
        );
    }
}

/// A member as small as it can be: it answers at once what it polls.
#[derive(Default)]
struct Plain {
    closing: Closing,
    holds: AtomicBool,
}

impl ClientContext for Plain {}

impl Closes for Plain {
    fn closing(&self) -> &Closing {
        &self.closing
    }
}

impl ConsumerContext for Plain {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if self.closing.takes(consumer, partitions) {
            return;
        }
        assert_eq!(kind, RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
        consumer.incremental_assign(partitions).unwrap();
        self.holds.store(true, Ordering::Relaxed);
    }
}

fn joined(address: &str) -> Member<Plain> {
    let consumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("group.id", "g")
        .set("group.instance.id", "i")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("heartbeat.interval.ms", "100")
        .set("reconnect.backoff.max.ms", "100")
        .create_with_context::<_, BaseConsumer<Plain>>(Plain::default())
        .unwrap();
    consumer.subscribe(&["events"]).unwrap();
    consumer.into()
}

fn until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
    }
}

/// A member that holds partitions, whose group has forgotten it, and that has not served that yet.
fn forgotten() -> (Broker, Member<Plain>) {
    let disk = Arc::new(SimulatedDisk::new());
    let broker = started("127.0.0.1:0", &disk);
    let address = broker.address().to_string();
    prepare(&address);
    let member = joined(&address);
    until("partitions are assigned", || {
        let _ = member.poll(Duration::from_millis(10));
        member.context().holds.load(Ordering::Relaxed)
    });
    broker.stop();
    // Members are held in memory.
    let broker = started(&address, &disk);
    until("the group has forgotten its member", || {
        thread::sleep(Duration::from_millis(10));
        member.assignment_lost()
    });
    (broker, member)
}

#[test]
fn a_member_closes_whose_group_has_forgotten_it() {
    let (_broker, member) = forgotten();
    assert!(member.close().is_ok());
}

#[test]
fn a_member_that_does_not_end_is_left_behind() {
    let (_broker, member) = forgotten();
    let closed = trueup_plants::with(Plant::ClosingSilent, || member.close());
    assert!(closed.is_err(), "the planted bug was not seen");
}
