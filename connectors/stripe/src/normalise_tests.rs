//! What is taken from each kind of object, and what is refused by name.

use serde_json::{Value, json};
use trueup_domain::event::{
    ChargeFacts, DisputeFacts, DisputeStatus, PaymentFacts, RefundFacts, RefundStatus,
    SessionFacts, SessionPaymentStatus, SessionStatus,
};
use trueup_domain::money::{Currency, MinorUnits};

use super::*;
use crate::testing::{NOW_S, event, fixture};

const PAYMENT: &str = "pi_1PgafyB7WZ01zgkWSjxsAJo3";
const SESSION: &str = "cs_test_a1YS1URlnyQCN5fUUduORoQ7Pw41PJqDWkIVQCpJPqkfIhd6tVY8XB1OLY";
const CHARGE: &str = "ch_1PgafuB7WZ01zgkWXYmPNZs8";
const REFUND: &str = "re_1Pgc72B7WZ01zgkWqPvrRrPE";
const DISPUTE: &str = "dp_1Pgc71B7WZ01zgkWMevJiAUx";

#[path = "normalise_tests/naming.rs"]
mod naming;

fn verified(body: &str) -> Verified {
    let digest: [u8; 32] = Sha256::digest(body).into();
    Verified::by_digest(Bytes::copy_from_slice(body.as_bytes()), &digest).unwrap()
}

fn read(body: &str) -> Result<Option<Normalised>, BodyFault> {
    Notice::read(&verified(body)).and_then(Notice::normalise)
}

/// What is kept of an event of `event_type` about a fixture with the fields of `own`.
fn of(event_type: &str, name: &str, own: Value) -> Normalised {
    let body = event(event_type, fixture(name, own)).to_string();
    read(&body).unwrap().expect("a type that is used")
}

fn facts(event_type: &str, name: &str, own: Value) -> Facts {
    of(event_type, name, own).event.facts
}

fn fault(event_type: &str, name: &str, own: Value) -> String {
    let body = event(event_type, fixture(name, own)).to_string();
    read(&body).expect_err(&body).to_string()
}

fn id(text: &str) -> ObjectId {
    text.try_into().unwrap()
}

fn units(amount: i64) -> MinorUnits {
    amount.try_into().unwrap()
}

fn usd() -> Currency {
    "usd".try_into().unwrap()
}

fn names(object: &Option<ObjectId>) -> Option<&str> {
    object.as_ref().map(ObjectId::as_str)
}

fn all_of(prefix: &str) -> Vec<&'static str> {
    let names = EventType::ALL.iter().map(|it| it.as_str());
    names.filter(|name| name.starts_with(prefix)).collect()
}

#[test]
fn every_event_of_a_payment_tells_its_amounts_and_its_charge() {
    let types = all_of("payment_intent.");
    assert_eq!(types.len(), 8);
    for event_type in types {
        let own = json!({"amount_received": 700, "latest_charge": "ch_1"});
        let kept = of(event_type, "payment_intent", own);
        let expected = Facts::Payment(PaymentFacts {
            id: id(PAYMENT),
            amount: units(1099),
            amount_received: units(700),
            currency: usd(),
        });
        assert_eq!(kept.event.facts, expected, "{event_type}");
        assert_eq!(kept.event.kind.as_str(), event_type);
        assert_eq!(kept.event.id.as_str(), "evt_1");
        assert_eq!(kept.event.created, NOW_S - 5);
        assert_eq!(kept.event.livemode, Some(false));
        assert_eq!(names(&kept.payment), Some(PAYMENT));
        assert_eq!(names(&kept.charge), Some("ch_1"));
        assert_eq!(names(&kept.session), None);
    }
}

#[test]
fn only_a_success_must_say_how_much_was_received() {
    for event_type in all_of("payment_intent.") {
        let own = json!({"amount_received": null});
        let needed = [
            "payment_intent.succeeded",
            "payment_intent.partially_funded",
        ];
        if needed.contains(&event_type) {
            let fault = fault(event_type, "payment_intent", own);
            assert!(
                fault.ends_with("`data.object.amount_received` is missing"),
                "{fault}"
            );
        } else {
            let Facts::Payment(payment) = facts(event_type, "payment_intent", own) else {
                panic!("{event_type} tells of a payment")
            };
            assert_eq!(payment.amount_received, MinorUnits::ZERO, "{event_type}");
        }
    }
}

#[test]
fn every_event_of_a_session_tells_its_states_and_its_total() {
    use SessionPaymentStatus as P;
    use SessionStatus as S;
    let types = all_of("checkout.session.");
    assert_eq!(types.len(), 4);
    let paid = [
        ("paid", P::Paid),
        ("unpaid", P::Unpaid),
        ("no_payment_required", P::NoPaymentRequired),
    ];
    let stand = [
        ("open", S::Open),
        ("expired", S::Expired),
        ("complete", S::Complete),
    ];
    for event_type in types {
        for ((paid, payment_status), (stand, status)) in paid
            .iter()
            .flat_map(|paid| stand.iter().map(move |stand| (*paid, *stand)))
        {
            let own = json!({
                "payment_status": paid, "status": stand, "amount_total": 4200, "currency": "usd",
            });
            let kept = of(event_type, "checkout_session", own);
            let expected = Facts::Session(SessionFacts {
                id: id(SESSION),
                payment: Some(id(PAYMENT)),
                amount_total: units(4200),
                currency: Some(usd()),
                payment_status,
                status,
            });
            assert_eq!(kept.event.facts, expected, "{event_type}");
            assert_eq!(names(&kept.payment), Some(PAYMENT));
            assert_eq!(names(&kept.session), Some(SESSION));
            assert_eq!(names(&kept.charge), None);
        }
    }
}

#[test]
fn a_session_without_a_payment_a_total_or_a_status_is_taken_as_it_is() {
    let cases = [
        ("checkout.session.expired", SessionStatus::Expired),
        ("checkout.session.completed", SessionStatus::Complete),
    ];
    for (event_type, status) in cases {
        let own = json!({"payment_intent": null, "status": null, "mode": null});
        let expected = Facts::Session(SessionFacts {
            id: id(SESSION),
            payment: None,
            amount_total: MinorUnits::ZERO,
            currency: None,
            payment_status: SessionPaymentStatus::Unpaid,
            status,
        });
        assert_eq!(facts(event_type, "checkout_session", own), expected);
    }
}

#[test]
fn sessions_that_are_not_a_payment_are_only_counted_whatever_else_they_hold() {
    for mode in ["setup", "subscription", "a mode of next year"] {
        let own = json!({"mode": mode, "payment_status": 7, "amount_total": "?"});
        let body = event(
            "checkout.session.completed",
            fixture("checkout_session", own),
        );
        assert!(read(&body.to_string()).unwrap().is_none(), "{mode}");
    }
}

#[test]
fn what_a_customer_saw_in_another_currency_is_not_what_is_compared() {
    let shown = json!({"presentment_amount": 999_999, "presentment_currency": "jpy"});
    for name in ["payment_intent", "checkout_session"] {
        let event_type = match name {
            "payment_intent" => "payment_intent.processing",
            _ => "checkout.session.completed",
        };
        let with = facts(event_type, name, json!({"presentment_details": shown}));
        assert_eq!(with, facts(event_type, name, json!({})));
    }
}

#[test]
fn every_event_of_a_charge_tells_what_was_captured_and_refunded() {
    let types = [
        "charge.succeeded",
        "charge.failed",
        "charge.captured",
        "charge.updated",
        "charge.refunded",
    ];
    for event_type in types {
        let own = json!({
            "payment_intent": PAYMENT, "amount": 300, "amount_captured": 200,
            "amount_refunded": 100, "captured": true,
        });
        let kept = of(event_type, "charge", own);
        let expected = Facts::Charge(ChargeFacts {
            id: id(CHARGE),
            payment: Some(id(PAYMENT)),
            amount: units(300),
            amount_captured: units(200),
            amount_refunded: units(100),
            currency: usd(),
            captured: true,
        });
        assert_eq!(kept.event.facts, expected, "{event_type}");
        assert_eq!(names(&kept.payment), Some(PAYMENT));
        assert_eq!(names(&kept.charge), Some(CHARGE));
    }
}

#[test]
fn a_charge_is_captured_only_where_it_says_so_and_succeeded() {
    let cases = [
        (json!(true), json!("succeeded"), true),
        (json!(true), json!(null), true),
        (json!(true), json!("pending"), false),
        (json!(true), json!("failed"), false),
        (json!(false), json!("succeeded"), false),
        (json!(null), json!("succeeded"), false),
    ];
    for (captured, status, expected) in cases {
        let own = json!({"captured": captured, "status": status});
        let Facts::Charge(charge) = facts("charge.updated", "charge", own.clone()) else {
            panic!("a charge")
        };
        assert_eq!(charge.captured, expected, "{own}");
    }
}

#[test]
fn an_event_about_an_amount_must_have_it() {
    let captured = json!({"captured": true, "amount_captured": null});
    assert!(
        fault("charge.captured", "charge", captured)
            .ends_with("`data.object.amount_captured` is missing")
    );
    let refunded = json!({"amount_refunded": null});
    assert!(
        fault("charge.refunded", "charge", refunded.clone())
            .ends_with("`data.object.amount_refunded` is missing")
    );
    // The same field is no news in another event.
    assert!(matches!(
        facts("charge.succeeded", "charge", refunded),
        Facts::Charge(_)
    ));
}

#[test]
fn every_event_of_a_refund_tells_its_amount_and_status() {
    use RefundStatus as R;
    let statuses = [
        (json!("pending"), R::Pending),
        (json!(null), R::Pending),
        (json!("requires_action"), R::RequiresAction),
        (json!("succeeded"), R::Succeeded),
        (json!("canceled"), R::Canceled),
        (json!("failed"), R::Failed),
    ];
    for event_type in [
        "refund.created",
        "refund.updated",
        "refund.failed",
        "charge.refund.updated",
    ] {
        for (text, status) in &statuses {
            let own = json!({"status": text, "payment_intent": PAYMENT});
            let kept = of(event_type, "refund", own);
            let expected = Facts::Refund(RefundFacts {
                id: id(REFUND),
                charge: Some(id(CHARGE)),
                payment: Some(id(PAYMENT)),
                amount: units(100),
                currency: usd(),
                status: *status,
            });
            assert_eq!(kept.event.facts, expected, "{event_type} {text}");
            assert_eq!(names(&kept.charge), Some(CHARGE));
        }
    }
}

#[test]
fn every_event_of_a_dispute_tells_its_amount_and_status() {
    use DisputeStatus as D;
    let statuses = [
        ("warning_needs_response", D::Warning),
        ("warning_under_review", D::Warning),
        ("warning_closed", D::Warning),
        ("prevented", D::Prevented),
        ("needs_response", D::NeedsResponse),
        ("under_review", D::UnderReview),
        ("won", D::Won),
        ("lost", D::Lost),
    ];
    let types = all_of("charge.dispute.");
    assert_eq!(types.len(), 5);
    for event_type in types {
        for (text, status) in statuses {
            let kept = of(event_type, "dispute", json!({"status": text}));
            let expected = Facts::Dispute(DisputeFacts {
                id: id(DISPUTE),
                charge: Some(id(CHARGE)),
                payment: None,
                amount: units(1000),
                currency: usd(),
                status,
            });
            assert_eq!(kept.event.facts, expected, "{event_type} {text}");
        }
    }
}

#[test]
fn a_bad_field_is_refused_by_its_name_and_never_quoted() {
    let pi = "payment_intent.succeeded";
    let cases = [
        (pi, "payment_intent", "id", json!(null)),
        (pi, "payment_intent", "id", json!("")),
        (pi, "payment_intent", "object", json!("charge")),
        (pi, "payment_intent", "amount", json!(null)),
        (pi, "payment_intent", "amount", json!("1099")),
        (pi, "payment_intent", "amount", json!(-1)),
        (pi, "payment_intent", "amount", json!(10.5)),
        (
            pi,
            "payment_intent",
            "amount",
            json!(9_007_199_254_740_992_i64),
        ),
        (pi, "payment_intent", "amount", json!(u64::MAX)),
        (pi, "payment_intent", "currency", json!(null)),
        (pi, "payment_intent", "currency", json!("USD")),
        (pi, "payment_intent", "currency", json!("xyzzy")),
        (pi, "payment_intent", "latest_charge", json!(7)),
        (
            "checkout.session.completed",
            "checkout_session",
            "mode",
            json!(1),
        ),
        (
            "checkout.session.completed",
            "checkout_session",
            "payment_status",
            json!("xyzzy"),
        ),
        (
            "checkout.session.completed",
            "checkout_session",
            "payment_status",
            json!(null),
        ),
        (
            "checkout.session.completed",
            "checkout_session",
            "status",
            json!("xyzzy"),
        ),
        ("charge.succeeded", "charge", "captured", json!("true")),
        ("charge.succeeded", "charge", "status", json!(1)),
        ("refund.created", "refund", "status", json!("xyzzy")),
        ("refund.created", "refund", "amount", json!(1e3)),
        (
            "charge.dispute.created",
            "dispute",
            "status",
            json!("xyzzy"),
        ),
        ("charge.dispute.created", "dispute", "status", json!(null)),
    ];
    for (event_type, name, field, value) in cases {
        let fault = fault(event_type, name, json!({field: value}));
        assert!(
            fault.contains(&format!("`data.object.{field}`")),
            "{field} {value}: {fault}"
        );
        assert!(!fault.contains("xyzzy"), "{fault}");
    }
}
