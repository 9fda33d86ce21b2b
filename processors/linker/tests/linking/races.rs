//! Two linkers at once on one object, in every interleaving of one with the calls of the other.

use std::sync::{Arc, Mutex};

use trueup_linker::machine::Told;
use trueup_plants::{Plant, with};

use crate::world::{World, event, link, overdue};

/// `second` runs whole before the call `place` of `first`. What both said.
fn interleaved(first: &Told, second: &Told, place: usize, plant: Option<Plant>) -> Vec<String> {
    interleaved_in(World::default(), first, second, place, plant)
}

fn interleaved_in(
    mut world: World,
    first: &Told,
    second: &Told,
    place: usize,
    plant: Option<Plant>,
) -> Vec<String> {
    let beside = Arc::new(Mutex::new(World {
        store: world.store.beside(),
        said: Arc::clone(&world.said),
        refused: Vec::new(),
    }));
    let second = second.clone();
    world.store.before(place, move || {
        assert!(beside.lock().unwrap().takes(std::slice::from_ref(&second)));
    });
    let mut run = || assert!(world.takes(std::slice::from_ref(first)));
    match plant {
        Some(plant) => with(plant, run),
        None => run(),
    }
    world.said()
}

/// Whether the event found its order in every interleaving in which both ran.
fn all_find_it(plant: Option<Plant>) -> bool {
    let (parks, links) = (event("refund+", "refund"), link("pi_1", "order-1", 5));
    (0..3).all(|place| {
        [(&parks, &links), (&links, &parks)]
            .iter()
            .all(|(a, b)| interleaved(a, b, place, plant).contains(&"refund to order-1".to_owned()))
    })
}

#[test]
fn a_link_that_arrives_while_its_event_is_being_parked_releases_it() {
    assert!(all_find_it(None));
}

#[test]
fn a_linker_that_decides_by_what_it_read_before_it_wrote_is_caught() {
    assert!(!all_find_it(Some(Plant::LinkRaceLost)));
}

#[test]
fn an_event_that_is_linked_while_it_is_called_unlinked_is_called_linked_too() {
    let (ages, links) = (
        overdue(event("refund+", "refund")),
        link("pi_1", "order-1", 5),
    );
    for place in 0..3 {
        for (first, second) in [(&ages, &links), (&links, &ages)] {
            let mut world = World::default();
            assert!(world.takes(&[event("refund+", "refund")]));
            world.store = world.store.beside();
            let said = interleaved_in(world, first, second, place, None);
            assert!(said.contains(&"refund to order-1".to_owned()), "{said:?}");
            if said.contains(&"pi_1 unlinked".to_owned()) {
                assert!(said.contains(&"pi_1 linked".to_owned()), "{said:?}");
            }
        }
    }
}
