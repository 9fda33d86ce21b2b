//! As much of Confluent's registry as the binary asks of one.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Schemas by subject; ids count up from 1 by distinct text. Serves until the process ends.
#[derive(Clone, Default)]
pub(crate) struct StubRegistry {
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    schemas: Vec<String>,
    subjects: BTreeMap<String, Vec<usize>>,
}

impl StubRegistry {
    /// Starts it, and says its URL.
    pub(crate) fn start() -> (Self, String) {
        let registry = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = registry.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                served.answer(stream.unwrap());
            }
        });
        (registry, url)
    }

    pub(crate) fn subjects(&self) -> Vec<String> {
        self.held.lock().unwrap().subjects.keys().cloned().collect()
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut request = String::new();
        reader.read_line(&mut request).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut words = request.split_whitespace();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let (status, answer) = self.held.lock().unwrap().answer(method, path, &body);
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}", answer.len());
        write!(stream, "{head}\r\nConnection: close\r\n\r\n{answer}").unwrap();
    }
}

impl Held {
    fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, &parts[..]) {
            ("POST", ["subjects", subject, "versions"]) => {
                let id = self.id(body);
                let ids = self.subjects.entry((*subject).to_owned()).or_default();
                if !ids.contains(&id) {
                    ids.push(id);
                }
                (200, json!({"id": id}))
            }
            ("POST", ["subjects", subject]) => {
                let id = self.id(body);
                match self.subjects.get(*subject) {
                    Some(ids) if ids.contains(&id) => (200, json!({"id": id, "version": 1})),
                    _ => (404, json!({"error_code": 40401, "message": "not found"})),
                }
            }
            ("GET", ["subjects", subject, "versions"]) => {
                let count = self.subjects[*subject].len();
                (200, json!((1..=count).collect::<Vec<_>>()))
            }
            ("GET", ["subjects", subject, "versions", number]) => {
                let id = self.subjects[*subject][number.parse::<usize>().unwrap() - 1];
                (200, json!({"id": id, "schema": self.schemas[id - 1]}))
            }
            other => panic!("{other:?}"),
        }
    }

    fn id(&mut self, body: &[u8]) -> usize {
        let body: Value = serde_json::from_slice(body).unwrap();
        let schema = body["schema"].as_str().unwrap();
        let known = self.schemas.iter().position(|known| known == schema);
        known.unwrap_or_else(|| {
            self.schemas.push(schema.to_owned());
            self.schemas.len() - 1
        }) + 1
    }
}
