//! One page of `GET /v1/events`, and how it is asked for. Each event keeps its bytes as they came.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use trueup_domain::event::UnixSeconds;

use super::Pass;
use crate::api::escaped;
use crate::limits::PAGE_EVENTS;

#[derive(Debug)]
pub(super) struct Page {
    /// Id and body.
    pub(super) events: Vec<(String, Bytes)>,
    pub(super) last_id: Option<String>,
    pub(super) has_more: bool,
}

#[derive(Deserialize)]
struct List<'a> {
    object: &'a str,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Head {
    id: String,
}

impl Page {
    pub(super) fn read(answer: Vec<u8>) -> Result<Self, String> {
        let answer = Bytes::from(answer);
        // What a parser says of it may quote it.
        let text = std::str::from_utf8(&answer).map_err(|_| "it is not UTF-8".to_owned())?;
        let list: List<'_> =
            serde_json::from_str(text).map_err(|_| "it is no list of events".to_owned())?;
        if list.object != "list" {
            return Err("it is no list of events".to_owned());
        }
        if list.data.len() > PAGE_EVENTS {
            return Err(format!("it has more than {PAGE_EVENTS} events"));
        }
        let mut events = Vec::with_capacity(list.data.len());
        for event in list.data {
            let head: Head = serde_json::from_str(event.get())
                .map_err(|_| "it has an event without an id".to_owned())?;
            events.push((head.id, answer.slice_ref(event.get().as_bytes())));
        }
        Ok(Self {
            last_id: events.last().map(|(id, _)| id.clone()),
            events,
            has_more: list.has_more,
        })
    }
}

/// The path of a page: the events created from `from` to before `until`, newest first, those
/// behind `after` where one is named.
pub(super) fn target(
    pass: Pass,
    from: UnixSeconds,
    until: UnixSeconds,
    after: Option<&str>,
) -> String {
    let mut target =
        format!("/v1/events?limit={PAGE_EVENTS}&created%5Bgte%5D={from}&created%5Blt%5D={until}");
    match pass {
        Pass::Undelivered => target.push_str("&delivery_success=false"),
        Pass::Full => {}
    }
    if let Some(after) = after {
        target.push_str("&starting_after=");
        target.push_str(&escaped(after));
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_each_events_bytes_as_they_came() {
        let text = r#"{"object":"list","url":"/v1/events","has_more":true,"data":[{ "id":"evt_2" , "x":1},{"id":"evt_1"}]}"#;
        let page = Page::read(text.as_bytes().to_vec()).unwrap();
        let bodies: Vec<&[u8]> = page.events.iter().map(|(_, body)| body.as_ref()).collect();
        assert_eq!(
            bodies,
            [
                br#"{ "id":"evt_2" , "x":1}"#.as_slice(),
                br#"{"id":"evt_1"}"#
            ]
        );
        assert_eq!(
            (page.last_id.as_deref(), page.has_more),
            (Some("evt_1"), true)
        );
    }

    #[test]
    fn what_is_no_page_is_refused_without_being_quoted() {
        let hundred_and_one = format!(
            r#"{{"object":"list","has_more":false,"data":[{}]}}"#,
            vec![r#"{"id":"evt_secret"}"#; 101].join(",")
        );
        for wrong in [
            "",
            "<html>secret</html>",
            r#"{"object":"event","data":[],"has_more":false}"#,
            r#"{"object":"list","data":[{"secret":1}],"has_more":false}"#,
            r#"{"object":"list","data":[]}"#,
            &hundred_and_one,
        ] {
            let reason = Page::read(wrong.as_bytes().to_vec()).unwrap_err();
            assert!(!reason.contains("secret"), "{reason}");
        }
    }

    #[test]
    fn a_page_is_asked_for_by_time_delivery_and_the_event_before() {
        assert_eq!(
            target(Pass::Undelivered, 10, 20, Some("evt_1&x")),
            "/v1/events?limit=100&created%5Bgte%5D=10&created%5Blt%5D=20&delivery_success=false&starting_after=evt_1%26x"
        );
        assert!(!target(Pass::Full, 10, 20, None).contains("delivery_success"));
    }
}
