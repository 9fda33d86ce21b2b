//! Every list of an object ends somewhere, and says so by name.

use trueup_linker::limits::{MAX_CLAIMS, MAX_PARKED_EVENTS};
use trueup_linker::machine::{Full, Told};

use crate::world::{World, event, link, object, overdue};

#[test]
fn a_hundred_thousand_events_of_one_object_stay_flat_and_the_rest_is_refused_by_name() {
    let mut world = World::default();
    let all: Vec<Told> = (0..100_000)
        .map(|number| event("payment", &format!("evt_{number}")))
        .collect();
    for batch in all.chunks(500) {
        assert!(world.takes(batch));
    }
    assert_eq!(world.store.items_of("pi_1"), MAX_PARKED_EVENTS);
    assert_eq!(world.refused.len(), 100_000 - MAX_PARKED_EVENTS);
    let full = Full::Parked {
        object: object("pi_1"),
    };
    assert!(world.refused.iter().all(|refused| *refused == full));
    assert!(full.to_string().contains("`pi_1` has 512 events"), "{full}");
    // Those that wait are released together, and one that was refused is taken when replayed.
    assert!(world.takes(&[link("pi_1", "order-1", 5)]));
    assert_eq!(world.said().len(), MAX_PARKED_EVENTS);
    assert!(world.takes(&all[99_999..]));
    assert!(world.said().contains(&"evt_99999 to order-1".to_owned()));
    assert_eq!(world.store.items_of("pi_1"), 1);
}

#[test]
fn an_event_that_a_full_list_refused_is_not_called_unlinked_since_its_letter_tells_of_it() {
    let mut world = World::default();
    for number in 0..MAX_PARKED_EVENTS {
        assert!(world.takes(&[event("payment", &format!("evt_{number}"))]));
    }
    assert!(world.takes(&[overdue(event("payment", "evt_more"))]));
    assert!(world.said().is_empty(), "{:?}", world.said());
    assert!(world.takes(&[overdue(event("payment", "evt_7"))]));
    assert_eq!(world.said(), ["pi_1 unlinked"]);
}

#[test]
fn claims_beyond_the_limit_are_refused_by_name_and_the_first_order_keeps_its_events() {
    let mut world = World::default();
    for number in 0..1_000 {
        assert!(world.takes(&[link("pi_1", &format!("order-{number}"), number)]));
    }
    assert_eq!(world.refused.len(), 1_000 - MAX_CLAIMS);
    let named = "object `pi_1` is claimed by 8 orders";
    assert!(
        world
            .refused
            .iter()
            .all(|full| full.to_string().starts_with(named))
    );
    assert_eq!(world.said().len(), MAX_CLAIMS, "each is told once");
    assert!(world.takes(&[event("payment", "evt_1")]));
    assert!(world.said().contains(&"evt_1 to order-0".to_owned()));
}
