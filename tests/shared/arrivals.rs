//! A refund and a dispute that name no order find it in every order of arrival of {payment, the
//! charge that links them, refund, dispute}, each with its effect once, whenever what reconciles
//! is killed.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use trueup_load_tests::random::Random;
use trueup_schemas::codec::Codec;
use trueup_schemas::records::OrderStatusChanged;
use trueup_testkit::{committed_records, wait_until};

use super::{LIMIT, Site};

/// A blow falls while a wave of events is posted, or while it is worked on.
const BLOW_WITHIN_MS: u64 = 400;

/// One order of arrival, by places in [`told`].
type Arrival = [usize; 4];

/// All of them, 24.
fn arrivals() -> Vec<Arrival> {
    let mut all = Vec::new();
    for first in 0..4 {
        for second in (0..4).filter(|second| *second != first) {
            for third in (0..4).filter(|third| ![first, second].contains(third)) {
                let last = 6 - first - second - third;
                all.push([first, second, third, last]);
            }
        }
    }
    all
}

/// The payment alone names its order. The refund names charge and payment, the dispute its charge
/// alone; only the charge tells of which payment that is.
fn told(which: usize, order: &str) -> Value {
    let (payment, charge) = (format!("pi_{order}"), format!("ch_{order}"));
    let (kind, id, own) = match which {
        0 => (
            "payment_intent.succeeded",
            payment,
            json!({
                "object": "payment_intent", "status": "succeeded", "amount": 1_000,
                "amount_received": 1_000, "metadata": {"order_id": order},
            }),
        ),
        1 => (
            "charge.succeeded",
            charge,
            json!({
                "object": "charge", "amount": 1_000, "amount_captured": 1_000, "paid": true,
                "amount_refunded": 0, "captured": true, "status": "succeeded",
                "payment_intent": payment, "metadata": {},
            }),
        ),
        2 => (
            "refund.created",
            format!("re_{order}"),
            json!({
                "object": "refund", "amount": 400, "status": "succeeded", "charge": charge,
                "payment_intent": payment, "metadata": {},
            }),
        ),
        3 => (
            "charge.dispute.created",
            format!("dp_{order}"),
            json!({
                "object": "dispute", "amount": 400, "status": "needs_response", "charge": charge,
                "payment_intent": null, "reason": "fraudulent", "metadata": {},
            }),
        ),
        more => panic!("there is no {more}"),
    };
    let mut object = json!({"id": id, "currency": "eur", "created": 1_700_000_000});
    let fields = own.as_object().unwrap().clone();
    object.as_object_mut().unwrap().extend(fields);
    json!({
        "id": event_id(which, order), "object": "event", "created": 1_700_000_300,
        "api_version": "2026-07-29.dahlia", "livemode": false, "pending_webhooks": 1,
        "type": kind, "data": {"object": object},
    })
}

fn event_id(which: usize, order: &str) -> String {
    format!("evt_{which}_{order}")
}

/// Posts all arrivals beside each other, one place after the other, so that what is early waits
/// indeed. With a `seed` each place is shuffled and falls under a `kill -9`.
pub(crate) fn each_counts_once(site: &mut impl Site, name: &str, seed: Option<u64>) {
    let mut random = seed.map(Random::new);
    let arrivals = arrivals();
    assert_eq!(arrivals.len(), 24);
    let orders: Vec<String> = (0..24).map(|number| format!("{name}{number}")).collect();
    for place in 0..4 {
        let each = arrivals.iter().zip(&orders);
        let mut events: Vec<Value> = each
            .map(|(arrival, order)| told(arrival[place], order))
            .collect();
        match &mut random {
            None => assert!(site.send(&events)),
            Some(random) => {
                random.shuffle(&mut events);
                let wait = Duration::from_millis(random.below(BLOW_WITHIN_MS));
                post_under_a_blow(site, &events, wait);
            }
        }
    }
    for order in &orders {
        is_complete(site, order);
    }
    causes_are_told_once(site, &orders);
}

/// Stripe tries again what was not accepted, and so does this.
fn post_under_a_blow(site: &mut impl Site, events: &[Value], wait: Duration) {
    let pid = site.pid().to_string();
    let accepted = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(wait);
            let blow = Command::new("kill").args(["-9", &pid]).status();
            assert!(blow.unwrap().success());
        });
        site.send(events)
    });
    site.kill_and_restart();
    if !accepted {
        assert!(site.send(events), "not all events were accepted");
    }
}

/// Waits until the order holds each of its events, and says that each counts once.
fn is_complete(site: &impl Site, order: &str) {
    let url = format!("http://{}/api/v1/orders/{order}", site.ops());
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let look_up = || {
        let mut answer = agent.get(&url).call().unwrap();
        let found: Value = answer.body_mut().read_json().unwrap();
        (answer.status() == 200).then_some(found)
    };
    let mut expected: Vec<String> = (0..4).map(|which| event_id(which, order)).collect();
    expected.sort();
    let ids = |found: &Value| {
        let timeline = found["timeline"].as_array().unwrap().iter();
        let mut ids: Vec<String> = timeline
            .map(|moment| moment["event_id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let found = wait_until(LIMIT, || look_up().filter(|found| ids(found) == expected));
    let found = found.unwrap_or_else(|| panic!("{order}: {:?}", look_up()));
    for (field, value) in [
        ("status", json!("disputed")),
        ("amount_received", json!(1_000)),
        ("amount_refunded", json!(400)),
        ("version", json!(4)),
    ] {
        assert_eq!(found[field], value, "{field} of {order}: {found}");
    }
}

/// Each status record is another event's: no effect was told twice. Each version is a new one.
fn causes_are_told_once(site: &impl Site, orders: &[String]) {
    let topic = format!("{}orders.status", site.prefix());
    let told: Vec<OrderStatusChanged> = committed_records(&site.kafka(), &topic, LIMIT)
        .into_iter()
        .map(|record| {
            Codec::SingleObject
                .decode(&record.payload.unwrap())
                .unwrap()
        })
        .collect();
    for order in orders {
        let own: Vec<&OrderStatusChanged> = told
            .iter()
            .filter(|told| told.order_id.as_str() == order)
            .collect();
        let mut causes: Vec<&str> = own.iter().map(|told| told.event_id.as_str()).collect();
        causes.sort_unstable();
        causes.dedup();
        assert_eq!(causes.len(), own.len(), "{own:?}");
        assert!(
            own.is_sorted_by(|one, two| one.version < two.version),
            "{own:?}"
        );
        let last = own.last().unwrap();
        assert_eq!(
            (last.to.as_str(), last.amount_received, last.amount_refunded),
            ("disputed", 1_000, 400),
            "{own:?}"
        );
    }
}
