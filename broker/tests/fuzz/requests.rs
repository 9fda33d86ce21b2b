//! Spoiled requests do no harm but to their own connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::recorded::{PATIENCE, broker, recorder, use_all};
use crate::spoil::{Random, rounds, spoil};

const REQUESTS_PER_CONNECTION: usize = 4;
/// Far more than a broker of this size holds, far less than a length field can ask for.
const MAX_GROWTH_KIB: u64 = 512 * 1024;

/// The most memory that this process ever had, in KiB; nothing where there is no `/proc`.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

/// Sends a connection's worth, and takes what comes back while there is something.
fn offer(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    let moment = Some(Duration::from_millis(5));
    stream.set_read_timeout(moment).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // The broker may close before it has all; half-open ones are what is left behind.
    let _ = stream.write_all(bytes);
    let mut answer = [0; 4096];
    while matches!(stream.read(&mut answer), Ok(1..)) {}
}

/// A length, for the most part the right one, and the frame.
fn framed(random: &mut Random, frame: &[u8]) -> Vec<u8> {
    let mut length = u32::try_from(frame.len()).unwrap();
    match random.below(12) {
        0 => length ^= 1 << random.below(32),
        1 => length = length.saturating_sub(1),
        _ => {}
    }
    [&length.to_be_bytes(), frame].concat()
}

/// Somebody who minds his own business meanwhile.
struct Bystander {
    producer: BaseProducer,
    written: usize,
}

impl Bystander {
    fn new(address: &str) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", address)
            .set("client.id", "bystander")
            .set("message.timeout.ms", "20000")
            .create()
            .unwrap();
        Self {
            producer,
            written: 0,
        }
    }

    fn writes(&mut self) {
        let record: BaseRecord<'_, str, str> =
            BaseRecord::to("c").partition(0).key("mine").payload("safe");
        let sent = self.producer.send(record);
        sent.map_err(|(fault, _)| fault).unwrap();
        let flushed = self.producer.flush(PATIENCE);
        flushed.unwrap_or_else(|fault| panic!("after {} records: {fault}", self.written));
        self.written += 1;
    }
}

#[test]
fn spoiled_requests_of_librdkafka_close_their_own_connection_at_most() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let through = listener.local_addr().unwrap();
    let broker = broker(directory.path(), Some(through.port())).unwrap();
    let address = broker.address();
    let frames = recorder(listener, address);
    use_all(&through.to_string());
    let mut bystander = Bystander::new(&through.to_string());
    bystander.writes();

    let frames = frames.lock().unwrap().clone();
    assert!(frames.len() > 60, "{} requests recorded", frames.len());
    // Requests about the topic of the bystander could rightly do it harm.
    let foreign: Vec<&Vec<u8>> = frames
        .iter()
        .filter(|frame| !matches!(frame[..2], [0, 19..=21] | [0, 33] | [0, 37] | [0, 44]))
        .collect();
    let apis: std::collections::BTreeSet<u8> = foreign.iter().map(|frame| frame[1]).collect();
    assert!(apis.len() >= 15, "APIs recorded: {apis:?}");
    let before_kib = peak_kib();
    let mut random = Random::of("requests");
    for round in 0..rounds(1_500) {
        let mut bytes = Vec::new();
        for _ in 0..=random.below(REQUESTS_PER_CONNECTION) {
            let mut frame = (*random.pick(&foreign)).clone();
            let other = (*random.pick(&foreign)).clone();
            spoil(&mut random, &mut frame, &other);
            bytes.extend(framed(&mut random, &frame));
        }
        offer(address, &bytes);
        if round % 50 == 0 {
            bystander.writes();
        }
    }
    bystander.writes();
    let grown_kib = peak_kib().saturating_sub(before_kib);
    assert!(grown_kib < MAX_GROWTH_KIB, "{grown_kib} KiB more");
    broker.stop();
}
