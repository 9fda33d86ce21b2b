//! The W3C trace context of a delivery, the sender's where it is valid, else a new one; and the
//! delivery's own span, where somebody listens.

use std::time::{Duration, UNIX_EPOCH};

use trueup_domain::event::UnixMillis;
use trueup_plants::{Plant, planted};
use trueup_spans::{Context, Kind, Span, is_heard, tell};

use crate::refusal::Refusal;

/// Where a delivery stands in its trace.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// What the sender wrote, where it is valid.
    came: Option<String>,
    /// The delivery's own span and what it hangs on; none where nobody listens, and then the
    /// sender's context is handed on as it came.
    span: Option<(Context, Option<Context>)>,
}

impl Trace {
    /// Of what the sender wrote, who must be known by then.
    pub(crate) fn of(incoming: Option<&[u8]>) -> Self {
        let parent = incoming.and_then(Context::parse);
        let came = incoming.filter(|_| parent.is_some());
        let came = came.and_then(|came| std::str::from_utf8(came).ok());
        let context = || parent.map_or_else(Context::root, Context::child);
        Self {
            came: came.map(str::to_owned),
            span: is_heard().then(|| (context(), parent)),
        }
    }

    /// The `traceparent` to write.
    pub(crate) fn header(&self) -> String {
        match (&self.span, &self.came) {
            (Some(_), _) if planted(Plant::TraceTorn) => Context::root().to_string(),
            (Some((context, _)), _) => context.to_string(),
            (None, Some(came)) => came.clone(),
            (None, None) => Context::root().to_string(),
        }
    }

    /// Of what nobody wrote a context for.
    pub(crate) fn fresh() -> Self {
        Self::of(None)
    }
}

/// What became of a delivery: no body, no header, no address of a person.
#[derive(Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) received_at: UnixMillis,
    pub(crate) took: Duration,
    pub(crate) status: u16,
    pub(crate) refusal: Option<&'a Refusal>,
    pub(crate) ids: Ids,
}

/// The ids by which logs and traces are joined, as far as they became known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ids(pub(crate) Vec<(&'static str, String)>);

impl Ids {
    pub(crate) fn add(&mut self, name: &'static str, id: Option<impl ToString>) {
        if is_heard() {
            self.0.extend(id.map(|id| (name, id.to_string())));
        }
    }
}

/// Tells the span of a delivery. Refusals are kept whatever the sampling says; that of a sender
/// who is not known begins a trace of its own.
pub(crate) fn answered(trace: Option<&Trace>, answered: Answered<'_>) {
    tell(|| {
        let place = trace.and_then(|trace| trace.span);
        let (context, parent) = place.unwrap_or_else(|| (Context::root(), None));
        let millis = u64::try_from(answered.received_at).unwrap_or(0);
        let start = UNIX_EPOCH + Duration::from_millis(millis);
        let mut attributes = answered.ids.0;
        attributes.extend([
            ("http.request.method", "POST".to_owned()),
            ("http.route", "/webhooks/stripe".to_owned()),
            ("http.response.status_code", answered.status.to_string()),
        ]);
        let refusal = answered.refusal;
        attributes.extend(refusal.map(|refusal| ("error.type", refusal.code().to_owned())));
        // A client's mistake is no error of the server's span.
        let error = refusal.filter(|refusal| refusal.status().is_server_error());
        Span {
            name: "POST /webhooks/stripe",
            kind: Kind::Server,
            context,
            parent: parent.map(|parent| parent.span),
            links: Vec::new(),
            start,
            end: start + answered.took,
            attributes,
            error: error.map(ToString::to_string),
            keep: refusal.is_some(),
        }
    });
}

/// Tells that an event was fetched, which hangs on nothing.
pub(crate) fn fetched(trace: &Trace, name: &'static str, at: UnixMillis, ids: Ids) {
    let Some((context, _)) = trace.span else {
        return;
    };
    tell(|| {
        let at = UNIX_EPOCH + Duration::from_millis(u64::try_from(at).unwrap_or(0));
        Span {
            name,
            kind: Kind::Producer,
            context,
            parent: None,
            links: Vec::new(),
            start: at,
            end: at,
            attributes: ids.0,
            error: None,
            keep: false,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_context_is_kept_and_any_other_is_replaced_by_a_valid_one() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let traceparent = |came: Option<&[u8]>| Trace::of(came).header();
        assert_eq!(traceparent(Some(given.as_bytes())), given);
        let unsampled = given.replace("-01", "-00");
        assert_eq!(traceparent(Some(unsampled.as_bytes())), unsampled);
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for bad in [
            zero,
            "",
            "00",
            &given[1..],
            &given.to_uppercase(),
            "ff-",
            &given.repeat(2),
        ] {
            let made = traceparent(Some(bad.as_bytes()));
            assert_ne!(made, bad);
            assert!(Context::parse(made.as_bytes()).is_some(), "{made}");
        }
        assert_ne!(traceparent(None), traceparent(None));
    }
}
