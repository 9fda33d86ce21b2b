use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::scenario::story;

/// The signatures of each event's attempts.
type Taken = BTreeMap<String, Vec<String>>;

/// A gateway that refuses, hangs up and swallows answers before it gives in; it notes what it
/// took by event id.
fn flaky_gateway() -> (String, Arc<Mutex<Taken>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/webhooks/stripe", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(BTreeMap::new()));
    let shared = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let taken = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream, &taken));
        }
    });
    (url, taken)
}

fn serve(stream: TcpStream, taken: &Mutex<Taken>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut length = 0;
        let mut signature = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap(),
                "stripe-signature" => signature = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let event: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let id = event["id"].as_str().unwrap().to_owned();
        let at: i64 = signature[2..].split(',').next().unwrap().parse().unwrap();
        assert_eq!(
            signature,
            crate::signature::header("whsec_0123456789", at, &body)
        );
        let attempt = {
            let mut taken = taken.lock().unwrap();
            let attempts: &mut Vec<String> = taken.entry(id.clone()).or_default();
            attempts.push(signature);
            attempts.len()
        };
        match (id.len() + usize::from(id.as_bytes()[7])) % 4 {
            0 if attempt == 1 => return,
            1 if attempt <= 2 => {
                writer
                    .write_all(b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n")
                    .unwrap();
            }
            _ => {
                let answer = format!("{{\"received\":true,\"id\":\"{id}\"}}");
                let length = answer.len();
                write!(
                    writer,
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{answer}"
                )
                .unwrap();
            }
        }
    }
}

#[test]
fn every_event_is_sent_until_it_is_acknowledged() {
    let (url, taken) = flaky_gateway();
    let stories: Vec<Story> = (0..30).map(|number| story(3, number)).collect();
    let deliveries = plan(&stories, 3, 20);
    let options = SenderOptions {
        url,
        secret: "whsec_0123456789".into(),
        workers: 8,
        attempt_timeout: Duration::from_secs(5),
        backoff_first: Duration::from_millis(1),
        backoff_most: Duration::from_millis(5),
        rate_per_s: 0,
        seed: 3,
    };
    let progress = Progress::default();
    let fixtures = Fixtures::load().unwrap();
    let sent = send(&fixtures, &stories, &deliveries, &options, &progress);
    let events: usize = stories.iter().map(|story| story.events.len()).sum();
    assert_eq!(sent.acknowledged.len(), events);
    let acknowledged: u32 = sent.acknowledged.values().sum();
    assert_eq!(usize::try_from(acknowledged).unwrap(), deliveries.len());
    assert!(
        sent.attempts["503"] > 0 && sent.attempts["connection"] > 0,
        "{:?}",
        sent.attempts
    );
    assert!(sent.given_up.is_empty() && sent.wrong_answers.is_empty());
    assert_eq!(taken.lock().unwrap().len(), events);
}

#[test]
fn a_plan_holds_every_event_and_the_asked_share_twice_and_no_order_is_kept() {
    let stories: Vec<Story> = (0..500).map(|number| story(9, number)).collect();
    let events: usize = stories.iter().map(|story| story.events.len()).sum();
    let deliveries = plan(&stories, 9, 5);
    let repeats = deliveries
        .iter()
        .filter(|delivery| delivery.copy > 0)
        .count();
    assert_eq!(deliveries.len() - repeats, events);
    let share = repeats * 1000 / events;
    assert!((30..=70).contains(&share), "{share} in a thousand repeated");
    let backwards = deliveries
        .windows(2)
        .filter(|pair| pair[0].story > pair[1].story)
        .count();
    assert!(
        backwards * 3 > deliveries.len(),
        "the delivery is hardly shuffled"
    );
    assert_eq!(deliveries, plan(&stories, 9, 5));
}
