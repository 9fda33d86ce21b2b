//! Dead letters on the ops API: lists and shows them; replays or discards them when asked to.
//!
//! One request at a time changes anything, and does no more than fits in a connection's life.
//! Refuses what a page of another site asks for in a browser.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HOST, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde::Deserialize;
use serde::Serialize;
use tokio::time;
use trueup_domain::event::UnixMillis;
use trueup_schemas::records::LetterClass;

use super::query::Query;
use super::reply::{self, Reply};
use super::routes::Ops;
use super::{limits, path};
use crate::cli::When;
use crate::letters::answer::{Deed, cursor};
use crate::letters::entry::Selection;
use crate::letters::limits::{MAX_CHUNK, MAX_PAGE, MAX_RATE, REQUEST_TIME, USUAL_PAGE, USUAL_RATE};
use crate::letters::{LetterFault, Letters, Pace, Work};
use crate::shutdown::Stop;

const LETTERS: &str = "/api/v1/dead-letters";
const LIST: &[&str] = &[
    "limit",
    "cursor",
    "class",
    "id",
    "order",
    "since",
    "older_than",
];
const WORK: &[&str] = &["rate"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route<'a> {
    List,
    Show(&'a str),
    Work(Deed),
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Option<Self> {
        match path.strip_prefix(LETTERS)? {
            "" => Some(Self::List),
            "/replay" => Some(Self::Work(Deed::Replay)),
            "/discard" => Some(Self::Work(Deed::Discard)),
            rest => rest.strip_prefix('/').map(Self::Show),
        }
    }
}

/// What is posted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    yes: bool,
    class: Option<String>,
    ids: Option<Vec<String>>,
}

/// Why there is no answer, other than Kafka's.
struct Refusal(StatusCode, &'static str, String);

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "bad_request", message.into())
    }

    fn away(code: &'static str, message: impl Into<String>) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, code, message.into())
    }
}

impl From<LetterFault> for Refusal {
    fn from(fault: LetterFault) -> Self {
        tracing::warn!(%fault, "dead letters");
        Self::away("unavailable", fault.to_string())
    }
}

impl Ops {
    /// Answers one request, whichever part of the API it is for.
    pub async fn handle(&self, request: Request<Incoming>, stop: Stop) -> Reply {
        let (head, body) = request.into_parts();
        let Some(route) = Route::of(head.uri.path()) else {
            return self
                .answer(&head.method, head.uri.path(), &head.headers)
                .await;
        };
        let mut tokens = self.token.iter();
        if tokens.any(|token| !token.opens(&head.headers)) {
            return reply::unauthorized();
        }
        let reads = head.method == Method::GET || head.method == Method::HEAD;
        let query = head.uri.query();
        let answered = match route {
            Route::List | Route::Show(_) if !reads => return reply::method_not_allowed(),
            Route::Work(_) if head.method != Method::POST => return only_post(),
            Route::List => self.list(query).await,
            Route::Show(id) => self.show(id).await,
            Route::Work(_) if is_foreign(&head.headers) => Err(Refusal(
                StatusCode::FORBIDDEN,
                "foreign_origin",
                "a page of another site may not ask for this".to_owned(),
            )),
            Route::Work(deed) => match read_body(body).await {
                Ok(ordered) => self.work(deed, ordered, query, stop).await,
                Err(refusal) => Err(refusal),
            },
        };
        answered
            .unwrap_or_else(|Refusal(status, code, message)| reply::error(status, code, &message))
    }

    async fn list(&self, query: Option<&str>) -> Result<Reply, Refusal> {
        let query = Query::read(query, LIST).map_err(Refusal::bad)?;
        let limit = number(&query, "limit", MAX_PAGE)?.unwrap_or(USUAL_PAGE);
        let after = query.last("cursor").map(|text| {
            cursor::read(text).ok_or_else(|| Refusal::bad("`cursor` is none that was given here"))
        });
        let after = after.transpose()?;
        let (letters, now) = self.letters()?;
        let selection = selection(&query, now)?;
        self.ask(move || letters.page(&selection, limit, after.as_ref()).map(Some))
            .await
    }

    async fn show(&self, segment: &str) -> Result<Reply, Refusal> {
        let (letters, _) = self.letters()?;
        // An id has slashes of its own: as they are, or percent-coded.
        let Some(id) = path::decode(segment) else {
            let message = "the path names no id".to_owned();
            return Err(Refusal(StatusCode::NOT_FOUND, "not_found", message));
        };
        self.ask(move || letters.show(&id)).await
    }

    async fn work(
        &self,
        deed: Deed,
        ordered: Ordered,
        query: Option<&str>,
        stop: Stop,
    ) -> Result<Reply, Refusal> {
        let query = Query::read(query, WORK).map_err(Refusal::bad)?;
        let rate = number(&query, "rate", MAX_RATE)?;
        let pace = Pace::of(rate.and_then(NonZeroU32::new).unwrap_or(USUAL_RATE));
        let (yes, selection) = (ordered.yes, ordered.selection()?);
        let (letters, _) = self.letters()?;
        let changing = yes.then(|| Arc::clone(&self.changing).try_acquire_owned());
        let changing = changing.and_then(Result::ok);
        if yes && changing.is_none() {
            let message = "dead letters are being replayed or discarded already; try again";
            return Err(Refusal::away("busy", message));
        }
        let until = Instant::now() + REQUEST_TIME;
        self.ask(move || {
            // Held to the end of the work, also when nobody waits for the answer any more.
            let _changing = changing;
            let selected = letters.select(&selection)?.into_values().collect();
            let is_over = || stop.is_set() || Instant::now() > until;
            let work = Work {
                deed,
                yes,
                pace: &pace,
                most: Some(MAX_CHUNK),
                is_over: &is_over,
            };
            letters.work(&work, selected, &mut |_| {}).map(Some)
        })
        .await
    }

    /// The letters, once Kafka and the store are reached, and the time.
    fn letters(&self) -> Result<(Letters, UnixMillis), Refusal> {
        let Some(lookup) = &self.lookup else {
            let message = "this process has no topics to ask; ask a `trueup process`".to_owned();
            return Err(Refusal(StatusCode::NOT_FOUND, "not_served", message));
        };
        let lookup = lookup.get().ok_or_else(|| {
            let message = "this process has not reached Kafka and the store yet; try again";
            Refusal::away("starting", message)
        })?;
        Ok((lookup.letters(), lookup.now()))
    }

    async fn ask<T: Serialize + Send + 'static>(
        &self,
        question: impl FnOnce() -> Result<Option<T>, LetterFault> + Send + 'static,
    ) -> Result<Reply, Refusal> {
        let Ok(_permit) = self.permits.try_acquire() else {
            return Err(Refusal::away(
                "busy",
                "too many look-ups at once; try again",
            ));
        };
        match tokio::task::spawn_blocking(question).await {
            Ok(Ok(Some(answer))) => Ok(reply::json(StatusCode::OK, &answer)),
            Ok(Ok(None)) => Err(Refusal(
                StatusCode::NOT_FOUND,
                "not_found",
                "no such dead letter is known".to_owned(),
            )),
            Ok(Err(fault)) => Err(fault.into()),
            Err(_) => Err(Refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "it ended early; see the log".to_owned(),
            )),
        }
    }
}

impl Ordered {
    fn selection(self) -> Result<Selection, Refusal> {
        if self.ids.as_ref().is_some_and(|ids| ids.len() > MAX_PAGE) {
            let message = format!("`ids` has more than {MAX_PAGE} members");
            return Err(Refusal::bad(message));
        }
        Ok(Selection {
            classes: self
                .class
                .as_deref()
                .map(class)
                .transpose()?
                .into_iter()
                .collect(),
            ids: self.ids.map(|ids| ids.into_iter().collect()),
            ..Selection::default()
        })
    }
}

async fn read_body(body: Incoming) -> Result<Ordered, Refusal> {
    let limited = Limited::new(body, limits::MAX_BODY_BYTES).collect();
    let read = time::timeout(limits::BODY_TIMEOUT, limited).await;
    let read = read.map_err(|_| {
        let message = "the body did not come in time".to_owned();
        Refusal(StatusCode::REQUEST_TIMEOUT, "timeout", message)
    })?;
    let bytes = read.map_err(|fault| {
        if fault.is::<LengthLimitError>() {
            let message = format!("the body has more than {} bytes", limits::MAX_BODY_BYTES);
            Refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
        } else {
            Refusal::bad("the body broke off")
        }
    })?;
    serde_json::from_slice(&bytes.to_bytes()).map_err(|fault| {
        // Line and column only: what came is not repeated.
        let (line, column) = (fault.line(), fault.column());
        Refusal::bad(format!(
            "the body is not {{\"yes\":bool,\"class\"?:string,\"ids\"?:[string]}} (line {line}, \
             column {column})"
        ))
    })
}

fn selection(query: &Query, now: UnixMillis) -> Result<Selection, Refusal> {
    let when = |name: &'static str| {
        let told = query.last(name).map(When::read).transpose();
        let told = told.map_err(|fault| Refusal::bad(format!("`{name}` is {fault}")))?;
        Ok::<_, Refusal>(told.map(|when| when.at(now)))
    };
    let ids: Vec<String> = query.all("id").map(str::to_owned).collect();
    Ok(Selection {
        classes: query.all("class").map(class).collect::<Result<_, _>>()?,
        ids: (!ids.is_empty()).then(|| ids.into_iter().collect()),
        order: query.last("order").map(str::to_owned),
        since: when("since")?,
        until: when("older_than")?,
    })
}

fn class(name: &str) -> Result<LetterClass, Refusal> {
    LetterClass::from_name(name).ok_or_else(|| {
        let known: Vec<&str> = LetterClass::ALL.iter().map(|it| it.as_str()).collect();
        Refusal::bad(format!("`class` is none of {}", known.join(", ")))
    })
}

/// A whole number from 1 to `most`.
fn number<N>(query: &Query, name: &'static str, most: N) -> Result<Option<N>, Refusal>
where
    N: std::str::FromStr + PartialOrd + From<u8> + std::fmt::Display,
{
    let Some(text) = query.last(name) else {
        return Ok(None);
    };
    let number = text.parse().ok();
    let within = number.filter(|number| *number >= N::from(1) && *number <= most);
    let refusal = || Refusal::bad(format!("`{name}` is no number from 1 to {most}"));
    within.map(Some).ok_or_else(refusal)
}

/// Whether a browser asks for a page of another site. Other clients name no origin.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let origin = text(origin);
    let origin = origin.as_deref().and_then(|it| it.split_once("://"));
    let host = headers.get(HOST).and_then(text);
    origin.is_none_or(|(_, origin)| Some(origin) != host.as_deref())
}

fn only_post() -> Reply {
    let (status, code) = (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    let mut response = reply::error(status, code, "only POST is served here");
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_lie_below_the_list_with_its_slashes() {
        let route = Route::of("/api/v1/dead-letters/payments.events/3/17");
        assert_eq!(route, Some(Route::Show("payments.events/3/17")));
        let route = Route::of("/api/v1/dead-letters/replay");
        assert_eq!(route, Some(Route::Work(Deed::Replay)));
        assert_eq!(Route::of("/api/v1/dead-lettersx"), None);
        assert_eq!(Route::of("/api/v1/orders/1"), None);
    }

    #[test]
    fn what_is_posted_has_no_unknown_field_and_says_yes_or_no() {
        let read = |text: &str| serde_json::from_str::<Ordered>(text).is_ok();
        assert!(
            read(r#"{"yes":false}"#) && read(r#"{"yes":true,"ids":["a/0/1"],"class":"forged"}"#)
        );
        for wrong in [
            r"{}",
            r#"{"yes":1}"#,
            r#"{"yes":true,"force":true}"#,
            "[]",
            "",
        ] {
            assert!(!read(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_foreign_and_a_program_is_not() {
        let foreign = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("127.0.0.1:8081"));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            is_foreign(&headers)
        };
        assert!(!foreign(None) && !foreign(Some("http://127.0.0.1:8081")));
        assert!(foreign(Some("https://example.com")) && foreign(Some("null")));
    }
}
