//! Heads: slow ones, large ones, and bytes that are none.

use super::*;
use crate::limits::{MAX_HEADER_BYTES, MAX_HEADER_FIELDS, MAX_READ_BUFFER_BYTES};

/// A request without a body whose head has `bytes` bytes.
fn head_of(bytes: usize) -> Vec<u8> {
    let (begin, end) = ("POST /webhooks/stripe HTTP/1.1\r\nX: ", "\r\n\r\n");
    let padding = "x".repeat(bytes - begin.len() - end.len());
    format!("{begin}{padding}{end}").into_bytes()
}

fn fields(count: usize) -> Vec<u8> {
    let fields: String = (0..count)
        .map(|number| format!("X-{number}: 1\r\n"))
        .collect();
    format!("POST /webhooks/stripe HTTP/1.1\r\n{fields}\r\n").into_bytes()
}

async fn answered(bytes: &[u8]) -> (u16, String) {
    let server = Server::usual();
    let mut client = server.connect().await;
    client.send(bytes).await;
    let answer = client.answer().await;
    (answer.status, answer.code())
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_closed_without_an_answer() {
    let server = Server::start(Broker::Acknowledges, |limits| limits.header_read = SHORT);
    for begun in [
        &b""[..],
        b"P",
        b"POST /webhooks/stripe HTTP/1.1\r\nHost: sh",
    ] {
        let started = Instant::now();
        assert_eq!(server.exchange(begun).await, b"");
        assert!(started.elapsed() >= SHORT / 2, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_gets_no_more_time() {
    let server = Server::start(Broker::Acknowledges, |limits| limits.header_read = SHORT);
    let mut client = server.connect().await;
    let started = Instant::now();
    let mut pace = tokio::time::interval(SHORT / 10);
    for byte in delivery() {
        pace.tick().await;
        if client.0.write_all(&[byte]).await.is_err() {
            break;
        }
    }
    assert!(started.elapsed() < SHORT * 20, "{:?}", started.elapsed());
    assert!(server.log.records().is_empty());
}

#[tokio::test]
async fn a_second_head_has_its_own_time_and_no_more() {
    let server = Server::start(Broker::Acknowledges, |limits| limits.header_read = SHORT);
    let mut client = server.connect().await;
    client.send(&delivery()).await;
    assert_eq!(client.answer().await.status, 200);
    client.send(b"POST /webh").await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn headers_up_to_the_limits_are_taken_and_beyond_them_refused() {
    let large = || (431, "headers_too_large".to_owned());
    let unsigned = || (400, "signature_missing".to_owned());
    assert_eq!(answered(&head_of(MAX_HEADER_BYTES)).await, unsigned());
    assert_eq!(answered(&head_of(MAX_HEADER_BYTES + 1)).await, large());
    assert_eq!(answered(&fields(MAX_HEADER_FIELDS)).await, unsigned());
    assert_eq!(answered(&fields(MAX_HEADER_FIELDS + 1)).await, large());
    let path = format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(MAX_HEADER_BYTES));
    assert_eq!(answered(path.as_bytes()).await, large());
}

#[tokio::test]
async fn a_head_without_an_end_is_refused_before_it_fills_the_memory() {
    let large = || (431, "headers_too_large".to_owned());
    let path = format!("POST /{}", "x".repeat(8 * MAX_READ_BUFFER_BYTES));
    assert_eq!(answered(path.as_bytes()).await, large());
    let url = format!("POST http://shop/{}", "x".repeat(8 * MAX_READ_BUFFER_BYTES));
    assert_eq!(answered(url.as_bytes()).await, large());
    let head = head_of(8 * MAX_READ_BUFFER_BYTES);
    assert_eq!(answered(&head[..head.len() - 4]).await, large());
}

#[tokio::test]
async fn a_refused_head_behind_a_good_request_has_an_answer_of_its_own() {
    let server = Server::usual();
    let mut client = server.connect().await;
    client
        .send(&[delivery(), head_of(MAX_HEADER_BYTES + 1)].concat())
        .await;
    assert_eq!(client.answer().await.status, 200);
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (431, "headers_too_large")
    );
    assert!(answer.says("connection: close"), "{}", answer.head);
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn bytes_that_are_no_request_are_closed_without_an_answer() {
    let server = Server::usual();
    let flood = "A".repeat(4 * MAX_READ_BUFFER_BYTES);
    for bytes in [
        &b"xyzzy\r\n\r\n"[..],
        b"POST /webhooks/stripe\r\n\r\n",
        b"POST /webhooks/stripe HTTP/3.0\r\n\r\n",
        b"POST /web hooks HTTP/1.1\r\n\r\n",
        b"POST /webhooks/stripe HTTP/1.1\r\nno colon here\r\n\r\n",
        b"POST /webhooks/stripe HTTP/1.1\r\nbad name: 1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0",
        flood.as_bytes(),
    ] {
        let answer = server.exchange(bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
        assert_eq!(String::from_utf8_lossy(&answer), "", "{shown}");
    }
    // Nonsense behind a good request takes nothing from its answer.
    let mut client = server.connect().await;
    client
        .send(&[&delivery()[..], b"xyzzy\r\n\r\n"].concat())
        .await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.rest().await, b"");
}
