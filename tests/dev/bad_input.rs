//! What a shop or Stripe should never send: each has an error or a gap with a name, and the
//! neighbours do not feel it.

use serde_json::{Value, json};
use trueup_schemas::codec::Codec;
use trueup_schemas::records::{DeadLetter, PaymentEvent};
use trueup_testkit::{committed_records, wait_until};

use crate::bench::{Dev, LIMIT, said, success, trueup};
use crate::poison::{Poison, expect_depths};

/// The most that an order may hold, by the limits told to users.
const HELD: usize = 512;
/// The most that an amount may be.
const MOST: i64 = (1 << 53) - 1;

/// `of`, with these fields of its object in the place of its own.
fn with(mut of: Value, fields: &Value) -> Value {
    let own = of["data"]["object"].as_object_mut().unwrap();
    own.extend(fields.as_object().unwrap().clone());
    of
}

/// A success whose order is named just so.
fn named(name: &str, order: &Value) -> Value {
    with(
        success(name, 1),
        &json!({"metadata": {"order_id": order.clone()}}),
    )
}

fn accepted(dev: &Dev, events: &[Value]) {
    let sent = dev.send(events);
    assert!(sent.status.success(), "{}", said(&sent));
}

/// Waits until the open gaps are these: order, kind, amount, currency.
fn gaps_become(dev: &Dev, expected: &[(&str, &str, i64, &str)]) {
    let listed = || -> Vec<(String, String, i64, String)> {
        let told = trueup()
            .args(["gaps", "--json", "--ops", dev.ops()])
            .output();
        assert!(told.status.success(), "{}", said(&told));
        let page: Value = serde_json::from_slice(&told.stdout).unwrap();
        let text = |gap: &Value, name: &str| gap[name].as_str().unwrap().to_owned();
        let one = |gap: &Value| {
            (
                text(gap, "order_id"),
                text(gap, "kind"),
                gap["amount"].as_i64().unwrap(),
                text(gap, "currency"),
            )
        };
        let mut gaps: Vec<_> = page["items"].as_array().unwrap().iter().map(one).collect();
        gaps.sort();
        gaps
    };
    let mut expected: Vec<(String, String, i64, String)> = expected
        .iter()
        .map(|(order, kind, amount, currency)| {
            let (order, kind) = ((*order).to_owned(), (*kind).to_owned());
            (order, kind, *amount, (*currency).to_owned())
        })
        .collect();
    expected.sort();
    let found = wait_until(LIMIT, || (listed() == expected).then_some(()));
    assert!(found.is_some(), "{expected:#?}\nare not {:#?}", listed());
}

/// It is paid by its one event, and nothing else was ever told of it.
fn unharmed(dev: &Dev, order: &str) {
    let held = dev.statuses(order, |held| !held.is_empty());
    let told: Vec<_> = held
        .iter()
        .map(|told| (told.version, told.to.as_str(), told.amount_received))
        .collect();
    assert_eq!(told, [(1, "paid", 1_000)], "{order}");
    let found = dev.known("order", order, |_| true);
    assert_eq!(found["gaps"], json!([]), "{found}");
    assert_eq!(found["timeline"].as_array().unwrap().len(), 1, "{found}");
}

#[test]
fn an_order_that_names_anothers_payment_is_a_gap_of_both_and_moves_none_of_its_money() {
    let dev = Dev::start(&["--grace", "1s"]);
    accepted(&dev, &[success("mug", 1), success("jug", 1)]);
    unharmed(&dev, "mug");
    // A success of the same payment, and a refund of it, both said to be of another order.
    let mut claim = named("mug", &json!("cup"));
    claim["id"] = json!("evt_claim");
    let refund = json!({
        "id": "re_cup", "object": "refund", "amount": 1_000, "currency": "eur", "charge": null,
        "payment_intent": "pi_mug1", "status": "succeeded", "created": 1_700_000_100,
        "metadata": {"order_id": "cup"},
    });
    let refund = json!({
        "id": "evt_refund", "object": "event", "created": 1_700_000_300,
        "api_version": "2026-07-29.dahlia", "livemode": false, "pending_webhooks": 1,
        "type": "refund.created", "data": {"object": refund},
    });
    accepted(&dev, &[claim, refund]);
    gaps_become(
        &dev,
        &[
            ("mug", "payment_claimed_twice", 1_000, "eur"),
            ("cup", "payment_claimed_twice", 1_000, "eur"),
        ],
    );
    let mug = dev.known("order", "mug", |mug| mug["gaps"] != json!([]));
    assert_eq!(
        (
            &mug["status"],
            &mug["amount_received"],
            &mug["amount_refunded"]
        ),
        (&json!("paid"), &json!(1_000), &json!(0)),
        "{mug}"
    );
    // Whose it is stays as it was first told.
    let owner = dev.known("payment", "pi_mug1", |_| true);
    assert_eq!(owner["order_id"], "mug", "{owner}");
    unharmed(&dev, "jug");
}

#[test]
fn an_order_id_that_cannot_be_one_leaves_its_payment_without_an_order_and_says_so() {
    let dev = Dev::start(&["--grace", "1s", "--unlinked-age", "1s"]);
    let bad = [
        ("huge", json!("x".repeat(10_000))),
        ("bell", json!("mug\u{7}")),
        ("line", json!("mug\nid")),
        ("none", json!("")),
        ("list", json!(["mug"])),
    ];
    let mut events: Vec<Value> = bad.iter().map(|(name, order)| named(name, order)).collect();
    events.push(success("mug", 1));
    accepted(&dev, &events);
    let orders: Vec<String> = bad
        .iter()
        .map(|(name, _)| format!("pi:pi_{name}1"))
        .collect();
    let gaps: Vec<_> = orders
        .iter()
        .map(|order| (order.as_str(), "unlinked", 1_000, "eur"))
        .collect();
    gaps_become(&dev, &gaps);
    unharmed(&dev, "mug");
}

#[test]
fn amounts_that_overflow_are_refused_by_name_and_the_largest_are_added_exactly() {
    let dev = Dev::start(&["--grace", "1s"]);
    let bad = [
        json!(MOST + 1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(-1),
        json!(10.5),
        json!("1000"),
    ];
    for amount in bad {
        let event = with(
            success("cup", 1),
            &json!({"amount": amount.clone(), "amount_received": amount.clone()}),
        );
        refused(&dev, &event, "`data.object.amount");
    }
    let most = json!({"amount": MOST, "amount_received": MOST});
    let mut events: Vec<Value> = (1..=3)
        .map(|number| with(success("cup", number), &most))
        .collect();
    events.push(success("mug", 1));
    accepted(&dev, &events);
    let held = dev.statuses("cup", |held| held.len() == 3);
    assert_eq!(held[2].amount_received, 3 * MOST);
    gaps_become(&dev, &[("cup", "duplicate_payment", 2 * MOST, "eur")]);
    unharmed(&dev, "mug");
}

#[test]
fn a_currency_never_seen_is_a_gap_of_its_own_and_what_is_none_is_refused_by_name() {
    let dev = Dev::start(&["--grace", "1s"]);
    for currency in ["eu", "EUR", "euro", "e\u{20ac}", "", "e1r"] {
        let event = with(success("cup", 1), &json!({ "currency": currency }));
        refused(&dev, &event, "`data.object.currency");
    }
    let other = with(success("cup", 2), &json!({"currency": "zzw"}));
    accepted(&dev, &[success("cup", 1), other, success("mug", 1)]);
    gaps_become(&dev, &[("cup", "currency_mismatch", 1_000, "zzw")]);
    let cup = dev.known("order", "cup", |cup| cup["gaps"] != json!([]));
    assert_eq!(
        (&cup["status"], &cup["currency"], &cup["amount_received"]),
        (&json!("paid"), &json!("eur"), &json!(1_000)),
        "{cup}"
    );
    unharmed(&dev, "mug");
}

/// The gateway says 400 to it, and names the field.
fn refused(dev: &Dev, event: &Value, field: &str) {
    let sent = dev.send(std::slice::from_ref(event));
    let told = said(&sent);
    assert_eq!(sent.status.code(), Some(1), "{event}: {told}");
    assert!(told.starts_with("400") && told.contains(field), "{told}");
}

#[test]
fn one_order_id_for_everything_is_one_gap_and_the_rest_is_refused_in_its_order() {
    const SENT: usize = 2_000;
    let dev = Dev::start(&["--grace", "1s"]);
    // Each a payment of its own that is only begun: nothing but their number is wrong.
    let poison = Poison::of(&dev);
    for number in 0..SENT {
        poison.begun("all", number);
    }
    poison.flush();
    accepted(&dev, &[success("mug", 1)]);
    let refused = SENT - HELD;
    expect_depths(&dev, &[("order_full", u64::try_from(refused).unwrap())]);
    let kafka = dev.ready.kafka.as_deref().unwrap();
    let mut letters: Vec<(i32, DeadLetter)> =
        committed_records(kafka, "payments.dead-letters", LIMIT)
            .into_iter()
            .map(|record| {
                let letter = Codec::SingleObject.decode(&record.payload.unwrap());
                (record.partition, letter.unwrap())
            })
            .collect();
    // Letters are spread by their ids: each partition of theirs has them in order.
    for partition in 0..3 {
        let own = letters.iter().filter(|(held, _)| *held == partition);
        let offsets: Vec<i64> = own.map(|(_, letter)| letter.offset).collect();
        assert!(offsets.is_sorted_by(|one, two| one < two), "{offsets:?}");
    }
    letters.sort_by_key(|(_, letter)| letter.offset);
    let ids: Vec<String> = letters
        .iter()
        .map(|(_, letter)| {
            let payload = letter.payload.as_deref().unwrap();
            let told: PaymentEvent = Codec::SingleObject.decode(payload).unwrap();
            told.event.id.as_str().to_owned()
        })
        .collect();
    let expected: Vec<String> = (HELD..SENT)
        .map(|number| format!("evt_all_{number}"))
        .collect();
    assert_eq!(ids, expected);
    gaps_become(&dev, &[("all", "order_full", 100, "eur")]);
    unharmed(&dev, "mug");
}
