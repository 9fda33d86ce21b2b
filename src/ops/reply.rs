//! Answers: JSON documents, Prometheus text, and the one shape of an error.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

pub type Reply = Response<Full<Bytes>>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

fn reply(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => reply(status, JSON, body),
        Err(fault) => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            &fault.to_string(),
        ),
    }
}

pub fn metrics(text: String) -> Reply {
    reply(StatusCode::OK, PROMETHEUS, text)
}

pub fn page(html: &'static str) -> Reply {
    reply(StatusCode::OK, HTML, html)
}

pub fn error(status: StatusCode, code: &str, message: &str) -> Reply {
    reply(
        status,
        JSON,
        json!({"error": {"code": code, "message": message}}).to_string(),
    )
}

pub fn method_not_allowed() -> Reply {
    let mut response = error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "only GET and HEAD are served here",
    );
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

pub fn unauthorized() -> Reply {
    let mut response = error(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "send the ops token as `Authorization: Bearer TOKEN`",
    );
    response
        .headers_mut()
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
