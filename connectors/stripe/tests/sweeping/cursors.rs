//! The cursor moves only over what is written, never back, and what is read twice is the same.

use trueup_domain::digest;
use trueup_plants::{Plant, with};
use trueup_schemas::records::Source;
use trueup_stripe::publish::Lane;
use trueup_stripe::sweep::{Cursors, Pass};

use crate::world::{Broker, HOUR_S, NOW_S, World, success};

#[test]
fn what_was_not_delivered_is_fed_in_as_the_gateway_would_with_its_source() {
    let world = World::new();
    world.api.add_event(success(1, 5_000), false);
    world.api.add_event(success(2, 5_000), true);
    let report = world.pass(Pass::Undelivered).unwrap();
    assert_eq!((report.fed, report.ignored, report.refused), (1, 0, 0));
    let events = world.events();
    let (lane, key, event) = &events[0];
    assert_eq!(
        (*lane, key.as_str(), events.len()),
        (Lane::Events, "shop-1", 1)
    );
    assert_eq!(
        (event.source, event.received_at),
        (Source::Sweep, NOW_S * 1_000)
    );
    // The event, its body, and links of payment and charge.
    assert_eq!(world.records(), 4);
    let bodies = world.bodies();
    let body = String::from_utf8(bodies[0].body.clone()).unwrap();
    assert!(body.contains("evt_1") && !body.contains("pi_secret_of_the_customer"));
    assert_eq!(
        (bodies[0].source, bodies[0].signature.as_str()),
        (Source::Sweep, "")
    );
}

#[test]
fn a_full_pass_also_reads_what_was_delivered_elsewhere() {
    let world = World::new();
    world.api.add_event(success(1, 5_000), true);
    assert_eq!(world.pass(Pass::Undelivered).unwrap().fed, 0);
    assert_eq!(world.pass(Pass::Full).unwrap().fed, 1);
    // Each pass has a cursor of its own.
    assert!(world.cursor(Pass::Full).is_some() && world.cursor(Pass::Undelivered).is_some());
}

#[test]
fn many_pages_are_read_to_the_last_event_each_once() {
    let world = World::new();
    for number in 0..250 {
        world.api.add_event(success(number, 5_000), false);
    }
    assert_eq!(world.pass(Pass::Undelivered).unwrap().fed, 250);
    let mut ids = world.event_ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 250);
}

#[test]
fn a_pass_goes_on_from_its_cursor_and_leaves_the_youngest_events_to_their_delivery() {
    let world = World::new();
    world.api.add_event(success(1, 5_000), false);
    world.api.add_event(success(2, 30), false);
    assert_eq!(world.pass(Pass::Undelivered).unwrap().fed, 1);
    let cursor = world.cursor(Pass::Undelivered).unwrap();
    assert_eq!(cursor, NOW_S - 60);
    world.pass_time(60);
    let asked = world.api.asked().len();
    assert_eq!(world.pass(Pass::Undelivered).unwrap().fed, 1);
    assert_eq!(world.event_ids(), ["evt_1", "evt_2"]);
    assert_eq!(
        world.api.asked().len(),
        asked + 1,
        "what was read is read again"
    );
}

#[test]
fn what_is_read_twice_is_the_same_event_with_the_same_facts() {
    let world = World::new();
    world.api.add_event(success(1, 5_000), false);
    world.pass(Pass::Undelivered).unwrap();
    world
        .pass_since(Pass::Undelivered, Some(NOW_S - 3 * HOUR_S))
        .unwrap();
    world.pass(Pass::Full).unwrap();
    let digests: Vec<_> = world
        .events()
        .iter()
        .map(|(_, _, event)| (event.event.id.clone(), digest::of_event(&event.event)))
        .collect();
    assert_eq!(digests.len(), 3);
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[test]
fn asking_for_an_earlier_time_never_moves_a_cursor_back_nor_a_later_one_over_a_hole() {
    let world = World::new();
    world.api.add_event(success(1, 2 * HOUR_S), false);
    let later = NOW_S - HOUR_S;
    world
        .cursors
        .save("test:undelivered", NOW_S - 3 * HOUR_S)
        .unwrap();
    // What lies between the cursor and the time asked for is read too.
    assert_eq!(
        world
            .pass_since(Pass::Undelivered, Some(later))
            .unwrap()
            .fed,
        1
    );
    let cursor = world.cursor(Pass::Undelivered);
    world.broker(Broker::Refuses);
    world
        .pass_since(Pass::Undelivered, Some(NOW_S - 3 * HOUR_S))
        .unwrap_err();
    assert_eq!(world.cursor(Pass::Undelivered), cursor);
}

#[test]
fn a_cursor_older_than_what_stripe_lists_begins_at_thirty_days() {
    let world = World::new();
    let days = 24 * HOUR_S;
    world.cursors.save("test:full", NOW_S - 40 * days).unwrap();
    world.pass(Pass::Full).unwrap();
    let first = world.api.asked().remove(0);
    assert!(
        first.contains(&format!("gte%5D={}&", NOW_S - 30 * days)),
        "{first}"
    );
}

/// The broker does not take one slice: what lies below the cursor is what was acknowledged, and the
/// next pass brings the rest.
fn the_cursor_waits_for_the_broker(broker: Broker) {
    let world = World::new();
    world.api.add_event(success(1, 5_000), false);
    world.broker(broker);
    let fault = world.pass(Pass::Undelivered).unwrap_err();
    assert!(!fault.is_for_good(), "{fault}");
    let cursor = world.cursor(Pass::Undelivered);
    let lost = cursor.is_some_and(|cursor| cursor > NOW_S - 5_000);
    assert!(
        !lost,
        "the cursor stands at {cursor:?}, over an event that is not written"
    );
    world.broker(Broker::Acknowledges);
    assert_eq!(
        world.pass(Pass::Undelivered).unwrap().fed,
        1,
        "the event never comes"
    );
    assert_eq!(world.event_ids(), ["evt_1"]);
}

#[test]
fn the_cursor_does_not_move_before_the_write_is_acknowledged() {
    the_cursor_waits_for_the_broker(Broker::Refuses);
    the_cursor_waits_for_the_broker(Broker::Silent);
}

#[test]
fn a_cursor_that_moves_before_the_write_is_caught() {
    let caught = std::panic::catch_unwind(|| {
        with(Plant::CursorBeforeWrite, || {
            the_cursor_waits_for_the_broker(Broker::Refuses);
        });
    });
    assert!(caught.is_err(), "the plant was not caught");
}
