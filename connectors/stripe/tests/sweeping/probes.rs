//! The probe tells what is final, as the same event each time, and explains every other gap.

use serde_json::json;
use trueup_domain::digest;
use trueup_domain::event::EventType;
use trueup_domain::gap::GapKind;
use trueup_domain::ids::ObjectId;
use trueup_schemas::records::Source;
use trueup_stripe::probe::{Finding, Suspect};
use trueup_stripe::publish::Lane;
use trueup_testkit::ApiTrouble;

use crate::world::{Broker, HOUR_S, NOW_S, World, payment};

fn suspect(payment: Option<&str>, age_s: i64) -> Suspect {
    Suspect {
        order: "shop-1".to_owned(),
        kind: GapKind::MarkedNotPaid,
        payment: payment.map(|id| ObjectId::try_from(id).unwrap()),
        since: (NOW_S - age_s) * 1_000,
    }
}

/// One round over one gap an hour old, of payment 1.
fn finding(world: &World) -> Option<Finding> {
    let suspects = vec![suspect(Some("pi_1"), HOUR_S)];
    let report = world.run(world.prober.round(suspects)).unwrap();
    assert!(report.values().all(|count| *count == 1));
    report.into_keys().next()
}

#[test]
fn a_payment_that_succeeded_is_told_once_with_its_order_its_money_and_its_time() {
    let world = World::new();
    let mut paid = payment(1);
    let at = NOW_S - HOUR_S - 7;
    paid["latest_charge"] = json!({
        "id": "ch_1", "created": NOW_S - 2 * HOUR_S, "balance_transaction": {"created": at},
    });
    world.api.put_payment(paid);
    assert_eq!(finding(&world), Some(Finding::Succeeded));
    let events = world.events();
    let (lane, key, event) = &events[0];
    assert_eq!(
        (*lane, key.as_str(), event.source),
        (Lane::Events, "shop-1", Source::Probe)
    );
    assert_eq!(
        (event.event.kind, event.event.created),
        (EventType::PaymentIntentSucceeded, at)
    );
    let digest: String = digest::of_event(&event.event)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(event.event.id.as_str(), format!("probe:pi_1:{digest}"));
    let body = String::from_utf8(world.bodies()[0].body.clone()).unwrap();
    assert!(!body.contains("pi_secret_of_the_customer"), "{body}");

    // Asked again after the hour it says the same, which is not written again.
    assert_eq!(finding(&world), None, "not within the hour");
    world.pass_time(HOUR_S);
    assert_eq!(finding(&world), Some(Finding::Repeated));
    assert_eq!(world.events().len(), 1);
}

#[test]
fn another_probe_of_the_same_answer_tells_the_same_event() {
    let (one, two) = (World::new(), World::new());
    for world in [&one, &two] {
        world.api.put_payment(payment(1));
        assert_eq!(finding(world), Some(Finding::Succeeded));
        world.pass_time(11);
    }
    assert_eq!(one.event_ids(), two.event_ids());
}

#[test]
fn a_payment_that_was_canceled_is_told_with_its_time() {
    let world = World::new();
    let mut canceled = payment(1);
    canceled["status"] = json!("canceled");
    canceled["amount_received"] = json!(0);
    canceled["canceled_at"] = json!(NOW_S - 99);
    world.api.put_payment(canceled);
    assert_eq!(finding(&world), Some(Finding::Canceled));
    let event = world.events().remove(0).2.event;
    assert_eq!(
        (event.kind, event.created),
        (EventType::PaymentIntentCanceled, NOW_S - 99)
    );
}

#[test]
fn a_payment_without_an_order_goes_to_the_linker_under_its_own_id() {
    let world = World::new();
    let mut bare = payment(1);
    bare["metadata"] = json!({});
    world.api.put_payment(bare);
    assert_eq!(finding(&world), Some(Finding::Succeeded));
    let (lane, key, _) = world.events().remove(0);
    assert_eq!((lane, key.as_str()), (Lane::Unlinked, "pi_1"));
}

#[test]
fn what_may_still_change_is_not_told() {
    for status in [
        "processing",
        "requires_payment_method",
        "requires_capture",
        "of_tomorrow",
    ] {
        let world = World::new();
        let mut undecided = payment(1);
        undecided["status"] = json!(status);
        world.api.put_payment(undecided);
        assert_eq!(finding(&world), Some(Finding::Undecided), "{status}");
        assert_eq!(world.records(), 0);
    }
}

#[test]
fn what_stripe_does_not_know_or_shows_otherwise_is_explained() {
    let world = World::new();
    assert_eq!(finding(&world), Some(Finding::Missing));

    let odd = [
        json!({"id": "pi_1", "object": "charge"}),
        json!({"id": "pi_2", "object": "payment_intent", "status": "succeeded", "created": 1}),
        json!({"id": "pi_1", "object": "payment_intent", "status": "succeeded", "created": 1}),
        json!(["pi_1"]),
    ];
    for odd in odd {
        let world = World::new();
        world.api.put_payment_as("pi_1", odd.clone());
        assert_eq!(finding(&world), Some(Finding::Unreadable), "{odd}");
        assert_eq!(world.records(), 0);
    }
}

#[test]
fn gaps_that_are_young_or_name_no_payment_are_not_asked_for() {
    let world = World::new();
    world.api.put_payment(payment(1));
    let suspects = vec![
        suspect(Some("pi_1"), 599),
        suspect(None, HOUR_S),
        suspect(Some("ch_1"), HOUR_S),
    ];
    let report = world.run(world.prober.round(suspects)).unwrap();
    assert_eq!(
        report.into_iter().collect::<Vec<_>>(),
        [(Finding::NoPayment, 2)]
    );
    assert!(world.api.asked().is_empty());
}

#[test]
fn the_oldest_gap_is_asked_for_first_and_each_payment_once() {
    let world = World::new();
    let suspects = vec![
        suspect(Some("pi_3"), 2 * HOUR_S),
        suspect(Some("pi_1"), HOUR_S),
        suspect(Some("pi_2"), 3 * HOUR_S),
        suspect(Some("pi_3"), HOUR_S),
    ];
    world.run(world.prober.round(suspects)).unwrap();
    assert_eq!(asked(&world), ["pi_2", "pi_3", "pi_1"]);
    assert!(world.api.asked()[0].starts_with("/v1/payment_intents/pi_2?"));
}

/// Ids of the payments asked for, in order.
fn asked(world: &World) -> Vec<String> {
    let id = |target: &String| {
        let path = target.split('?').next().unwrap();
        path.rsplit('/').next().unwrap().to_owned()
    };
    world.api.asked().iter().map(id).collect()
}

#[test]
fn a_gap_that_was_never_asked_for_comes_before_an_older_one_that_was() {
    let world = World::new();
    let old = || suspect(Some("pi_old"), 3 * HOUR_S);
    world.run(world.prober.round(vec![old()])).unwrap();
    world.pass_time(HOUR_S);
    let both = vec![old(), suspect(Some("pi_new"), HOUR_S)];
    world.run(world.prober.round(both)).unwrap();
    assert_eq!(asked(&world), ["pi_old", "pi_new", "pi_old"]);
}

#[test]
fn rounds_follow_one_another_until_every_gap_was_asked_for_once() {
    const GAPS: usize = 1_100;
    let world = World::new();
    let read = async || {
        let named = (0..GAPS).map(|n| suspect(Some(&format!("pi_{n}")), HOUR_S));
        Ok(named.chain([suspect(None, HOUR_S)]).collect())
    };
    let report = world.run(world.prober.rounds(read)).unwrap();
    let expected = [(Finding::Missing, 1_100), (Finding::NoPayment, 1)];
    assert_eq!(report.into_iter().collect::<Vec<_>>(), expected);
    let ids: std::collections::BTreeSet<String> = asked(&world).into_iter().collect();
    assert_eq!((asked(&world).len(), ids.len()), (GAPS, GAPS));
}

#[test]
fn what_could_not_be_written_is_asked_for_again_in_the_next_round() {
    let world = World::new();
    world.api.put_payment(payment(1));
    world.broker(Broker::Refuses);
    let round = world.run(world.prober.round(vec![suspect(Some("pi_1"), HOUR_S)]));
    assert!(round.is_err());
    world.broker(Broker::Acknowledges);
    assert_eq!(finding(&world), Some(Finding::Succeeded));
    assert_eq!(world.events().len(), 1);
}

#[test]
fn a_key_that_may_not_read_payments_is_told_by_name() {
    let world = World::new();
    world.api.answer_always(Some(ApiTrouble::Status(403)));
    let round = world.run(world.prober.round(vec![suspect(Some("pi_1"), HOUR_S)]));
    let fault = round.unwrap_err();
    assert!(
        fault.is_for_good() && fault.to_string().contains("403"),
        "{fault}"
    );
}
