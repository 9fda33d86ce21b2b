//! Every order of arrival gives every event to its order, once as the ledger counts.

use trueup_linker::machine::Told;

use crate::world::{World, event, link, overdue};

fn told(word: &str) -> Told {
    match word {
        "link" => link("pi_1", "order-1", 5),
        "link-2" => link("pi_1", "order-2", 9),
        name => match name.strip_prefix("old-") {
            Some(name) => overdue(event(name, name)),
            None => event(name, name),
        },
    }
}

/// Calls `each` with every order of `words`.
fn permutations(words: &[&str], each: &mut impl FnMut(&[&str])) {
    fn go<'a>(taken: &mut Vec<&'a str>, left: &[&'a str], each: &mut impl FnMut(&[&str])) {
        if left.is_empty() {
            each(taken);
        }
        for (place, word) in left.iter().enumerate() {
            let mut others = left.to_vec();
            others.remove(place);
            taken.push(word);
            go(taken, &others, each);
            taken.pop();
        }
    }
    go(&mut Vec::new(), words, each);
}

const EXPECTED: &[&str] = &[
    "charge to order-1",
    "dispute to order-1",
    "link ch_1 to order-1",
    "payment to order-1",
    "refund to order-1",
];

#[test]
fn payment_link_refund_dispute_and_charge_find_their_order_in_all_arrival_orders() {
    let words = ["payment", "link", "refund", "dispute", "charge"];
    let mut orders = 0;
    permutations(&words, &mut |arrival| {
        orders += 1;
        let mut world = World::default();
        for word in arrival {
            assert!(world.takes(&[told(word)]));
        }
        assert_eq!(world.said(), EXPECTED, "{arrival:?}");
        assert_eq!(
            world.store.items_of("pi_1"),
            1,
            "the claim alone: {arrival:?}"
        );
        assert_eq!(
            world.store.items_of("ch_1"),
            1,
            "the claim alone: {arrival:?}"
        );
        // All at once, in one batch.
        let mut world = World::default();
        let batch: Vec<Told> = arrival.iter().map(|word| told(word)).collect();
        assert!(world.takes(&batch));
        assert_eq!(world.said(), EXPECTED, "one batch: {arrival:?}");
    });
    assert_eq!(orders, 120);
}

#[test]
fn a_kill_at_any_call_of_the_store_loses_nothing_in_any_arrival_order() {
    let words = ["payment", "link", "refund", "dispute", "charge"];
    permutations(&words, &mut |arrival| {
        for dies_at in 0..4 {
            let mut world = World::default();
            for word in arrival {
                let mut killed = World {
                    store: world.store.beside(),
                    said: world.said.clone(),
                    refused: Vec::new(),
                };
                killed.store.dies_at = Some(dies_at);
                killed.takes(&[told(word)]);
                // It was not committed, so it comes again.
                assert!(world.takes(&[told(word)]));
            }
            // So does every link that was taught and not committed.
            assert!(world.takes(&[link("ch_1", "order-1", 5)]));
            assert_eq!(world.said(), EXPECTED, "{arrival:?}, killed at {dies_at}");
        }
    });
}

/// What arrives, and what the linker then says that it had not said before.
const TABLE: &str = "
refund              | -
old-refund          | ch_1 unlinked
old-refund          | -
charge              | -
link                | ch_1 linked, charge to order-1, link ch_1 to order-1, refund to order-1
old-charge          | -
refund              | -
dispute             | dispute to order-1
link                | -
link-2              | pi_1 twice, order-1 hears of order-2, pi_1 twice, order-2 hears of order-1
link-2              | -
refund+             | refund+ to order-1
";

#[test]
fn each_arrival_says_what_it_changes_and_no_more() {
    let mut world = World::default();
    let mut before = world.said();
    for line in TABLE.trim().lines() {
        let (word, expected) = line.split_once('|').unwrap();
        assert!(world.takes(&[told(word.trim())]));
        let after = world.said();
        let new: Vec<String> = after
            .iter()
            .filter(|said| !before.contains(said))
            .cloned()
            .collect();
        let found = if new.is_empty() {
            "-".to_owned()
        } else {
            new.join(", ")
        };
        assert_eq!(found, expected.trim(), "{line}");
        before = after;
    }
}

#[test]
fn an_event_over_age_that_was_linked_in_time_is_never_called_unlinked() {
    permutations(&["refund+", "link", "old-refund+"], &mut |arrival| {
        let mut world = World::default();
        for word in arrival {
            assert!(world.takes(&[told(word)]));
        }
        let said = world.said();
        assert!(said.contains(&"refund+ to order-1".to_owned()), "{said:?}");
        let unlinked = said.contains(&"pi_1 unlinked".to_owned());
        let linked = said.contains(&"pi_1 linked".to_owned());
        // What was said to be without an order is taken back.
        assert_eq!(unlinked, linked, "{arrival:?}: {said:?}");
    });
}
