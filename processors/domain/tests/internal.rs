//! What the linker says: never the provider's, and said twice the same.
#![cfg(test)]

use trueup_domain::event::{ClaimedTwiceFacts, EventType, LinkedFacts, UnlinkedFacts};
use trueup_domain::fold::{Verdict, fold_event};
use trueup_domain::ids::{ObjectId, OrderId};
use trueup_domain::internal::{claimed_twice, linked, pseudo_order, unlinked};
use trueup_domain::ledger::Ledger;
use trueup_domain::view::view;

fn object(id: &str) -> ObjectId {
    ObjectId::try_from(id).unwrap()
}

fn order(id: &str) -> OrderId {
    OrderId::try_from(id).unwrap()
}

fn claim(payment: &str, other: &str) -> ClaimedTwiceFacts {
    ClaimedTwiceFacts {
        payment: object(payment),
        other: order(other),
    }
}

#[test]
fn a_body_from_outside_never_names_an_internal_type() {
    for kind in EventType::INTERNAL {
        assert_eq!(EventType::from_name(kind.as_str()), None);
        assert_eq!(EventType::from_recorded_name(kind.as_str()), Some(*kind));
        assert!(!EventType::ALL.contains(kind));
    }
}

#[test]
fn what_is_said_again_is_a_duplicate_and_moves_no_money() {
    let facts = UnlinkedFacts {
        id: object("pi_1"),
        success: None,
        since: 1_999,
    };
    let found = LinkedFacts {
        id: object("pi_1"),
        order: order("o-1"),
    };
    let said = [
        unlinked(facts).unwrap(),
        linked(found, 7).unwrap(),
        claimed_twice(&order("o-1"), claim("pi_1", "o-2"), 7).unwrap(),
    ];
    let mut ledger = Ledger::default();
    for event in &said {
        assert_eq!(fold_event(&mut ledger, event, 3), Ok(Verdict::Fresh));
        assert_eq!(fold_event(&mut ledger, event, 4), Ok(Verdict::Duplicate));
    }
    assert_eq!(said[0].created, 1);
    assert_eq!(view(&ledger), view(&Ledger::default()));
}

#[test]
fn ids_tell_apart_whom_is_told_what_and_stay_within_the_bound() {
    let long = "o".repeat(200);
    let to_one = claimed_twice(&order(&long), claim("pi_1", "o-2"), 7).unwrap();
    let to_two = claimed_twice(&order("o-2"), claim("pi_1", &long), 7).unwrap();
    assert_ne!(to_one.id, to_two.id);
    let third = claimed_twice(&order(&long), claim("pi_1", "o-3"), 7).unwrap();
    assert_ne!(to_one.id, third.id);
}

#[test]
fn a_pseudo_order_has_the_object_in_its_name_and_refuses_one_too_long() {
    assert_eq!(pseudo_order(&object("ch_1")).unwrap().as_str(), "pi:ch_1");
    assert!(pseudo_order(&object(&"c".repeat(255))).is_err());
}
