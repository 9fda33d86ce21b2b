//! Who may commit offsets: members of this generation, and nobody who only believes to be one.

use trueup_plants::{Plant, with};

use super::*;

/// A client that says nothing of a group's members.
fn nobody() -> Seat {
    Seat {
        member: MemberId::none(),
        instance: None,
        generation: -1,
        leads: false,
    }
}

#[test]
fn a_member_of_an_old_generation_is_refused_also_within_a_transaction() {
    let scenario = || {
        let mut house = House::new();
        let seats = house.stable(&[consumer("a")]);
        house.join_fully(consumer("b"));
        house.join(seats[0].again());
        let now = Seat {
            generation: 2,
            ..seats[0].clone()
        };
        [
            house.may_commit(&seats[0], true),
            house.may_commit(&seats[0], false),
            house.may_commit(&now, true),
        ]
    };
    let old = Err(Code::IllegalGeneration);
    assert_eq!(scenario(), [old, old, Ok(())]);
    let planted = with(Plant::GenerationUnchecked, scenario);
    assert_eq!(planted[0], Ok(()));
}

#[test]
fn a_process_that_another_replaced_is_refused() {
    let scenario = || {
        let mut house = House::new();
        let seats = house.stable(&[static_consumer("a")]);
        house.join(static_consumer("a"));
        house.may_commit(&seats[0], true)
    };
    assert_eq!(scenario(), Err(Code::FencedInstanceId));
    assert_eq!(with(Plant::InstanceUnchecked, scenario), Ok(()));
}

#[test]
fn a_member_that_was_removed_is_refused() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    house.pass(SESSION_MS / 2);
    let _ = house.heartbeat(&seats[1]);
    house.pass(SESSION_MS / 2);
    for transactional in [false, true] {
        let told = house.may_commit(&seats[0], transactional);
        assert_eq!(told, Err(Code::UnknownMemberId));
    }
}

#[test]
fn after_a_restart_nobody_of_before_may_commit() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a")]);
    let mut house = House::new();
    for transactional in [false, true] {
        let told = house.may_commit(&seats[0], transactional);
        assert_eq!(told, Err(Code::IllegalGeneration));
    }
    // Also when the group has come to the same generation with others.
    let others = house.stable(&[consumer("b"), consumer("c")]);
    assert_eq!(others[0].generation, seats[0].generation);
    let stranger = Seat {
        member: member("from-before"),
        ..seats[0].clone()
    };
    for transactional in [false, true] {
        let told = house.may_commit(&stranger, transactional);
        assert_eq!(told, Err(Code::UnknownMemberId));
    }
}

#[test]
fn without_members_anyone_may_commit_and_with_members_only_they() {
    let mut house = House::new();
    assert_eq!(house.may_commit(&nobody(), false), Ok(()));
    let seats = house.stable(&[consumer("a")]);
    assert_eq!(
        house.may_commit(&nobody(), false),
        Err(Code::UnknownMemberId)
    );
    // A producer from before KIP-447 says no more than this.
    assert_eq!(house.may_commit(&nobody(), true), Ok(()));
    let leaving = Leaving {
        member: seats[0].member.clone(),
        instance: None,
    };
    house.leave(leaving);
    assert_eq!(house.may_commit(&nobody(), false), Ok(()));
}

#[test]
fn a_member_may_commit_until_it_joins_again_and_then_after_the_assignment() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    house.join(seats[0].again());
    assert_eq!(house.state(), State::PreparingRebalance);
    assert_eq!(house.may_commit(&seats[1], false), Ok(()));
    house.join(seats[1].again());
    let next = Seat {
        generation: 2,
        ..seats[1].clone()
    };
    assert_eq!(
        house.may_commit(&next, false),
        Err(Code::RebalanceInProgress)
    );
    assert_eq!(house.may_commit(&next, true), Ok(()));
}
