//! What a fold makes known: status changes, dead letters, and the columns people read.

use trueup_domain::event::{Facts, UnixMillis};
use trueup_domain::ids::{ObjectId, OrderId};
use trueup_domain::ledger::Ledger;
use trueup_domain::view::{View, payment_of, publishes, view};
use trueup_engine::ports::log::{Destination, Input, Output, Record, Source};
use trueup_engine::ports::store::Columns;
use trueup_schemas::headers;
use trueup_schemas::records::DeadLetter;
use trueup_schemas::records::OrderStatusChanged;
use trueup_schemas::replay::ReplayMark;

use crate::opening::Refused;
use crate::told::Place;
use crate::topology::{Fact, Reconciler};

/// The record of a change, `None` where status and amounts stayed. It names the trace
/// that `publishing` says, else that of the record.
pub(crate) fn status_change(
    reconciler: &Reconciler,
    order: &OrderId,
    ledger: &Ledger,
    (before, after): (&View, &View),
    fact: &Fact,
    record: &Record,
    publishing: Option<Place>,
) -> Option<Output> {
    if !publishes(before, after) {
        return None;
    }
    let cause = Cause::of(fact, ledger, after);
    let event_id = cause.event_id.clone();
    let event_type = cause.event_type.clone();
    let change = OrderStatusChanged {
        order_id: order.clone(),
        version: ledger.version(),
        from: before.status,
        to: after.status,
        amount_due: after.due.map(|due| due.get()),
        amount_received: after.received,
        amount_refunded: after.refunded,
        currency: after.currency,
        event_id: cause.event_id,
        event_type: cause.event_type,
        payment_intent: cause.payment_intent,
        checkout_session: cause.checkout_session,
        livemode: cause.livemode,
        occurred_at: cause.occurred_at,
    };
    let mut told = vec![
        (headers::EVENT_ID, event_id.into_bytes()),
        (headers::EVENT_TYPE, event_type.into_bytes()),
    ];
    let came = || record.header(headers::TRACEPARENT).map(<[u8]>::to_vec);
    let trace = publishing.map(Place::header).or_else(came);
    told.extend(trace.map(|trace| (headers::TRACEPARENT, trace)));
    Some(Output {
        to: Destination::Status,
        partition: Some(record.partition),
        key: order.as_str().as_bytes().to_vec(),
        value: Some(reconciler.codec.encode(&change)),
        headers: told,
    })
}

struct Cause {
    event_id: String,
    event_type: String,
    payment_intent: Option<String>,
    checkout_session: Option<String>,
    livemode: Option<bool>,
    occurred_at: UnixMillis,
}

impl Cause {
    fn of(fact: &Fact, ledger: &Ledger, after: &View) -> Self {
        let leading = after
            .leading_payment()
            .and_then(|payment| payment.intent().cloned());
        match fact {
            Fact::Event { event, .. } => {
                let named = payment_of(ledger, &event.facts).cloned();
                let payment = named.or(match event.facts {
                    // Money goes back on a payment of the order, and this is the likely one.
                    Facts::Refund(_) | Facts::Dispute(_) => leading,
                    Facts::Payment(_)
                    | Facts::Session(_)
                    | Facts::Charge(_)
                    | Facts::Unlinked(_)
                    | Facts::Linked(_)
                    | Facts::ClaimedTwice(_) => None,
                });
                let session = event.facts.session_id().cloned();
                Self {
                    event_id: event.id.to_string(),
                    event_type: event.kind.as_str().to_owned(),
                    checkout_session: session
                        .or_else(|| session_of(after, payment.as_ref()))
                        .map(|id| id.to_string()),
                    payment_intent: payment.map(|id| id.to_string()),
                    livemode: event.livemode,
                    occurred_at: event.created.saturating_mul(1000),
                }
            }
            Fact::Snapshot(snapshot) => Self {
                event_id: format!("snapshot:{}", snapshot.version),
                event_type: "order.snapshot".to_owned(),
                checkout_session: after
                    .leading_payment()
                    .and_then(|payment| payment.session.as_ref())
                    .map(ToString::to_string),
                payment_intent: leading.map(|id| id.to_string()),
                livemode: ledger.livemode,
                occurred_at: snapshot.updated_at,
            },
        }
    }
}

/// The session of the payment that a record names: that of another would mislead.
fn session_of(after: &View, payment: Option<&ObjectId>) -> Option<ObjectId> {
    let named = after
        .payments
        .iter()
        .find(|known| Some(&known.id) == payment)?;
    named.session.clone()
}

/// A refused record with its bytes, under its position for a key: refused twice, it is one letter.
pub(crate) fn dead_letter(reconciler: &Reconciler, record: &Record, refused: &Refused) -> Output {
    let topic = match record.source {
        Source::Input(Input::Events) => &reconciler.events_topic,
        Source::Input(Input::Orders) => &reconciler.orders_topic,
        Source::Gaps | Source::Windows => "",
    };
    crate::metrics::dead_letter(refused.class);
    tracing::warn!(
        topic,
        partition = record.partition,
        offset = record.offset,
        class = refused.class.as_str(),
        reason = refused.reason,
        "record refused"
    );
    let mark = record
        .header(headers::REPLAY)
        .and_then(ReplayMark::from_header);
    let letter = DeadLetter {
        class: refused.class,
        reason: refused.reason.clone(),
        topic: topic.to_owned(),
        partition: record.partition,
        offset: record.offset,
        key: record.key.clone(),
        headers: record.headers.clone(),
        timestamp: record.timestamp,
        payload: record.value.clone(),
        // The log's own time, so that a record refused again makes the same letter.
        first_seen: mark
            .as_ref()
            .map_or(record.timestamp.unwrap_or(0), |mark| mark.first_seen),
        attempts: mark.map_or(1, |mark| mark.attempts.saturating_add(1)),
    };
    Output {
        to: Destination::DeadLetters,
        partition: None,
        key: format!("{topic}/{}/{}", record.partition, record.offset).into_bytes(),
        value: Some(reconciler.codec.encode(&letter)),
        headers: Vec::new(),
    }
}

/// Worked out from the ledger alone, so that a write repeated later has the same bytes.
pub(crate) fn columns(ledger: &Ledger) -> Columns {
    let now = view(ledger);
    let last = ledger
        .events
        .iter()
        .max_by_key(|seen| (seen.created, &seen.id));
    let told_at = ledger
        .snapshots
        .latest
        .as_ref()
        .map(|snapshot| snapshot.updated_at);
    let updated_at = last
        .map(|seen| seen.created.saturating_mul(1000))
        .max(told_at);
    Columns {
        status: now.status.as_str(),
        amount_due: now.due.map(|due| due.get()),
        amount_received: now.received,
        amount_refunded: now.refunded,
        currency: now.currency.map(|currency| currency.to_string()),
        last_event_id: last.map(|seen| seen.id.to_string()),
        updated_at: updated_at.unwrap_or(0),
    }
}
