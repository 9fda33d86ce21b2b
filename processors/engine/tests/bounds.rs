//! A log's bounds are right or not told, also while the broker answers now and then with an error.

#![cfg(test)]

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use trueup_broker::Broker;
use trueup_broker::clock::SystemClock;
use trueup_broker::code::Code;
use trueup_broker::config::BrokerConfig;
use trueup_broker::disk::SimulatedDisk;
use trueup_broker::faults::{Fault, Rule};
use trueup_engine::kafka::{KafkaLog, KafkaSettings, TopicNames};
use trueup_engine::ports::log::{Input, Log, Source};

const RECORDS: i64 = 3;
const PATIENCE: Duration = Duration::from_secs(20);
/// Enough for the two answers to come close together now and then.
const QUESTIONS: u32 = 40;

fn topics() -> TopicNames {
    TopicNames {
        events: "events".into(),
        orders: "orders".into(),
        status: "status".into(),
        gaps: "gaps".into(),
        windows: "windows".into(),
        dead_letters: "letters".into(),
    }
}

fn started() -> Broker {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let disk = Arc::new(SimulatedDisk::new());
    let settings = BrokerConfig::default();
    Broker::start(settings, listener, disk, Arc::new(SystemClock)).unwrap()
}

fn prepare(client: &ClientConfig) {
    let admin: AdminClient<DefaultClientContext> = client.create().unwrap();
    let names = ["events", "orders", "status", "gaps", "windows", "letters"];
    let topics = names.map(|name| NewTopic::new(name, 1, TopicReplication::Fixed(1)));
    let made = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(admin.create_topics(&topics, &AdminOptions::new()));
    assert!(made.unwrap().iter().all(Result::is_ok));
    let producer: BaseProducer = client.create().unwrap();
    for _ in 0..RECORDS {
        let record = BaseRecord::<str, str>::to("events").key("k").payload("v");
        producer.send(record).map_err(|(fault, _)| fault).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

#[test]
fn bounds_are_never_taken_from_the_one_answer_that_was_no_error() {
    let broker = started();
    let mut client = ClientConfig::new();
    let address = broker.address().to_string();
    client.set("bootstrap.servers", &address);
    prepare(&client);
    let mut log = KafkaLog::connect(KafkaSettings {
        client: vec![("bootstrap.servers".into(), address)],
        group: "g".into(),
        instance: "i".into(),
        transactional_id: "t".into(),
        topics: topics(),
    })
    .unwrap();
    let rule = Rule::on("ListOffsets", Fault::Refuse(Code::ReplicaNotAvailable)).unwrap();
    let placed = broker.faults().add(rule.every(3));
    let mut told = 0;
    for _ in 0..QUESTIONS {
        if let Ok(bounds) = log.bounds(Source::Input(Input::Events), 0) {
            assert_eq!(bounds, (0, RECORDS));
            told += 1;
        }
    }
    assert!(told > 0 && placed.hits() > 10, "{told} answers");
}
