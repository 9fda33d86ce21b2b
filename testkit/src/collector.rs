//! A stand-in for an OpenTelemetry collector: takes spans by OTLP over HTTP, and shows them.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{Span, status};
use prost::Message;

use crate::limits::{COLLECTOR_REQUEST_BYTES, STAND_IN_IDLE};

/// A span as it came. Ids are lower-case hex; no parent is an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldSpan {
    pub name: String,
    pub trace: String,
    pub span: String,
    pub parent: String,
    pub attributes: BTreeMap<String, String>,
    pub start_ns: u64,
    pub end_ns: u64,
    pub is_error: bool,
    /// `service.name` and its like.
    pub resource: BTreeMap<String, String>,
}

/// A running stand-in. Its threads end with the process.
#[derive(Debug, Clone)]
pub struct Collector {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    spans: Vec<ToldSpan>,
    refusals: usize,
}

impl Collector {
    /// Serves on a free port of this machine.
    ///
    /// # Errors
    /// No port, no thread.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let collector = Self {
            address: listener.local_addr()?,
            shared: Arc::default(),
        };
        let served = collector.clone();
        thread::Builder::new()
            .name("collector-stand-in".to_owned())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    let collector = served.clone();
                    // What a client did wrong is its own affair.
                    thread::spawn(move || drop(collector.converse(&stream)));
                }
            })?;
        Ok(collector)
    }

    /// For `--otlp-endpoint`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every span so far, in the order of arrival.
    #[must_use]
    pub fn spans(&self) -> Vec<ToldSpan> {
        self.lock().spans.clone()
    }

    /// The next requests, so many, are answered 503.
    pub fn refuse_next(&self, requests: usize) {
        self.lock().refusals = requests;
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn converse(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(STAND_IN_IDLE))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some((target, body)) = request(&mut reader)? {
            let status = self.take(&target, &body);
            let answer = format!(
                "HTTP/1.1 {status} As Told\r\nContent-Type: application/x-protobuf\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            let mut writer = stream;
            writer.write_all(answer.as_bytes())?;
        }
        Ok(())
    }

    fn take(&self, target: &str, body: &[u8]) -> u16 {
        let mut shared = self.lock();
        if shared.refusals > 0 {
            shared.refusals -= 1;
            return 503;
        }
        if target != "/v1/traces" {
            return 404;
        }
        let Ok(told) = ExportTraceServiceRequest::decode(body) else {
            return 400;
        };
        for of_resource in told.resource_spans {
            let resource = of_resource.resource.unwrap_or_default();
            let resource = attributes(resource.attributes);
            let scopes = of_resource.scope_spans.into_iter();
            let spans = scopes.flat_map(|scope| scope.spans);
            shared
                .spans
                .extend(spans.map(|span| read(span, resource.clone())));
        }
        200
    }
}

/// Target and body of the next request; `None` at the end of the connection.
fn request(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    if length > COLLECTOR_REQUEST_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((target, body)))
}

fn read(span: Span, resource: BTreeMap<String, String>) -> ToldSpan {
    let failed = status::StatusCode::Error as i32;
    ToldSpan {
        trace: hex(&span.trace_id),
        span: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        attributes: attributes(span.attributes),
        start_ns: span.start_time_unix_nano,
        end_ns: span.end_time_unix_nano,
        is_error: span.status.is_some_and(|status| status.code == failed),
        name: span.name,
        resource,
    }
}

fn attributes(told: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: KeyValue| match value.value?.value? {
        any_value::Value::StringValue(text) => Some((value.key, text)),
        other => Some((value.key, format!("{other:?}"))),
    };
    told.into_iter().filter_map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
