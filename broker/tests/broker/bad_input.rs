use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{PATIENCE, Running};

/// Sends bytes and gives what comes back until the broker closes.
fn answered(running: &Running, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A reset is a close too.
    let _ = stream.read_to_end(&mut answer);
    answer
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_be_bytes(), body].concat()
}

#[test]
fn nonsense_closes_its_own_connection_and_harms_nobody_else() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let producer = running.producer(&[]);
    let mut huge = vec![0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff];
    huge.extend(i32::MAX.to_be_bytes());
    let cases: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 64],
        framed(&[]),
        framed(&[0, 3]),
        framed(&[0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff]),
        framed(&[0, 0, 0, 99, 0, 0, 0, 1, 0xff, 0xff]),
        framed(&huge),
        // Metadata version 1 with a byte too few.
        framed(&[0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (number, case) in cases.iter().enumerate() {
        assert_eq!(answered(&running, case), Vec::<u8>::new(), "case {number}");
        running.send(&producer, "t", 0, &["still"]);
    }
    let read = running.values("t", 0, "read_committed");
    assert_eq!(read.len(), cases.len());
}

#[test]
fn versions_asked_for_in_a_version_of_the_future_are_told_in_the_oldest_form() {
    let running = Running::start();
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(&framed(&[0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff]))
        .unwrap();
    let mut head = [0; 14];
    stream.read_exact(&mut head).unwrap();
    // Length, correlation, error 35, and a count of APIs that is not nothing.
    assert_eq!(head[4..10], [0, 0, 0, 7, 0, 35]);
    assert_ne!(head[10..14], [0, 0, 0, 0]);
}

#[test]
fn a_damaged_batch_is_refused_and_not_kept() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    let mut body = vec![0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff];
    body.extend([0xff, 0xff]); // no transactional id
    body.extend([0, 1]); // acks
    body.extend(1_000_i32.to_be_bytes());
    body.extend(1_i32.to_be_bytes());
    body.extend([0, 1, b't']);
    body.extend(1_i32.to_be_bytes());
    body.extend(0_i32.to_be_bytes());
    body.extend(70_i32.to_be_bytes());
    let mut batch = vec![0; 70];
    batch[8..12].copy_from_slice(&58_i32.to_be_bytes());
    batch[16] = 2;
    body.extend(batch);
    let mut stream = TcpStream::connect(running.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&framed(&body)).unwrap();
    let mut answer = [0; 4 + 4 + 4 + 3 + 4 + 4 + 2];
    stream.read_exact(&mut answer).unwrap();
    assert_ne!(answer[23..25], [0, 0]);
    assert!(running.values("t", 0, "read_uncommitted").is_empty());
}
