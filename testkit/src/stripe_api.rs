//! A stand-in for Stripe's API: it lists the events and shows the payments that a test gave it,
//! with Stripe's paging and filters, and answers badly where it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::limits::{STAND_IN_IDLE, STRIPE_API_REQUEST_BYTES};

/// The only key that the stand-in takes.
pub const API_KEY: &str = "sk_test_0123456789abcdef";

/// How a request is answered instead of as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiTrouble {
    /// This status, with an error of Stripe's form.
    Status(u16),
    /// 429 with `Retry-After` of so many seconds.
    Limited { retry_after_s: u64 },
    /// 200, and no JSON.
    Garbage,
    /// The connection is held open in silence.
    Silence,
    /// The answer breaks off in its middle.
    Half,
    /// 200 with so many bytes.
    Huge { bytes: usize },
    /// 302 to another place.
    Redirect,
    /// A list that has more and gives the same page for ever.
    Circles,
}

/// A running stand-in. Its threads end with the process.
#[derive(Debug, Clone)]
pub struct StripeApi {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    events: Vec<(Value, bool)>,
    payments: BTreeMap<String, Value>,
    troubles: VecDeque<ApiTrouble>,
    always: Option<ApiTrouble>,
    asked: Vec<String>,
}

impl StripeApi {
    /// Serves on a free port of this machine.
    ///
    /// # Errors
    /// No port, no thread.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let api = Self {
            address: listener.local_addr()?,
            shared: Arc::default(),
        };
        let served = api.clone();
        thread::Builder::new()
            .name("stripe-stand-in".to_owned())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let api = served.clone();
                    // What a client did wrong is its own affair.
                    thread::spawn(move || drop(api.converse(stream)));
                }
            })?;
        Ok(api)
    }

    /// For `STRIPE_API_BASE`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One more event; `delivered` as `delivery_success` sees it.
    pub fn add_event(&self, event: Value, delivered: bool) {
        self.lock().events.push((event, delivered));
    }

    /// The payment as it is now.
    pub fn put_payment(&self, payment: Value) {
        let id = payment["id"].as_str().unwrap_or_default().to_owned();
        self.put_payment_as(&id, payment);
    }

    /// What is shown for the payment `id`, whatever it is.
    pub fn put_payment_as(&self, id: &str, shown: Value) {
        self.lock().payments.insert(id.to_owned(), shown);
    }

    /// The next requests are answered so, one after the other.
    pub fn answer_next(&self, troubles: impl IntoIterator<Item = ApiTrouble>) {
        self.lock().troubles.extend(troubles);
    }

    /// Every request is answered so, until `None`.
    pub fn answer_always(&self, trouble: Option<ApiTrouble>) {
        self.lock().always = trouble;
    }

    /// Path and query of every request so far.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(STAND_IN_IDLE))?;
        let (target, authorised) = head(&stream)?;
        let (trouble, held) = {
            let mut shared = self.lock();
            shared.asked.push(target.clone());
            let trouble = shared.troubles.pop_front().or(shared.always);
            let held = if authorised {
                shared.answer(&target)
            } else {
                (
                    401,
                    error("invalid_request_error", "Invalid API Key provided"),
                )
            };
            (trouble, held)
        };
        match trouble {
            None => respond(&mut stream, held.0, "", held.1.to_string().as_bytes()),
            Some(trouble) => misbehave(&mut stream, trouble),
        }
    }
}

/// Path and query of a request, and whether it has the key.
fn head(stream: &TcpStream) -> io::Result<(String, bool)> {
    let limited = stream.take(STRIPE_API_REQUEST_BYTES);
    let mut lines = BufReader::new(limited).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut authorised = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            let bearer = value.trim() == format!("Bearer {API_KEY}");
            authorised |= name.eq_ignore_ascii_case("authorization") && bearer;
        }
    }
    Ok((target, authorised))
}

impl Shared {
    fn answer(&self, target: &str) -> (u16, Value) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query: BTreeMap<String, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (unescaped(name), unescaped(value)))
            .collect();
        if path == "/v1/events" {
            return self.list(&query);
        }
        let payment = path.strip_prefix("/v1/payment_intents/").map(unescaped);
        match payment.and_then(|id| self.payments.get(&id)) {
            Some(payment) => (200, payment.clone()),
            None => (404, error("resource_missing", "No such object")),
        }
    }

    /// Newest first; of events of one second the later added is the newer.
    fn list(&self, query: &BTreeMap<String, String>) -> (u16, Value) {
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
        let created = |event: &Value| event["created"].as_i64().unwrap_or_default();
        let mut events: Vec<&Value> = self
            .events
            .iter()
            .filter(
                |(_, delivered)| match query.get("delivery_success").map(String::as_str) {
                    Some("false") => !delivered,
                    Some("true") => *delivered,
                    _ => true,
                },
            )
            .map(|(event, _)| event)
            .filter(|event| number("created[gte]").is_none_or(|from| created(event) >= from))
            .filter(|event| number("created[lt]").is_none_or(|until| created(event) < until))
            .collect();
        events.reverse();
        events.sort_by_key(|event| std::cmp::Reverse(created(event)));
        if let Some(after) = query.get("starting_after") {
            let place = events
                .iter()
                .position(|event| event["id"] == after.as_str());
            let Some(place) = place else {
                return (400, error("resource_missing", "No such event"));
            };
            events.drain(..=place);
        }
        let limit = number("limit").and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.unwrap_or(10).clamp(1, 100);
        let has_more = events.len() > limit;
        events.truncate(limit);
        let list = json!({
            "object": "list", "url": "/v1/events", "has_more": has_more, "data": events,
        });
        (200, list)
    }
}

fn misbehave(stream: &mut TcpStream, trouble: ApiTrouble) -> io::Result<()> {
    match trouble {
        ApiTrouble::Status(status) => {
            let body = error("api_error", "as the test wants it").to_string();
            respond(stream, status, "", body.as_bytes())
        }
        ApiTrouble::Limited { retry_after_s } => {
            let header = format!("Retry-After: {retry_after_s}\r\n");
            let body = error("rate_limit", "slow down").to_string();
            respond(stream, 429, &header, body.as_bytes())
        }
        ApiTrouble::Garbage => respond(stream, 200, "", b"<html>not what was asked for</html>"),
        ApiTrouble::Silence => {
            // Until the client gives up.
            let mut byte = [0];
            stream.read(&mut byte).map(drop)
        }
        ApiTrouble::Half => {
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"object\":";
            stream.write_all(head.as_bytes())
        }
        ApiTrouble::Huge { bytes } => respond(stream, 200, "", &vec![b' '; bytes]),
        ApiTrouble::Redirect => respond(
            stream,
            302,
            "Location: http://127.0.0.1:9/elsewhere\r\n",
            b"",
        ),
        ApiTrouble::Circles => {
            let again = json!([{"id": "evt_again", "object": "event", "type": "ping"}]);
            let page = json!({"object": "list", "has_more": true, "data": again});
            respond(stream, 200, "", page.to_string().as_bytes())
        }
    }
}

fn respond(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} As Told\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // A close with something unread would reset what was just written.
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    io::copy(stream, &mut io::sink()).map(drop)
}

fn error(code: &str, message: &str) -> Value {
    json!({"error": {"type": "invalid_request_error", "code": code, "message": message}})
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: String = rest.by_ref().take(2).map(char::from).collect();
        bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(shared: &Shared, query: &[(&str, &str)]) -> (Vec<String>, bool) {
        let query = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let (status, page) = shared.list(&query.collect());
        assert_eq!(status, 200);
        let data = page["data"].as_array().unwrap();
        let ids = data
            .iter()
            .map(|event| event["id"].as_str().unwrap().to_owned());
        (ids.collect(), page["has_more"] == true)
    }

    #[test]
    fn events_are_listed_newest_first_by_page_time_and_delivery() {
        let mut shared = Shared::default();
        for (id, created, delivered) in [
            ("a", 1, true),
            ("b", 2, false),
            ("c", 2, true),
            ("d", 3, false),
        ] {
            let event = json!({"id": id, "created": created});
            shared.events.push((event, delivered));
        }
        let all = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(&shared, &[]), (all(&["d", "c", "b", "a"]), false));
        assert_eq!(ids(&shared, &[("limit", "2")]), (all(&["d", "c"]), true));
        let rest = [("limit", "2"), ("starting_after", "c")];
        assert_eq!(ids(&shared, &rest), (all(&["b", "a"]), false));
        let failed = [("delivery_success", "false"), ("created[lt]", "3")];
        assert_eq!(ids(&shared, &failed), (all(&["b"]), false));
        assert_eq!(ids(&shared, &[("created[gte]", "3")]), (all(&["d"]), false));
    }

    #[test]
    fn escapes_are_read_back() {
        assert_eq!(unescaped("created%5Bgte%5D"), "created[gte]");
    }
}
