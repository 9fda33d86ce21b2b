//! How objects name their order and each other, and what is kept of the body.

use super::*;

#[test]
fn a_reference_is_an_id_or_the_object_it_was_expanded_to() {
    for payment in [
        json!(PAYMENT),
        json!({"id": PAYMENT, "object": "payment_intent", "metadata": {"order_id": "other"}}),
    ] {
        let kept = of(
            "refund.created",
            "refund",
            json!({"payment_intent": payment}),
        );
        assert_eq!(names(&kept.payment), Some(PAYMENT), "{payment}");
        assert_eq!(kept.order_id, None, "metadata is not inherited");
    }
    for wrong in [
        json!({}),
        json!({"id": null}),
        json!({"id": 5}),
        json!({"id": ["pi_1"]}),
        json!({"id": {"id": "pi_1"}}),
        json!(5),
        json!(true),
        json!(["pi_1"]),
        json!(""),
        json!("pi\u{7}1"),
        json!("x".repeat(256)),
    ] {
        let fault = fault("refund.created", "refund", json!({"payment_intent": wrong}));
        let expected = "`data.object.payment_intent` is not an id or an object with an `id`";
        assert!(fault.ends_with(expected), "{wrong}: {fault}");
    }
}

#[test]
fn the_order_is_named_by_the_first_place_that_holds_a_valid_id() {
    let payment = |own| of("payment_intent.processing", "payment_intent", own);
    let session = |own| of("checkout.session.completed", "checkout_session", own);
    let cases = [
        (
            payment(
                json!({"metadata": {"order_id": "a"}, "payment_details": {"order_reference": "c"}}),
            ),
            Some("a"),
            true,
        ),
        (
            payment(
                json!({"metadata": {"order_id": "a"}, "payment_details": {"order_reference": "a"}}),
            ),
            Some("a"),
            false,
        ),
        (
            payment(json!({"payment_details": {"order_reference": "c"}})),
            Some("c"),
            false,
        ),
        (
            payment(
                json!({"metadata": {"order_id": ""}, "payment_details": {"order_reference": "c"}}),
            ),
            Some("c"),
            false,
        ),
        (
            payment(
                json!({"metadata": {"order_id": "x\ny"}, "payment_details": {"order_reference": "c"}}),
            ),
            Some("c"),
            false,
        ),
        (
            payment(
                json!({"metadata": {"order_id": 17}, "payment_details": {"order_reference": "c"}}),
            ),
            Some("c"),
            false,
        ),
        (
            payment(json!({"metadata": {"order_id": "é".repeat(100)}})),
            Some(&*"é".repeat(100)),
            false,
        ),
        (
            payment(json!({"metadata": {"order_id": "é".repeat(100) + "x"}})),
            None,
            false,
        ),
        (
            payment(json!({"metadata": {"orderId": "a"}, "payment_details": null})),
            None,
            false,
        ),
        (payment(json!({"metadata": null})), None, false),
        (payment(json!({"client_reference_id": "b"})), None, false),
        (
            session(json!({"metadata": {"order_id": "a"}, "client_reference_id": "b"})),
            Some("a"),
            true,
        ),
        (
            session(json!({"metadata": {"order_id": "\u{85}"}, "client_reference_id": "b"})),
            Some("b"),
            false,
        ),
        (
            session(json!({"client_reference_id": "b"})),
            Some("b"),
            false,
        ),
        (
            session(json!({"client_reference_id": {"id": 5}})),
            None,
            false,
        ),
    ];
    for (number, (kept, order_id, disagree)) in cases.iter().enumerate() {
        let found = kept.order_id.as_ref().map(OrderId::as_str);
        assert_eq!(
            (found, kept.order_ids_disagree),
            (*order_id, *disagree),
            "case {number}"
        );
    }
}

#[test]
fn an_event_without_an_order_is_keyed_by_payment_else_charge_else_session_else_itself() {
    let cases = [
        (
            of(
                "charge.updated",
                "charge",
                json!({"payment_intent": "pi_1"}),
            ),
            "pi_1",
        ),
        (of("charge.updated", "charge", json!({})), CHARGE),
        (
            of("checkout.session.completed", "checkout_session", json!({})),
            PAYMENT,
        ),
        (
            of(
                "checkout.session.completed",
                "checkout_session",
                json!({"payment_intent": null}),
            ),
            SESSION,
        ),
        (of("refund.created", "refund", json!({})), CHARGE),
        (
            of("refund.created", "refund", json!({"charge": null})),
            REFUND,
        ),
        (
            of("charge.dispute.created", "dispute", json!({"charge": null})),
            DISPUTE,
        ),
    ];
    for (kept, key) in cases {
        assert_eq!(kept.unlinked_key().as_str(), key);
    }
}

#[test]
fn what_differs_between_two_deliveries_is_no_fact() {
    let one = event(
        "payment_intent.processing",
        fixture("payment_intent", json!({})),
    );
    let mut other = one.clone();
    other["pending_webhooks"] = json!(9);
    other["request"] = json!(null);
    let pretty = serde_json::to_string_pretty(&other).unwrap();
    let (one, other) = (
        read(&one.to_string()).unwrap().unwrap(),
        read(&pretty).unwrap().unwrap(),
    );
    assert_eq!(one.event, other.event);
    assert_ne!(one.body_sha256, other.body_sha256);
}

#[test]
fn the_body_that_is_kept_has_no_client_secret_and_gives_the_same_facts_again() {
    let body = event(
        "charge.succeeded",
        fixture("charge", json!({"extra": {"client_secret": "a\"b"}})),
    )
    .to_string();
    let kept = read(&body).unwrap().unwrap();
    assert_eq!(kept.body.len(), body.len());
    let text = std::str::from_utf8(&kept.body).unwrap();
    assert!(
        body.contains(r#""client_secret":"client_secret""#)
            && body.contains(r#""client_secret":"a\"b""#)
    );
    assert!(
        text.contains(r#""client_secret":"*************""#)
            && text.contains(r#""client_secret":"****""#),
        "{text}"
    );
    assert_eq!(
        <[u8; 32]>::from(Sha256::digest(&kept.body)),
        kept.body_sha256
    );
    let again = Verified::by_digest(kept.body.clone(), &kept.body_sha256).unwrap();
    let again = Notice::read(&again).unwrap().normalise().unwrap().unwrap();
    assert_eq!(
        (again.event, again.body_sha256),
        (kept.event, kept.body_sha256)
    );
}
