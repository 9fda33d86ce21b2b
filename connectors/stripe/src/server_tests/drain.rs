//! The way out: what is in flight is answered, what is new is refused, and there is an end.

use super::*;

#[tokio::test]
async fn a_stop_answers_what_is_in_flight_and_refuses_what_is_new() {
    let server = Server::start(Broker::Waits, |limits| limits.drain_linger = SHORT);
    let mut in_flight = server.connect().await;
    let mut kept = server.connect().await;
    kept.send(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n").await;
    assert_eq!(kept.answer().await.status, 404);
    in_flight.send(&delivery()).await;
    while server.log.records().is_empty() {
        tokio::task::yield_now().await;
    }
    let (log, address) = (server.log, server.address);
    server.stop.send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    // As long as something is in flight, whoever is connected is answered.
    assert!(kept.is_silent_for(SHORT * 2).await);
    kept.send(&delivery()).await;
    let refused = kept.answer().await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "draining"));
    assert!(
        refused.says("retry-after: 5") && refused.says("connection: close"),
        "{}",
        refused.head
    );
    log.release();
    assert_eq!(in_flight.answer().await.status, 200);
    let served = tokio::time::timeout(PATIENCE, server.served).await;
    assert!(served.unwrap().unwrap().is_ok());
    assert_eq!(in_flight.rest().await, b"");
    assert_eq!(log.records().len(), 3);
}

#[tokio::test]
async fn a_body_under_way_at_the_stop_is_taken_to_its_end() {
    let server = Server::usual();
    let delivery = delivery();
    let mut client = server.connect().await;
    // The interim answer tells that the request is in flight.
    let text = String::from_utf8(delivery).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    client
        .send(format!("{head}\r\nExpect: 100-continue\r\n\r\n").as_bytes())
        .await;
    assert_eq!(client.answer().await.status, 100);
    server.stop.send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    client.send(body.as_bytes()).await;
    assert_eq!(client.answer().await.status, 200);
    let served = tokio::time::timeout(PATIENCE, server.served).await;
    assert!(served.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_stop() {
    let server = Server::usual();
    let (mut silent, mut begun) = (server.connect().await, server.connect().await);
    begun.send(b"POST /webhooks").await;
    let mut kept = server.connect().await;
    kept.send(&delivery()).await;
    assert_eq!(kept.answer().await.status, 200);
    let stopping = Instant::now();
    server.stop.send(()).unwrap();
    for client in [&mut kept, &mut silent, &mut begun] {
        assert_eq!(client.rest().await, b"");
    }
    let served = tokio::time::timeout(PATIENCE, server.served).await;
    assert!(served.unwrap().unwrap().is_ok());
    assert!(
        stopping.elapsed() < Duration::from_secs(10),
        "{:?}",
        stopping.elapsed()
    );
}

#[tokio::test]
async fn the_grace_ends_a_stop_that_a_silent_broker_would_hold_up() {
    let server = Server::start(Broker::Waits, |limits| limits.drain = SHORT);
    let mut client = server.connect().await;
    client.send(&delivery()).await;
    while server.log.records().is_empty() {
        tokio::task::yield_now().await;
    }
    let stopping = Instant::now();
    server.stop.send(()).unwrap();
    let served = tokio::time::timeout(PATIENCE, server.served).await;
    assert!(served.unwrap().unwrap().is_ok());
    assert!(
        stopping.elapsed() < Duration::from_secs(8),
        "{:?}",
        stopping.elapsed()
    );
    // Nobody was told yes.
    assert_eq!(client.rest().await, b"");
}
