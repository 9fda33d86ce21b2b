//! `send`: the bytes of a file, signed as Stripe signs, and what the gateway said of them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use trueup_testkit::{WEBHOOK_SECRET, stripe_sdk_signature};

use crate::support::bench::{Bench, code, lines_of, said};

struct Request {
    line: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let found = headers.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name}: {:?}", self.headers))
    }
}

/// Answers each of `answers` once, and hands back what was asked.
fn gateway(
    answers: &'static [(u16, &'static str)],
) -> (String, std::thread::JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = std::thread::spawn(move || {
        let answer = |(status, answer): &(u16, &str)| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                head.push(line.trim().to_owned());
            }
            let mut request = Request {
                line: head.remove(0),
                headers: head,
                body: Vec::new(),
            };
            request.body = vec![0; request.header("content-length").parse().unwrap()];
            reader.read_exact(&mut request.body).unwrap();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}", answer.len());
            write!(stream, "{head}\r\nConnection: close\r\n\r\n{answer}").unwrap();
            request
        };
        answers.iter().map(answer).collect()
    });
    (address, serving)
}

const YES: (u16, &str) = (200, "{\"received\":true,\"id\":\"evt_1\"}");

#[test]
fn a_document_is_posted_byte_for_byte_with_the_signature_that_stripes_sdk_makes() {
    let bench = Bench::named("sent");
    let pretty = b"{\n  \"id\": \"evt_1\",\n  \"object\": \"event\"\n}\n";
    let file = bench.file("event.json", pretty);
    let (address, serving) = gateway(&[YES]);
    let sent = Bench::plain()
        .args(["send", &file, "--http", &address])
        .output();
    assert_eq!(code(&sent), 0, "{}", said(&sent));
    assert!(said(&sent).contains("200 evt_1"), "{}", said(&sent));
    let requests = serving.join().unwrap();
    let request = &requests[0];
    assert_eq!(request.line, "POST /webhooks/stripe HTTP/1.1");
    assert_eq!(request.body, pretty);
    let header = request.header("stripe-signature");
    let at = header
        .strip_prefix("t=")
        .and_then(|rest| rest.split(',').next())
        .unwrap();
    let at: i64 = at.parse().unwrap();
    assert!((crate::support::shop::now_s() - at).abs() < 60, "{header}");
    let v1 = |header: &str| {
        header
            .split(',')
            .find(|part| part.starts_with("v1="))
            .map(str::to_owned)
    };
    let wanted = stripe_sdk_signature(WEBHOOK_SECRET, at, pretty).unwrap();
    assert_eq!(v1(header), v1(&wanted), "{header} is not {wanted}");
}

#[test]
fn standard_input_is_read_line_by_line_and_a_refusal_exits_1_after_the_rest() {
    const ANSWERS: &[(u16, &str)] = &[
        YES,
        (
            400,
            "{\"error\":{\"code\":\"x\",\"message\":\"the signature is wrong\"}}",
        ),
        YES,
    ];
    let (address, serving) = gateway(ANSWERS);
    let mut sending = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(["send", "-", "--json", "--http", &address])
        .env("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = "{\"id\":\"evt_1\"}\n{\"id\":\"evt_2\"}\n\n{\"id\":\"evt_3\"}\n";
    sending
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let sent = sending.wait_with_output().unwrap();
    assert_eq!(code(&sent), 1, "{}", said(&sent));
    assert_eq!(serving.join().unwrap().len(), 3);
    let told: Vec<_> = lines_of(&sent)
        .iter()
        .map(|line| (line["id"].to_string(), line["status"].as_u64().unwrap()))
        .collect();
    let wanted = [("\"evt_1\"", 200), ("\"evt_2\"", 400), ("\"evt_3\"", 200)];
    assert_eq!(told, wanted.map(|(id, status)| (id.to_owned(), status)));
    assert!(
        said(&sent).contains("the signature is wrong"),
        "{}",
        said(&sent)
    );
}

#[test]
fn nothing_that_answers_nothing_to_read_and_no_secret_fail_each_in_its_way() {
    let bench = Bench::named("unsent");
    let file = bench.file("event.json", b"{\"id\":\"evt_1\"}");
    let refused = Bench::plain()
        .args(["send", &file, "--http", "127.0.0.1:1"])
        .output();
    assert_eq!(code(&refused), 1, "{}", said(&refused));
    let missing = Bench::plain()
        .args(["send", "/no/such/file", "--http", "127.0.0.1:1"])
        .output();
    assert_eq!(code(&missing), 1, "{}", said(&missing));
    assert!(
        said(&missing).contains("/no/such/file"),
        "{}",
        said(&missing)
    );
    let secretless = Bench::plain()
        .env("STRIPE_WEBHOOK_SECRET", "")
        .args(["send", &file])
        .output();
    assert_eq!(code(&secretless), 2, "{}", said(&secretless));
}
