//! Answers: JSON with a status, and nothing that was not decided elsewhere.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::refusal::Refusal;

pub(crate) type Reply = Response<Full<Bytes>>;

#[derive(Serialize)]
struct Received<'a> {
    received: bool,
    id: &'a str,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorText<'a>,
}

#[derive(Serialize)]
struct ErrorText<'a> {
    code: &'a str,
    message: &'a str,
}

/// `200 {"received":true,"id":"evt_…"}`.
pub(crate) fn received(event_id: &str) -> Reply {
    json(
        StatusCode::OK,
        &Received {
            received: true,
            id: event_id,
        },
    )
}

/// The error body of `refusal`, with `Allow` or `Retry-After` where it has one.
pub(crate) fn refused(refusal: &Refusal) -> Reply {
    let body = error_body(refusal.code(), &refusal.message());
    let mut reply = with_body(refusal.status(), body);
    let headers = reply.headers_mut();
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if *refusal == Refusal::MethodNotAllowed {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    reply
}

/// The connection ends with this answer: what the peer still sends is not read as a request.
pub(crate) fn closing(mut reply: Reply) -> Reply {
    reply
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// A whole answer as bytes, for requests that never became one.
pub(crate) fn raw(refusal: &Refusal) -> Vec<u8> {
    let body = error_body(refusal.code(), &refusal.message());
    let mut answer = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        refusal.status(),
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(&body);
    answer
}

fn error_body(code: &str, message: &str) -> Vec<u8> {
    serde_json::to_vec(&ErrorBody {
        error: ErrorText { code, message },
    })
    .unwrap_or_default()
}

fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    with_body(status, serde_json::to_vec(body).unwrap_or_default())
}

fn with_body(status: StatusCode, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
