//! Bodies: slow ones, large ones, in chunks, announced, framed in ways that make no sense.

use super::*;
use crate::limits::MAX_BODY_BYTES;

const TOO_LARGE: &str = "Content-Length: 1048577";

/// `body` in chunks of `size` bytes.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

async fn answered(server: &Server, head: &str, body: &[u8]) -> Heard {
    let mut client = server.connect().await;
    client.send(&[head.as_bytes(), body].concat()).await;
    client.answer().await
}

#[tokio::test]
async fn a_body_in_chunks_is_taken_byte_for_byte() {
    let server = Server::usual();
    let body = success().to_string();
    let head = head_for(body.as_bytes(), "Transfer-Encoding: chunked");
    for size in [1, 7, 4096] {
        let answer = answered(&server, &head, &chunked(body.as_bytes(), size)).await;
        assert_eq!(answer.status, 200, "{size}");
    }
    assert_eq!(server.log.records().len(), 9);
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_408_and_ends_the_connection() {
    let server = Server::start(Broker::Acknowledges, |limits| limits.body_read = SHORT);
    let delivery = delivery();
    let mut client = server.connect().await;
    client.send(&delivery[..delivery.len() - 1]).await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (408, "body_timeout")
    );
    assert!(answer.says("connection: close"), "{}", answer.head);
    client.send(&delivery[delivery.len() - 1..]).await;
    assert_eq!(client.rest().await, b"");
    assert!(server.log.records().is_empty());
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_no_topic_and_harms_nobody() {
    let server = Server::usual();
    let delivery = delivery();
    let mut client = server.connect().await;
    client.send(&delivery[..delivery.len() - 1]).await;
    client.0.shutdown().await.unwrap();
    let _whatever = client.rest().await;
    assert!(server.log.records().is_empty());
    let mut client = server.connect().await;
    client.send(&delivery).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_before_it_is_sent() {
    let server = Server::usual();
    let answer = answered(&server, &head_for(b"", TOO_LARGE), b"").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "body_too_large")
    );
    assert!(answer.says("connection: close"), "{}", answer.head);
    for uncountable in [
        "Content-Length: 18446744073709551615",
        "Content-Length: 18446744073709551614",
    ] {
        let answer = answered(&server, &head_for(b"", uncountable), b"x").await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "body_too_large")
        );
    }
}

#[tokio::test]
async fn the_answer_to_a_body_that_is_too_large_reaches_a_sender_that_goes_on_sending() {
    let server = Server::start(Broker::Acknowledges, |limits| {
        limits.linger = PATIENCE;
        limits.linger_bytes = usize::MAX;
    });
    // More than the buffers of a socket hold.
    let body = vec![b'x'; 32 * MAX_BODY_BYTES];
    let length = head_for(b"", &format!("Content-Length: {}", body.len()));
    let chunks = head_for(b"", "Transfer-Encoding: chunked");
    for (head, sent) in [(length, body.clone()), (chunks, chunked(&body, 64 * 1024))] {
        let mut client = server.connect().await;
        // All of it is read: a connection closed before would be reset, and the answer lost.
        let all = [head.as_bytes(), &sent].concat();
        let sent = tokio::time::timeout(PATIENCE, client.0.write_all(&all)).await;
        assert!(sent.unwrap().is_ok());
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "body_too_large")
        );
        assert_eq!(client.rest().await, b"");
    }
}

#[tokio::test]
async fn a_sender_that_asks_first_is_told_to_go_on_or_why_not() {
    let server = Server::usual();
    let body = success().to_string();
    let framing = format!("Content-Length: {}\r\nExpect: 100-continue", body.len());
    let mut client = server.connect().await;
    client
        .send(head_for(body.as_bytes(), &framing).as_bytes())
        .await;
    assert_eq!(client.answer().await.head, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(body.as_bytes()).await;
    assert_eq!(client.answer().await.status, 200);

    let framing = format!("{TOO_LARGE}\r\nExpect: 100-continue");
    let answer = answered(&server, &head_for(b"", &framing), b"").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "body_too_large")
    );
    let elsewhere = head_for(b"", &framing).replace("/webhooks/stripe", "/elsewhere");
    assert_eq!(answered(&server, &elsewhere, b"").await.status, 404);
}

#[tokio::test]
async fn framing_that_makes_no_sense_is_refused_and_the_connection_closed() {
    let server = Server::usual();
    for framing in [
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: x",
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 99999999999999999999999",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
    ] {
        let mut client = server.connect().await;
        client.send(head_for(b"", framing).as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "bad_framing"),
            "{framing}"
        );
        assert_eq!(client.rest().await, b"");
    }
    let head = head_for(b"", "Transfer-Encoding: chunked");
    for chunks in ["x\r\n", "-1\r\n", "2\r\nabc\r\n", "fffffffffffffffff\r\n"] {
        let answer = answered(&server, &head, chunks.as_bytes()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "body_broken"),
            "{chunks}"
        );
    }
    assert!(server.log.records().is_empty());
}
