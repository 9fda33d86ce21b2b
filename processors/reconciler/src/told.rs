//! Spans of what a transaction does: the work on each record, the status change that follows from
//! it, and gaps that open. Held until the transaction is known committed, since what was aborted
//! never was; and worked out only where somebody listens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use trueup_domain::event::{Event, UnixMillis};
use trueup_domain::fold::Verdict;
use trueup_domain::gap::GapSet;
use trueup_domain::ids::OrderId;
use trueup_engine::ports::log::Record;
use trueup_schemas::headers;
use trueup_spans::{Context, Kind, Span, is_heard, is_wanted, tell};

/// Where the work on one record stands in its trace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    context: Context,
    parent: Option<Context>,
}

impl Place {
    /// `None` where nobody wants to hear of it.
    pub(crate) fn of(record: &Record) -> Option<Self> {
        if !is_heard() {
            return None;
        }
        let parent = record
            .header(headers::TRACEPARENT)
            .and_then(Context::parse)?;
        is_wanted(parent).then(|| Self {
            context: parent.child(),
            parent: Some(parent),
        })
    }

    /// Of the record that the work makes known.
    pub(crate) fn publishing(self) -> Self {
        Self {
            context: self.context.child(),
            parent: Some(self.context),
        }
    }

    /// What the record's readers take for their parent.
    pub(crate) fn header(self) -> Vec<u8> {
        self.context.to_string().into_bytes()
    }
}

#[derive(Debug)]
struct Held {
    name: &'static str,
    kind: Kind,
    place: Place,
    attributes: Vec<(&'static str, String)>,
    keep: bool,
}

/// The spans of one transaction.
#[derive(Debug, Default)]
pub(crate) struct Spans(Vec<Held>);

impl Spans {
    pub(crate) fn folded(
        &mut self,
        place: Place,
        (topic, record): (&str, &Record),
        order: &OrderId,
        event: &Event,
        verdict: Verdict,
    ) {
        let mut attributes = ids(order, event);
        attributes.extend([
            ("event.type", event.kind.as_str().to_owned()),
            ("trueup.verdict", format!("{verdict:?}").to_lowercase()),
            ("messaging.system", "kafka".to_owned()),
            ("messaging.operation.type", "process".to_owned()),
            ("messaging.destination.name", topic.to_owned()),
            (
                "messaging.destination.partition.id",
                record.partition.to_string(),
            ),
            ("messaging.kafka.offset", record.offset.to_string()),
        ]);
        self.0.push(Held {
            name: "process payments.events",
            kind: Kind::Consumer,
            place,
            attributes,
            keep: false,
        });
    }

    pub(crate) fn published(
        &mut self,
        place: Place,
        order: &OrderId,
        event: &Event,
        (from, to): (&str, &str),
    ) {
        let mut attributes = ids(order, event);
        attributes.extend([
            ("trueup.from", from.to_owned()),
            ("trueup.to", to.to_owned()),
            ("messaging.system", "kafka".to_owned()),
            ("messaging.operation.type", "send".to_owned()),
        ]);
        self.0.push(Held {
            name: "send orders.status",
            kind: Kind::Producer,
            place,
            attributes,
            keep: false,
        });
    }

    /// Gaps that opened are kept whatever the sampling says. `cause` is the record's that opened
    /// them; time alone has none.
    pub(crate) fn opened(
        &mut self,
        order: &OrderId,
        (before, after): (&GapSet, &GapSet),
        cause: Option<Place>,
    ) {
        if !is_heard() {
            return;
        }
        for gap in after.newly_open(before) {
            let mut attributes = vec![
                ("order_id", order.as_str().to_owned()),
                ("trueup.gap.kind", gap.kind.as_str().to_owned()),
                ("trueup.gap.amount", gap.amount.to_string()),
                ("trueup.gap.currency", gap.currency.to_string()),
            ];
            let payment = gap.payment.as_ref();
            attributes.extend(payment.map(|id| ("payment_intent_id", id.to_string())));
            self.0.push(Held {
                name: "gap opened",
                kind: Kind::Internal,
                place: cause.map_or_else(
                    || Place {
                        context: Context::root(),
                        parent: None,
                    },
                    Place::publishing,
                ),
                attributes,
                keep: true,
            });
        }
    }

    /// The transaction began `took_ms` before it was known committed, at `wall_ms`.
    pub(crate) fn tell(&self, wall_ms: UnixMillis, took_ms: u64) {
        let end = at(wall_ms);
        let start = end
            .checked_sub(Duration::from_millis(took_ms))
            .unwrap_or(end);
        for held in &self.0 {
            tell(|| Span {
                name: held.name,
                kind: held.kind,
                context: held.place.context,
                parent: held.place.parent.map(|parent| parent.span),
                links: Vec::new(),
                start,
                end,
                attributes: held.attributes.clone(),
                error: None,
                keep: held.keep,
            });
        }
    }
}

/// The ids by which logs and traces are joined.
fn ids(order: &OrderId, event: &Event) -> Vec<(&'static str, String)> {
    let mut ids = vec![
        ("order_id", order.as_str().to_owned()),
        ("event.id", event.id.as_str().to_owned()),
    ];
    let payment = event.facts.payment_id();
    ids.extend(payment.map(|id| ("payment_intent_id", id.to_string())));
    let session = event.facts.session_id();
    ids.extend(session.map(|id| ("checkout.session_id", id.to_string())));
    ids
}

fn at(wall_ms: UnixMillis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(wall_ms).unwrap_or(0))
}
