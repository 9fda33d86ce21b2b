//! What services acknowledged outlives `kill -9`. These tests start services of their own.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use trueup_testkit::{
    Cassandra, CassandraOptions, Kafka, KafkaOptions, committed_records, create_topic,
};

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn own_kafka_keeps_committed_records_over_a_crash_and_never_shows_uncommitted_ones() {
    let mut kafka = Kafka::start(&KafkaOptions::default()).unwrap();
    let bootstrap = kafka.bootstrap().to_owned();
    create_topic(&bootstrap, "t", 2, &[]);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &bootstrap)
        .set("transactional.id", "crash")
        .create()
        .unwrap();
    producer.init_transactions(LIMIT).unwrap();
    let send = |payload: &str| {
        let record = BaseRecord::to("t").partition(1).key("k").payload(payload);
        producer.send(record).map_err(|(fault, _)| fault).unwrap();
        producer.flush(LIMIT).unwrap();
    };
    producer.begin_transaction().unwrap();
    send("committed");
    producer.commit_transaction(LIMIT).unwrap();
    producer.begin_transaction().unwrap();
    send("aborted");
    producer.abort_transaction(LIMIT).unwrap();

    kafka.kill();
    let dead = std::net::TcpStream::connect(&bootstrap);
    assert!(dead.is_err(), "a killed broker still listens");
    kafka.restart().unwrap();
    assert_eq!(kafka.bootstrap(), bootstrap);

    let records = committed_records(&bootstrap, "t", LIMIT);
    let payloads: Vec<_> = records
        .iter()
        .map(|record| (record.partition, record.payload.as_deref()))
        .collect();
    assert_eq!(payloads, [(1, Some(&b"committed"[..]))]);
    let directory = kafka.directory().to_owned();
    drop(kafka);
    assert!(!directory.exists());
}

#[test]
fn own_cassandra_keeps_every_acknowledged_write_over_a_crash() {
    let mut cassandra = Cassandra::start(&CassandraOptions::default()).unwrap();
    let mut cql = cql::Connection::open(cassandra.address());
    cql.run(
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    );
    cql.run("CREATE TABLE k.t (id int PRIMARY KEY)");
    for id in 0..500 {
        cql.run(&format!("INSERT INTO k.t (id) VALUES ({id})"));
    }
    cassandra.kill();
    cassandra.restart().unwrap();
    let mut cql = cql::Connection::open(cassandra.address());
    assert_eq!(cql.rows("SELECT id FROM k.t"), 500);
}

/// Just enough of CQL to write and count: the driver is the business of another crate.
mod cql {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    const STARTUP: u8 = 0x01;
    const QUERY: u8 = 0x07;
    const ERROR: u8 = 0x00;
    const ROWS: i32 = 0x0002;
    const LOCAL_ONE: [u8; 2] = [0x00, 0x0a];

    pub(crate) struct Connection(TcpStream);

    impl Connection {
        pub(crate) fn open(address: &str) -> Self {
            let mut connection = Self(TcpStream::connect(address).expect("cql"));
            let mut body = vec![0, 1];
            for text in ["CQL_VERSION", "3.0.0"] {
                body.extend(u16::try_from(text.len()).expect("cql").to_be_bytes());
                body.extend(text.as_bytes());
            }
            connection.call(STARTUP, &body);
            connection
        }

        pub(crate) fn run(&mut self, statement: &str) -> Vec<u8> {
            let mut body = i32::try_from(statement.len())
                .expect("cql")
                .to_be_bytes()
                .to_vec();
            body.extend(statement.as_bytes());
            body.extend(LOCAL_ONE);
            body.push(0);
            self.call(QUERY, &body)
        }

        /// How many rows of one column a statement answers.
        pub(crate) fn rows(&mut self, statement: &str) -> i32 {
            let answer = self.run(statement);
            let int = |at: usize| i32::from_be_bytes(answer[at..at + 4].try_into().expect("cql"));
            assert_eq!(int(0), ROWS);
            // Metadata: flags (the table named once), columns, keyspace, table, name, type.
            assert_eq!((int(4), int(8)), (1, 1));
            let mut at = 12;
            for _ in 0..3 {
                at += 2 + usize::from(u16::from_be_bytes([answer[at], answer[at + 1]]));
            }
            int(at + 2)
        }

        fn call(&mut self, opcode: u8, body: &[u8]) -> Vec<u8> {
            let mut frame = vec![0x04, 0, 0, 0, opcode];
            frame.extend(u32::try_from(body.len()).expect("cql").to_be_bytes());
            frame.extend(body);
            self.0.write_all(&frame).expect("cql");
            let mut head = [0; 9];
            self.0.read_exact(&mut head).expect("cql");
            let length = u32::from_be_bytes(head[5..].try_into().expect("cql"));
            let mut answer = vec![0; usize::try_from(length).expect("cql")];
            self.0.read_exact(&mut answer).expect("cql");
            assert_ne!(head[4], ERROR, "{}", String::from_utf8_lossy(&answer));
            answer
        }
    }
}
