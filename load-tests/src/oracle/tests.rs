//! Hand-computed orders. Each line of a case is one event: type, id, second, the object's
//! fields; then what must come out, worked out on paper.

use serde_json::{Value, json};

use super::{Gap, OrderState, gaps, state};

fn event(event_type: &str, id: &str, created: i64, mut object: Value) -> Value {
    let kind = match event_type {
        name if name.starts_with("payment_intent.") => "payment_intent",
        name if name.starts_with("checkout.session.") => "checkout.session",
        name if name.starts_with("charge.dispute.") => "dispute",
        name if name.starts_with("refund.") || name == "charge.refund.updated" => "refund",
        _ => "charge",
    };
    object["object"] = json!(kind);
    if kind == "checkout.session" && object.get("mode").is_none() {
        object["mode"] = json!("payment");
    }
    json!({"id": id, "object": "event", "type": event_type, "created": created,
           "data": {"object": object}})
}

fn intent(event_type: &str, id: &str, at: i64, payment: &str, amount: i64, got: i64) -> Value {
    let object =
        json!({"id": payment, "amount": amount, "amount_received": got, "currency": "eur"});
    event(&format!("payment_intent.{event_type}"), id, at, object)
}

fn charge(event_type: &str, id: &str, at: i64, captured: i64, refunded: i64) -> Value {
    let object = json!({"id": "ch_1", "payment_intent": "pi_1", "amount": 1000,
        "amount_captured": captured, "amount_refunded": refunded, "captured": captured > 0,
        "status": "succeeded", "currency": "eur"});
    event(&format!("charge.{event_type}"), id, at, object)
}

fn refund(event_type: &str, id: &str, at: i64, refund: &str, amount: i64, status: &str) -> Value {
    let object = json!({"id": refund, "charge": "ch_1", "payment_intent": "pi_1",
        "amount": amount, "currency": "eur", "status": status});
    event(event_type, id, at, object)
}

fn dispute(event_type: &str, id: &str, at: i64, status: &str) -> Value {
    let object = json!({"id": "dp_1", "charge": "ch_1", "amount": 1000, "currency": "eur",
        "status": status});
    event(&format!("charge.dispute.{event_type}"), id, at, object)
}

fn session(event_type: &str, id: &str, at: i64, payment: Value, status: &str) -> Value {
    let object = json!({"id": "cs_1", "payment_intent": payment, "amount_total": 1000,
        "currency": "eur", "payment_status": status, "status": "complete"});
    event(&format!("checkout.session.{event_type}"), id, at, object)
}

fn shop(version: i64, status: &str, due: i64, currency: &str, at: Value) -> Value {
    json!({"order_id": "o", "status": status, "amount_due": due, "currency": currency,
           "version": version, "updated_at": at})
}

fn one(event: &Value) -> &[Value] {
    std::slice::from_ref(event)
}

/// Status, due, received, refunded of the whole set, whatever its order.
fn comes_to(events: &[Value], snapshots: &[Value], expected: (&str, Option<i64>, i64, i64)) {
    let mut backwards: Vec<Value> = events.to_vec();
    backwards.reverse();
    for events in [events, &backwards] {
        let OrderState {
            status,
            due,
            received,
            refunded,
            ..
        } = state(events, snapshots);
        assert_eq!((status, due, received, refunded), expected);
    }
}

#[test]
fn nothing_known_is_pending() {
    comes_to(&[], &[], ("pending", None, 0, 0));
}

#[test]
fn a_payment_goes_its_way_and_a_late_failure_takes_nothing_back() {
    let created = intent("created", "e1", 10, "pi_1", 1000, 0);
    let processing = intent("processing", "e2", 11, "pi_1", 1000, 0);
    let failed = intent("payment_failed", "e3", 99, "pi_1", 1000, 0);
    let succeeded = intent("succeeded", "e4", 50, "pi_1", 1000, 1000);
    comes_to(one(&created), &[], ("pending", Some(1000), 0, 0));
    comes_to(
        &[created.clone(), processing.clone()],
        &[],
        ("processing", Some(1000), 0, 0),
    );
    let all_but_success = [created, processing, failed];
    comes_to(&all_but_success, &[], ("payment_failed", Some(1000), 0, 0));
    let mut all = all_but_success.to_vec();
    all.push(succeeded);
    comes_to(&all, &[], ("paid", Some(1000), 1000, 0));
}

#[test]
fn of_one_second_the_higher_rank_holds_and_of_two_seconds_the_later() {
    let canceled = intent("canceled", "e1", 10, "pi_1", 1000, 0);
    let failed = intent("payment_failed", "e2", 10, "pi_1", 1000, 0);
    comes_to(&[canceled, failed], &[], ("canceled", Some(1000), 0, 0));
    let action = intent("requires_action", "e3", 12, "pi_1", 1000, 0);
    let failed = intent("payment_failed", "e4", 11, "pi_1", 1000, 0);
    comes_to(&[action, failed], &[], ("pending", Some(1000), 0, 0));
}

#[test]
fn a_captured_charge_proves_success_and_the_payments_own_amount_wins_over_it() {
    let authorised = charge("succeeded", "e1", 10, 0, 0);
    let captured = charge("captured", "e2", 11, 600, 0);
    // An amount that nobody took is no payment, and names no price.
    comes_to(one(&authorised), &[], ("pending", None, 0, 0));
    comes_to(
        &[authorised, captured.clone()],
        &[],
        ("partially_paid", Some(1000), 600, 0),
    );
    let own = intent("succeeded", "e3", 12, "pi_1", 600, 600);
    comes_to(&[captured, own], &[], ("paid", Some(600), 600, 0));
}

#[test]
fn a_part_that_came_in_counts() {
    let part = intent("partially_funded", "e1", 10, "pi_1", 1000, 400);
    comes_to(&[part], &[], ("partially_paid", Some(1000), 400, 0));
}

#[test]
fn a_session_speaks_for_its_payment_only_while_the_payment_is_silent() {
    let unpaid = session("completed", "e1", 10, json!("pi_1"), "unpaid");
    let failed = session("async_payment_failed", "e2", 9, json!("pi_1"), "unpaid");
    let paid = session(
        "async_payment_succeeded",
        "e3",
        8,
        json!({"id": "pi_1"}),
        "paid",
    );
    comes_to(one(&unpaid), &[], ("processing", Some(1000), 0, 0));
    comes_to(
        &[unpaid.clone(), failed.clone()],
        &[],
        ("payment_failed", Some(1000), 0, 0),
    );
    comes_to(
        &[unpaid.clone(), failed, paid.clone()],
        &[],
        ("paid", Some(1000), 1000, 0),
    );
    let own = intent("processing", "e4", 7, "pi_1", 1000, 0);
    comes_to(&[unpaid, paid, own], &[], ("processing", Some(1000), 0, 0));
    let expired = session("expired", "e5", 10, Value::Null, "unpaid");
    comes_to(&[expired], &[], ("canceled", Some(1000), 0, 0));
}

#[test]
fn a_free_order_is_paid_only_if_nothing_is_due() {
    let object = json!({"id": "cs_1", "payment_intent": null, "amount_total": 0,
        "currency": "eur", "payment_status": "no_payment_required"});
    let free = event("checkout.session.completed", "e1", 10, object);
    comes_to(one(&free), &[], ("paid", Some(0), 0, 0));
    let costs = shop(1, "pending", 500, "eur", json!(1));
    assert_ne!(state(&[free], &[costs]).status, "paid");
}

#[test]
fn a_session_for_a_subscription_is_none_of_ours() {
    let object = json!({"id": "cs_1", "mode": "subscription", "amount_total": 1000,
        "currency": "eur", "payment_status": "paid"});
    let subscription = event("checkout.session.completed", "e1", 10, object);
    comes_to(&[subscription], &[], ("pending", None, 0, 0));
}

#[test]
fn refunds_are_counted_by_charge_and_a_failed_one_comes_back() {
    let paid = charge("succeeded", "e1", 10, 1000, 0);
    let asked = refund("refund.created", "e2", 11, "re_1", 300, "pending");
    comes_to(
        &[paid.clone(), asked.clone()],
        &[],
        ("partially_refunded", Some(1000), 1000, 300),
    );
    let told = charge("refunded", "e3", 12, 1000, 500);
    let both = [paid.clone(), asked.clone(), told.clone()];
    comes_to(&both, &[], ("partially_refunded", Some(1000), 1000, 500));
    let failed = refund("refund.failed", "e4", 13, "re_1", 300, "failed");
    let three = [paid.clone(), asked, told, failed];
    comes_to(&three, &[], ("partially_refunded", Some(1000), 1000, 200));
    let whole = charge("refunded", "e5", 14, 1000, 1000);
    comes_to(
        &[paid.clone(), whole],
        &[],
        ("refunded", Some(1000), 1000, 1000),
    );
    let canceled = refund("refund.updated", "e6", 15, "re_2", 300, "canceled");
    comes_to(&[paid, canceled], &[], ("paid", Some(1000), 1000, 0));
}

#[test]
fn an_open_dispute_shows_a_won_one_leaves_no_trace_and_a_lost_one_takes_the_money() {
    let paid = charge("succeeded", "e1", 10, 1000, 0);
    let inquiry = dispute("created", "e2", 11, "warning_needs_response");
    comes_to(&[paid.clone(), inquiry], &[], ("paid", Some(1000), 1000, 0));
    let open = dispute("created", "e3", 12, "needs_response");
    comes_to(
        &[paid.clone(), open.clone()],
        &[],
        ("disputed", Some(1000), 1000, 0),
    );
    comes_to(one(&open), &[], ("pending", None, 0, 0));
    let won = dispute("closed", "e4", 13, "won");
    // A late word on an earlier state does not open it again.
    let late = dispute("updated", "e5", 99, "under_review");
    let closed = [paid.clone(), open.clone(), won.clone(), late];
    comes_to(&closed, &[], ("paid", Some(1000), 1000, 0));
    let lost = dispute("closed", "e6", 14, "lost");
    comes_to(
        &[paid, open, won, lost],
        &[],
        ("refunded", Some(1000), 1000, 1000),
    );
}

#[test]
fn the_currency_is_the_shops_else_that_of_the_earliest_success() {
    let mut dollars = intent("succeeded", "e1", 20, "pi_2", 1100, 1100);
    dollars["data"]["object"]["currency"] = json!("usd");
    let euros = intent("succeeded", "e2", 10, "pi_1", 1000, 1000);
    let both = [dollars.clone(), euros];
    comes_to(&both, &[], ("paid", Some(1000), 1000, 0));
    let in_dollars = shop(1, "pending", 1100, "usd", json!(1));
    comes_to(&both, one(&in_dollars), ("paid", Some(1100), 1100, 0));
    assert_eq!(state(&both, &[in_dollars]).currency.as_deref(), Some("usd"));
}

#[test]
fn two_payments_add_up_and_an_event_told_twice_does_not() {
    let first = intent("succeeded", "e1", 10, "pi_1", 1000, 1000);
    let second = intent("succeeded", "e2", 11, "pi_2", 1000, 1000);
    comes_to(
        &[first.clone(), second, first],
        &[],
        ("paid", Some(1000), 2000, 0),
    );
}

#[test]
fn the_shops_word_on_what_is_due_holds_by_version() {
    let paid = intent("succeeded", "e1", 10, "pi_1", 1000, 1000);
    let more = shop(2, "pending", 1200, "eur", json!(1));
    let less = shop(1, "pending", 1000, "eur", json!(2));
    comes_to(
        &[paid],
        &[more, less],
        ("partially_paid", Some(1200), 1000, 0),
    );
}

/// Each gap as its kind, amount and payment; with an order service.
fn found(events: &[Value], snapshots: &[Value]) -> Vec<(&'static str, i64, Option<String>)> {
    let told = gaps(events, snapshots, true).into_iter();
    told.map(|gap| (gap.kind, gap.amount, gap.payment_intent))
        .collect()
}

fn kinds(events: &[Value], snapshots: &[Value]) -> Vec<&'static str> {
    let found = found(events, snapshots).into_iter();
    found.map(|(kind, _, _)| kind).collect()
}

#[test]
fn a_paid_order_that_its_shop_left_pending_or_canceled_afterwards_is_not_marked() {
    let paid = [intent("succeeded", "e1", 10, "pi_1", 1000, 1000)];
    let says = |status: &str, at: Value| shop(1, status, 1000, "eur", at);
    assert_eq!(
        kinds(&paid, &[says("pending", json!(1))]),
        ["paid_not_marked"]
    );
    assert!(kinds(&paid, &[says("paid", json!(1))]).is_empty());
    let canceled = |second: &str| says("canceled", json!(format!("1970-01-01T00:00:{second}Z")));
    assert_eq!(kinds(&paid, &[canceled("11")]), ["paid_not_marked"]);
    assert_eq!(kinds(&paid, &[canceled("10")]), ["late_success"]);
    assert!(kinds(&[], &[says("pending", json!(1))]).is_empty());
}

#[test]
fn an_order_that_the_shop_never_spoke_of_is_an_orphan_only_with_a_feed() {
    let paid = [intent("succeeded", "e1", 10, "pi_1", 1000, 1000)];
    let orphan = Gap {
        kind: "orphan_payment",
        amount: 1000,
        currency: "eur".to_owned(),
        payment_intent: Some("pi_1".to_owned()),
        unpaid: true,
    };
    assert_eq!(gaps(&paid, &[], true), [orphan]);
    assert_eq!(gaps(&paid, &[], false), []);
}

#[test]
fn too_little_too_much_and_too_often_are_kinds_of_their_own() {
    let paid = intent("succeeded", "e1", 10, "pi_1", 1000, 1000);
    let again = intent("succeeded", "e2", 20, "pi_2", 1000, 1000);
    let says = |status: &str, due: i64| shop(1, status, due, "eur", json!(1));
    let pi_1 = || Some("pi_1".to_owned());
    assert_eq!(
        found(one(&paid), &[says("pending", 1200)]),
        [("amount_mismatch", 200, pi_1())]
    );
    assert_eq!(
        found(one(&paid), &[says("paid", 900)]),
        [("amount_mismatch", 100, pi_1())]
    );
    assert_eq!(
        found(&[paid.clone(), again.clone()], &[says("paid", 1000)]),
        [("duplicate_payment", 1000, Some("pi_2".to_owned()))]
    );
    assert_eq!(
        found(one(&paid), &[says("paid", 1500)]),
        [
            ("amount_mismatch", 500, pi_1()),
            ("marked_not_paid", 500, pi_1())
        ]
    );
    // What was too much went back.
    let back = charge("refunded", "e3", 30, 1000, 1000);
    assert!(kinds(&[paid, again, back], &[says("paid", 1000)]).is_empty());
}

#[test]
fn money_that_went_back_or_is_held_back_is_told_until_the_shop_knows() {
    let paid = charge("succeeded", "e1", 10, 1000, 0);
    let back = charge("refunded", "e2", 20, 1000, 1000);
    let says = |status: &str| [shop(1, status, 1000, "eur", json!(1))];
    let refunded = [paid.clone(), back];
    assert_eq!(kinds(&refunded, &says("paid")), ["refund_unreflected"]);
    assert!(kinds(&refunded, &says("refunded")).is_empty());
    let open = dispute("created", "e3", 20, "needs_response");
    let disputed = [paid.clone(), open.clone()];
    assert_eq!(
        found(&disputed, &says("paid")),
        [("dispute_open", 1000, Some("pi_1".to_owned()))]
    );
    let lost = dispute("closed", "e4", 30, "lost");
    assert_eq!(
        kinds(&[paid.clone(), open, lost], &says("paid")),
        ["refund_unreflected", "dispute_lost"]
    );
    let won = dispute("closed", "e5", 30, "won");
    assert!(kinds(&[paid, won], &says("paid")).is_empty());
}

#[test]
fn what_is_processing_is_told_while_nothing_came_in() {
    let asked = intent("processing", "e1", 10, "pi_1", 1000, 0);
    let done = intent("succeeded", "e2", 20, "pi_1", 1000, 1000);
    assert_eq!(
        found(one(&asked), &[]),
        [("stuck_processing", 1000, Some("pi_1".to_owned()))]
    );
    assert_eq!(kinds(&[asked, done], &[]), ["orphan_payment"]);
}

#[test]
fn an_order_is_named_by_the_first_valid_of_three_places() {
    let named =
        |object: Value| super::reading::order_id(&event("charge.succeeded", "e", 1, object));
    let all = json!({"metadata": {"order_id": "a"}, "client_reference_id": "b"});
    assert_eq!(named(all).as_deref(), Some("a"));
    let second = json!({"metadata": {"order_id": ""}, "client_reference_id": "b"});
    assert_eq!(named(second).as_deref(), Some("b"));
    let third = json!({"metadata": {"order_id": "a\u{0}"}, "client_reference_id": null,
        "payment_details": {"order_reference": "c"}});
    assert_eq!(named(third).as_deref(), Some("c"));
    assert_eq!(
        named(json!({"metadata": {"order_id": "x".repeat(201)}})),
        None
    );
}

#[test]
fn a_session_whose_payment_speaks_contributes_its_amount_alone() {
    let own = intent("processing", "e1", 10, "pi_1", 900, 0);
    let paid = session("completed", "e2", 11, json!("pi_1"), "paid");
    comes_to(
        &[own.clone(), paid.clone()],
        &[],
        ("processing", Some(1000), 0, 0),
    );
    let done = intent("succeeded", "e3", 12, "pi_1", 900, 900);
    comes_to(&[own, paid, done], &[], ("paid", Some(900), 900, 0));
}

#[test]
fn two_paid_sessions_of_one_silent_payment_are_one_payment() {
    let first = session("completed", "e1", 10, json!("pi_1"), "paid");
    let mut second = session("completed", "e2", 11, json!("pi_1"), "paid");
    second["data"]["object"]["id"] = json!("cs_2");
    comes_to(&[first, second], &[], ("paid", Some(1000), 1000, 0));
}

#[test]
fn a_charge_that_names_its_payment_later_is_counted_once() {
    let mut nameless = charge("succeeded", "e1", 10, 1000, 0);
    nameless["data"]["object"]["payment_intent"] = Value::Null;
    let named = charge("updated", "e2", 11, 1000, 0);
    let own = intent("succeeded", "e3", 12, "pi_1", 1000, 1000);
    comes_to(
        &[nameless.clone(), named.clone()],
        &[],
        ("paid", Some(1000), 1000, 0),
    );
    comes_to(&[nameless, named, own], &[], ("paid", Some(1000), 1000, 0));
}

#[test]
fn a_charge_that_failed_proves_nothing_and_one_that_took_nothing_names_no_price() {
    let failed = charge("failed", "e1", 10, 1000, 0);
    let open = intent("created", "e2", 11, "pi_1", 500, 0);
    comes_to(&[failed, open], &[], ("pending", Some(500), 0, 0));
}

#[test]
fn a_refund_that_names_only_its_payment_is_its_charges() {
    let told = charge("refunded", "e1", 10, 1000, 300);
    let mut asked = refund("refund.created", "e2", 11, "re_1", 300, "succeeded");
    asked["data"]["object"]["charge"] = Value::Null;
    comes_to(
        &[told, asked],
        &[],
        ("partially_refunded", Some(1000), 1000, 300),
    );
}

#[test]
fn an_id_told_with_other_facts_is_joined_and_is_a_version_of_its_own() {
    let told = intent("succeeded", "e1", 10, "pi_1", 1000, 1000);
    let mut again = told.clone();
    again["pending_webhooks"] = json!(3);
    let other = intent("succeeded", "e1", 10, "pi_1", 1200, 1200);
    let all = [told.clone(), again.clone(), other];
    comes_to(&all, &[], ("paid", Some(1200), 1200, 0));
    assert_eq!(state(&all, &[]).version, 2);
    assert_eq!(state(&[told, again], &[]).version, 1);
}

#[test]
fn of_one_versions_contents_the_later_holds_and_each_is_a_version() {
    let paid = intent("succeeded", "e1", 10, "pi_1", 1000, 1000);
    let more = shop(1, "pending", 1200, "eur", json!(2));
    let less = shop(1, "pending", 1000, "eur", json!(1));
    for snapshots in [[more.clone(), less.clone()], [less, more]] {
        comes_to(
            one(&paid),
            &snapshots,
            ("partially_paid", Some(1200), 1000, 0),
        );
        assert_eq!(state(one(&paid), &snapshots).version, 3);
    }
}

#[test]
fn a_free_session_pays_nothing_where_its_payment_speaks_for_itself() {
    let object = json!({"id": "cs_1", "payment_intent": "pi_1", "amount_total": 0,
        "currency": "eur", "payment_status": "no_payment_required"});
    let free = event("checkout.session.completed", "e1", 10, object);
    let nothing = shop(1, "pending", 0, "eur", json!(1));
    comes_to(one(&free), one(&nothing), ("paid", Some(0), 0, 0));
    let own = intent("canceled", "e2", 11, "pi_1", 1000, 0);
    comes_to(&[free, own], &[nothing], ("canceled", Some(0), 0, 0));
}

#[test]
fn money_in_another_currency_does_not_say_when_the_order_was_paid() {
    let mut dollars = intent("succeeded", "e1", 10, "pi_1", 1100, 1100);
    dollars["data"]["object"]["currency"] = json!("usd");
    let euros = intent("succeeded", "e2", 30, "pi_2", 1000, 1000);
    let events = [dollars, euros];
    let canceled = |at_ms: i64| shop(1, "canceled", 1000, "eur", json!(at_ms));
    let elsewhere = ("currency_mismatch", 1100, Some("pi_1".to_owned()));
    let of = |kind| (kind, 1000, Some("pi_2".to_owned()));
    assert_eq!(
        found(&events, &[canceled(20_000)]),
        [of("late_success"), elsewhere.clone()]
    );
    assert_eq!(
        found(&events, &[canceled(30_001)]),
        [of("paid_not_marked"), elsewhere]
    );
}
