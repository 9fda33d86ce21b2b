//! The gateway on real sockets, with limits so small that nobody has to wait for them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::limits::GatewayLimits;
use crate::publish::Lane;
use crate::sign::stripe_signature;
use crate::testing::{Broker, MemoryLog, NOW_S, SECRET, gateway, secret, settings, success};

#[path = "server_tests/heads.rs"]
mod heads;

#[path = "server_tests/bodies.rs"]
mod bodies;

#[path = "server_tests/drain.rs"]
mod drain;

/// Longer than anything here takes, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// A limit that a test waits out.
const SHORT: Duration = Duration::from_millis(300);

/// A gateway at work. It stops when this is dropped, or when it is told to.
struct Server {
    address: SocketAddr,
    log: MemoryLog,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl Server {
    fn start(broker: Broker, limit: impl FnOnce(&mut GatewayLimits)) -> Self {
        let mut settings = settings();
        settings.limits.linger = SHORT;
        limit(&mut settings.limits);
        let log = MemoryLog::new(broker);
        let gateway = Arc::new(gateway(settings, &log));
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(run(gateway, listener, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            log,
            stop,
            served,
        }
    }

    fn usual() -> Self {
        Self::start(Broker::Acknowledges, |_| {})
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// What comes back, to the end, for `bytes` on a connection of their own.
    async fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.rest().await
    }
}

/// One connection.
struct Client(TcpStream);

/// One answer.
#[derive(Debug)]
struct Heard {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Heard {
    fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let code = body["error"]["code"].as_str();
        assert!(body["error"]["message"].is_string(), "{body}");
        code.unwrap().to_owned()
    }

    fn says(&self, header: &str) -> bool {
        self.head
            .to_ascii_lowercase()
            .lines()
            .any(|line| line == header)
    }
}

impl Client {
    /// A peer that closed already does not hear the rest; its answer is read afterwards.
    async fn send(&mut self, bytes: &[u8]) {
        let _closed = tokio::time::timeout(PATIENCE, self.0.write_all(bytes))
            .await
            .unwrap();
    }

    /// The next answer; what follows it stays unread.
    async fn answer(&mut self) -> Heard {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = tokio::time::timeout(PATIENCE, self.0.read_u8()).await;
            head.push(
                byte.unwrap()
                    .unwrap_or_else(|end| panic!("{end} after {head:?}")),
            );
        }
        let head = String::from_utf8(head).unwrap();
        let lower = head.to_ascii_lowercase();
        let length = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        let read = tokio::time::timeout(PATIENCE, self.0.read_exact(&mut body)).await;
        read.unwrap().unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Heard { status, head, body }
    }

    /// Everything up to the end of the connection.
    async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        read.expect("the connection stays open").unwrap();
        bytes
    }

    /// Neither an answer nor the end comes within `time`.
    async fn is_silent_for(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.0.peek(&mut [0]))
            .await
            .is_err()
    }
}

/// A request with `body` and its signature; `framing` says how long the body is.
fn head_for(body: &[u8], framing: &str) -> String {
    let signature = stripe_signature(&secret(SECRET), NOW_S, body);
    format!(
        "POST /webhooks/stripe HTTP/1.1\r\nHost: shop\r\nStripe-Signature: {signature}\r\n{framing}\r\n\r\n"
    )
}

/// A whole delivery of the success.
fn delivery() -> Vec<u8> {
    let body = success().to_string();
    let head = head_for(body.as_bytes(), &format!("Content-Length: {}", body.len()));
    [head.as_bytes(), body.as_bytes()].concat()
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = Server::usual();
    let mut client = server.connect().await;
    for deliveries in 1..=3 {
        client.send(&delivery()).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(server.log.records().len(), deliveries * 3);
    }
}

#[tokio::test]
async fn requests_sent_without_waiting_are_answered_in_their_order() {
    let server = Server::usual();
    let mut client = server.connect().await;
    let elsewhere = b"GET /webhooks/stripe HTTP/1.1\r\nHost: shop\r\n\r\n";
    client
        .send(&[&delivery()[..], elsewhere, &delivery()].concat())
        .await;
    let statuses = [
        client.answer().await.status,
        client.answer().await.status,
        client.answer().await.status,
    ];
    assert_eq!(statuses, [200, 405, 200]);
}

#[tokio::test]
async fn what_follows_a_refused_body_is_not_taken_for_a_request() {
    let server = Server::usual();
    let smuggled = delivery();
    let head = format!(
        "POST /elsewhere HTTP/1.1\r\nHost: shop\r\nContent-Length: {}\r\n\r\n",
        smuggled.len()
    );
    let mut client = server.connect().await;
    client.send(&[head.as_bytes(), &smuggled].concat()).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    assert!(answer.says("connection: close"), "{}", answer.head);
    assert_eq!(client.rest().await, b"");
    assert!(server.log.records().is_empty());
}

#[tokio::test]
async fn an_http_1_0_request_and_a_head_request_are_answered() {
    let server = Server::usual();
    let old = String::from_utf8(delivery())
        .unwrap()
        .replacen("HTTP/1.1", "HTTP/1.0", 1);
    let mut client = server.connect().await;
    client.send(old.as_bytes()).await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.rest().await, b"");
    let asked = server
        .exchange(b"HEAD /webhooks/stripe HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n")
        .await;
    let asked = String::from_utf8(asked).unwrap().to_ascii_lowercase();
    assert!(
        asked.starts_with("http/1.1 405 ") && asked.contains("\r\nallow: post\r\n"),
        "{asked}"
    );
    assert!(asked.ends_with("\r\n\r\n"), "{asked}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_in_use_is_not() {
    let server = Server::start(Broker::Acknowledges, |limits| limits.idle = SHORT);
    let mut client = server.connect().await;
    client.send(&delivery()).await;
    assert_eq!(client.answer().await.status, 200);
    let idle_since = Instant::now();
    assert_eq!(client.rest().await, b"");
    assert!(
        idle_since.elapsed() >= SHORT / 2,
        "{:?}",
        idle_since.elapsed()
    );

    let server = Server::start(Broker::Waits, |limits| {
        limits.idle = SHORT;
        limits.header_read = SHORT;
    });
    let mut client = server.connect().await;
    client.send(&delivery()).await;
    assert!(client.is_silent_for(SHORT * 2).await);
    server.log.release();
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_for_one_to_end() {
    let server = Server::start(Broker::Acknowledges, |limits| limits.connections = 1);
    let mut first = server.connect().await;
    first.send(&delivery()).await;
    assert_eq!(first.answer().await.status, 200);
    let mut second = server.connect().await;
    second.send(&delivery()).await;
    assert!(second.is_silent_for(SHORT).await);
    drop(first);
    assert_eq!(second.answer().await.status, 200);
    assert_eq!(
        server
            .log
            .lanes()
            .iter()
            .filter(|lane| **lane == Lane::Events)
            .count(),
        2
    );
}
