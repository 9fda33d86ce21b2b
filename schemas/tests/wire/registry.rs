//! The registry client against a registry of one thread, whose answers are set by the test.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use trueup_schemas::codec::Codec;
use trueup_schemas::kind::RecordKind;
use trueup_schemas::records::{GapSetRecord, PartitionState};
use trueup_schemas::registry::{Registry, RegistryFault, subjects};
use trueup_schemas::topics::Topics;

use crate::support::Samples as _;

/// What the stub holds and what it was asked.
#[derive(Default)]
struct Shelf {
    /// Subject to schema ids; ids count up from 1 by distinct schema text.
    subjects: HashMap<String, Vec<usize>>,
    schemas: Vec<String>,
    authorizations: Vec<Option<String>>,
    posts: usize,
    /// Answers everything so, if set.
    always: Option<(u16, String)>,
}

impl Shelf {
    fn id(&mut self, schema: &str) -> usize {
        let known = self.schemas.iter().position(|known| known == schema);
        known.unwrap_or_else(|| {
            self.schemas.push(schema.to_owned());
            self.schemas.len() - 1
        }) + 1
    }

    fn answer(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        if let Some(always) = &self.always {
            return always.clone();
        }
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, &parts[..]) {
            ("POST", ["subjects", subject, "versions"]) => {
                self.posts += 1;
                let body: serde_json::Value = serde_json::from_str(body).unwrap();
                let id = self.id(body["schema"].as_str().unwrap());
                let ids = self.subjects.entry((*subject).to_owned()).or_default();
                if !ids.contains(&id) {
                    ids.push(id);
                }
                (200, format!(r#"{{"id":{id}}}"#))
            }
            ("POST", ["subjects", subject]) => {
                let body: serde_json::Value = serde_json::from_str(body).unwrap();
                let id = self.id(body["schema"].as_str().unwrap());
                match self.subjects.get(*subject) {
                    Some(ids) if ids.contains(&id) => {
                        (200, format!(r#"{{"id":{id},"version":1}}"#))
                    }
                    _ => (
                        404,
                        r#"{"error_code":40401,"message":"Subject not found."}"#.to_owned(),
                    ),
                }
            }
            ("GET", ["subjects", subject, "versions"]) => {
                let count = self.subjects[*subject].len();
                (
                    200,
                    serde_json::to_string(&(1..=count).collect::<Vec<_>>()).unwrap(),
                )
            }
            ("GET", ["subjects", subject, "versions", number]) => {
                let id = self.subjects[*subject][number.parse::<usize>().unwrap() - 1];
                let schema = &self.schemas[id - 1];
                (
                    200,
                    serde_json::json!({ "id": id, "schema": schema }).to_string(),
                )
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Serves until the process ends; each test has a listener of its own.
fn serve(shelf: Arc<Mutex<Shelf>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer_one(stream.unwrap(), &shelf);
        }
    });
    address
}

fn answer_one(mut stream: TcpStream, shelf: &Mutex<Shelf>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        head.iter().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut request = head[0].split(' ');
    let (method, path) = (request.next().unwrap(), request.next().unwrap());
    let (status, answer) = {
        let mut shelf = shelf.lock().unwrap();
        shelf.authorizations.push(header("authorization"));
        shelf.answer(method, path, std::str::from_utf8(&body).unwrap())
    };
    // The client may hang up early, over a body that is too long.
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    );
}

fn answering(status: u16, body: &str) -> Registry {
    let shelf = Shelf {
        always: Some((status, body.to_owned())),
        ..Shelf::default()
    };
    Registry::new(&format!("http://{}", serve(Arc::new(Mutex::new(shelf))))).unwrap()
}

#[test]
fn what_is_registered_once_can_be_fetched_by_every_other_process() {
    let shelf = Arc::new(Mutex::new(Shelf::default()));
    let registry = Registry::new(&format!("http://{}/", serve(shelf.clone()))).unwrap();
    let topics = Topics::new("eu.");
    let fault = registry.fetch(&topics).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "subject `eu.payments.events-value` does not hold our schema; run `trueup topics apply`"
    );
    let registered = registry.register_all(&topics).unwrap();
    let fetched = registry.fetch(&topics).unwrap();
    for kind in RecordKind::ALL {
        assert_eq!(registered.written(*kind), fetched.written(*kind));
        assert_eq!(
            fetched.written(*kind).is_some(),
            *kind != RecordKind::Ledger
        );
    }
    let (writer, reader) = (
        Codec::Confluent(Arc::new(registered)),
        Codec::Confluent(Arc::new(fetched)),
    );
    for gaps in GapSetRecord::samples() {
        assert_eq!(
            reader.decode::<GapSetRecord>(&writer.encode(&gaps)),
            Ok(gaps)
        );
    }
    for state in PartitionState::samples() {
        assert_eq!(
            reader.decode::<PartitionState>(&writer.encode(&state)),
            Ok(state)
        );
    }
    assert_eq!(shelf.lock().unwrap().posts, subjects(&topics).len());
}

#[test]
fn every_topic_has_its_subject_and_the_state_record_one_of_its_own() {
    let names: Vec<String> = subjects(&Topics::new(""))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "payments.events-value",
            "payments.bodies-value",
            "payments.unlinked-value",
            "payments.links-value",
            "orders-value",
            "orders.status-value",
            "payments.gaps-value",
            "payments.windows-value",
            "payments.dead-letters-value",
            "payments.windows-trueup.v1.PartitionState",
        ]
    );
}

#[test]
fn credentials_of_the_address_are_sent_and_never_shown() {
    let shelf = Arc::new(Mutex::new(Shelf::default()));
    let address = format!("http://user:pa%40ss@{}", serve(shelf.clone()));
    let registry = Registry::new(&address).unwrap();
    registry.register_all(&Topics::new("")).unwrap();
    let shelf = shelf.lock().unwrap();
    assert!(!shelf.authorizations.is_empty());
    // base64 of user:pa@ss
    let expected = Some("Basic dXNlcjpwYUBzcw==".to_owned());
    assert!(shelf.authorizations.iter().all(|sent| *sent == expected));
    assert!(!format!("{registry:?}").contains("pa"), "{registry:?}");
}

#[test]
fn an_incompatible_schema_is_told_in_the_registrys_words() {
    let registry = answering(
        409,
        r#"{"error_code":409,"message":"Schema being registered is incompatible"}"#,
    );
    let fault = registry.register_all(&Topics::new("")).unwrap_err();
    assert_eq!(
        fault,
        RegistryFault::Incompatible {
            subject: "payments.events-value".to_owned(),
            reason: "Schema being registered is incompatible".to_owned(),
        }
    );
}

#[test]
fn answers_that_make_no_sense_are_faults() {
    let topics = Topics::new("");
    let fault = |status, body: &str| answering(status, body).register_all(&topics).unwrap_err();
    assert!(matches!(
        fault(401, "{}"),
        RegistryFault::Unauthorized { .. }
    ));
    assert!(matches!(
        fault(302, ""),
        RegistryFault::Refused { status: 302, .. }
    ));
    assert!(matches!(
        fault(500, "oops"),
        RegistryFault::Refused { status: 500, .. }
    ));
    assert!(matches!(
        fault(200, "oops"),
        RegistryFault::BadAnswer { .. }
    ));
    assert!(matches!(
        fault(200, r#"{"id":-1}"#),
        RegistryFault::BadAnswer { .. }
    ));
    let long = format!(r#"{{"id":1,"x":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    assert!(matches!(
        fault(200, &long),
        RegistryFault::Unreachable { .. }
    ));
}

#[test]
fn a_registry_that_is_not_there_is_named_without_credentials() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let registry = Registry::new(&format!("http://user:secret@{closed}")).unwrap();
    let text = registry.fetch(&Topics::new("")).unwrap_err().to_string();
    assert!(
        text.contains(&format!("http://{closed}")) && !text.contains("secret"),
        "{text}"
    );
}

#[test]
fn addresses_that_cannot_be_used_are_refused_at_once() {
    let fault = |url: &str| Registry::new(url).unwrap_err();
    assert_eq!(fault("https://registry:8081"), RegistryFault::NoTls);
    for url in [
        "registry:8081",
        "ftp://registry",
        "http://",
        "http://u:p@",
        "http://a b",
        "http://h/?q",
        "http://%zz@h",
    ] {
        assert_eq!(fault(url), RegistryFault::BadAddress, "{url}");
    }
}
