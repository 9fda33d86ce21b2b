//! A broker on a directory, and the requests that librdkafka makes of it, recorded on their way.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use trueup_broker::clock::SystemClock;
use trueup_broker::config::BrokerConfig;
use trueup_broker::disk::RealDisk;
use trueup_broker::{Broker, StartFault};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const MAX_RECORDED_BYTES: usize = 1024 * 1024;

/// Requests as they were framed, without their lengths.
pub(crate) type Frames = Arc<Mutex<Vec<Vec<u8>>>>;

/// A broker that tells clients another port than it listens on, where there is one.
pub(crate) fn broker(directory: &Path, advertised: Option<u16>) -> Result<Broker, StartFault> {
    let disk = RealDisk::new(directory)?;
    let settings = BrokerConfig {
        advertised: advertised.map(|port| ("127.0.0.1".to_owned(), port)),
        ..BrokerConfig::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Broker::start(settings, listener, Arc::new(disk), Arc::new(SystemClock))
}

/// Passes on what clients and the broker say to each other, and keeps every request.
pub(crate) fn recorder(listener: TcpListener, broker: SocketAddr) -> Frames {
    let frames = Frames::default();
    let kept = Arc::clone(&frames);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(broker).unwrap());
            let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
            let kept = Arc::clone(&kept);
            thread::spawn(move || {
                pass_requests(client, &server, &kept);
                let _ = server.shutdown(Shutdown::Both);
            });
        }
    });
    frames
}

fn pass_requests(mut client: TcpStream, mut server: &TcpStream, kept: &Frames) {
    let mut length = [0; 4];
    while client.read_exact(&mut length).is_ok() {
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        if client.read_exact(&mut frame).is_err()
            || server.write_all(&[&length[..], &frame].concat()).is_err()
        {
            return;
        }
        if frame.len() <= MAX_RECORDED_BYTES {
            kept.lock().unwrap().push(frame);
        }
    }
}

fn client(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address)
        .set("linger.ms", "0");
    config
}

/// A little of everything that librdkafka does: topics, records, transactions, a group.
pub(crate) fn use_all(address: &str) {
    let admin: AdminClient<DefaultClientContext> = client(address).create().unwrap();
    let options = AdminOptions::new();
    let topic = |name| NewTopic::new(name, 2, TopicReplication::Fixed(1));
    let compacted = topic("c").set("cleanup.policy", "compact");
    let topics = [topic("t"), compacted, topic("gone")];
    wait(admin.create_topics(&topics, &options)).unwrap();
    wait(admin.delete_topics(&["gone"], &options)).unwrap();
    wait(admin.create_partitions(&[NewPartitions::new("t", 3)], &options)).unwrap();
    wait(admin.describe_configs(&[ResourceSpecifier::Topic("t")], &options)).unwrap();

    let plain: BaseProducer = client(address)
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .create()
        .unwrap();
    write(&plain, "t", 40);
    write(&plain, "c", 10);
    let transactional: BaseProducer = client(address)
        .set("transactional.id", "w")
        .create()
        .unwrap();
    transactional.init_transactions(PATIENCE).unwrap();
    let consumer: BaseConsumer = client(address)
        .set("group.id", "g")
        .set("group.instance.id", "i")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    consumer.subscribe(&["t"]).unwrap();
    let until = Instant::now() + PATIENCE;
    let mut read = 0;
    while read < 40 {
        assert!(Instant::now() < until, "{read} records read");
        let polled = consumer.poll(Duration::from_millis(100));
        read += usize::from(polled.is_some_and(|message| message.is_ok()));
    }
    consumer.commit_consumer_state(CommitMode::Sync).unwrap();
    for commit in [true, false] {
        transactional.begin_transaction().unwrap();
        write(&transactional, "t", 10);
        let mut offsets = TopicPartitionList::new();
        let next = Offset::Offset(7);
        offsets.add_partition_offset("t", 0, next).unwrap();
        let member = consumer.group_metadata().unwrap();
        transactional
            .send_offsets_to_transaction(&offsets, &member, PATIENCE)
            .unwrap();
        if commit {
            transactional.commit_transaction(PATIENCE).unwrap();
        } else {
            transactional.abort_transaction(PATIENCE).unwrap();
        }
    }
    let mut asked = TopicPartitionList::new();
    asked.add_partition("t", 0);
    consumer.committed_offsets(asked, PATIENCE).unwrap();
    consumer.fetch_watermarks("t", 0, PATIENCE).unwrap();
    consumer.fetch_group_list(None, PATIENCE).unwrap();
    wait(admin.delete_groups(&["nobody"], &options)).unwrap();
}

fn write(producer: &BaseProducer, topic: &str, count: usize) {
    for number in 0..count {
        let (key, value) = (number.to_string(), "v".repeat(number * 20));
        let record = BaseRecord::to(topic).key(&key).payload(&value);
        producer.send(record).map_err(|(fault, _)| fault).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

/// Runs a future of the admin client, which polls itself on a thread of its own.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
