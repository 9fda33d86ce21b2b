//! What time does: silent members, members that do not come, and sessions that are kept.

use super::*;
use crate::limits::NEW_MEMBER_JOIN_TIMEOUT_MS;

#[test]
fn a_silent_member_is_removed_and_one_that_is_heard_of_stays() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    house.pass(SESSION_MS - 1);
    assert_eq!(house.heartbeat(&seats[0]), Ok(()));
    house.pass(1);
    assert_eq!(house.heartbeat(&seats[1]), Err(Code::UnknownMemberId));
    assert_eq!(house.heartbeat(&seats[0]), Err(Code::RebalanceInProgress));
}

#[test]
fn a_commit_counts_as_a_sign_of_life() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a")]);
    house.pass(SESSION_MS - 1);
    assert_eq!(house.may_commit(&seats[0], false), Ok(()));
    house.pass(SESSION_MS - 1);
    assert_eq!(house.heartbeat(&seats[0]), Ok(()));
}

#[test]
fn a_member_that_does_not_join_again_in_time_is_left_behind() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    let ticket = house.join(seats[0].again());
    for _ in 0..REBALANCE_MS / SESSION_MS * 2 {
        // It lives, but does not join.
        assert!(house.waits(ticket));
        assert_eq!(house.heartbeat(&seats[1]), Err(Code::RebalanceInProgress));
        house.pass(SESSION_MS / 2);
    }
    assert_eq!(house.joined(ticket).members.len(), 1);
    assert_eq!(house.heartbeat(&seats[1]), Err(Code::UnknownMemberId));
}

#[test]
fn who_waits_for_the_group_is_not_silent() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    let ticket = house.join(seats[0].again());
    for _ in 0..3 {
        house.pass(SESSION_MS - 1);
        let _ = house.heartbeat(&seats[1]);
    }
    house.join(seats[1].again());
    assert_eq!(house.joined(ticket).generation, 2);
}

#[test]
fn a_leader_that_hands_out_nothing_is_removed_and_the_others_join_again() {
    let mut house = House::new();
    let joins = [consumer("a"), consumer("b")];
    let tickets: Vec<u64> = joins.iter().map(|j| house.join_fully(j.clone())).collect();
    house.pass(DELAY_MS);
    house.pass(DELAY_MS);
    let leader = house.seat(tickets[0], &joins[0]);
    let follower = house.seat(tickets[1], &joins[1]);
    let waiting = house.sync(&follower, &[]);
    for _ in 0..REBALANCE_MS / SESSION_MS * 2 {
        assert_eq!(house.heartbeat(&leader), Ok(()));
        house.pass(SESSION_MS / 2);
    }
    assert_eq!(house.synced(waiting), Err(Code::RebalanceInProgress));
    assert_eq!(house.heartbeat(&leader), Err(Code::UnknownMemberId));
    let ticket = house.join(follower.again());
    assert_eq!(house.joined(ticket).leader, follower.member);
}

#[test]
fn a_follower_that_does_not_ask_for_its_part_is_removed() {
    let mut house = House::new();
    let joins = [consumer("a"), consumer("b")];
    let tickets: Vec<u64> = joins.iter().map(|j| house.join_fully(j.clone())).collect();
    house.pass(DELAY_MS);
    house.pass(DELAY_MS);
    let leader = house.seat(tickets[0], &joins[0]);
    let follower = house.seat(tickets[1], &joins[1]);
    house.sync(&leader, &[(&leader.member, "all")]);
    for _ in 0..REBALANCE_MS / SESSION_MS * 2 {
        assert_eq!(house.heartbeat(&leader), Ok(()));
        assert_eq!(house.heartbeat(&follower), Ok(()));
        house.pass(SESSION_MS / 2);
    }
    assert_eq!(house.heartbeat(&follower), Err(Code::UnknownMemberId));
}

#[test]
fn an_id_that_nobody_comes_back_with_is_taken_back() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a")]);
    let ticket = house.join(consumer("b"));
    let invited = house.refused(ticket).member;
    let first = house.join(seats[0].again());
    assert!(house.waits(first));
    house.pass(SESSION_MS);
    assert_eq!(house.joined(first).generation, 2);
    let late = Join {
        member: invited,
        ..consumer("b")
    };
    let ticket = house.join(late);
    assert_eq!(house.refused(ticket).code, Code::UnknownMemberId);
}

#[test]
fn a_group_to_which_nobody_comes_back_is_dropped() {
    let mut house = House::new();
    house.join(consumer("a"));
    assert_eq!(house.groups.list(&house.offsets).len(), 1);
    house.pass(SESSION_MS);
    assert_eq!(house.groups.list(&house.offsets), []);
    assert_eq!(house.groups.next_deadline_ms(), None);
}

#[test]
fn a_new_member_waits_for_a_limited_time_only() {
    let mut house = House::new();
    let slow = Join {
        rebalance_timeout_ms: i32::MAX,
        ..consumer("a")
    };
    let seats = house.stable(&[slow]);
    let ticket = house.join_fully(consumer("b"));
    let mut passed_ms = 0;
    while passed_ms < NEW_MEMBER_JOIN_TIMEOUT_MS {
        assert!(house.waits(ticket));
        let _ = house.heartbeat(&seats[0]);
        house.pass(SESSION_MS / 2);
        passed_ms += SESSION_MS / 2;
    }
    let refused = house.refused(ticket);
    assert_eq!(
        (refused.code, refused.member),
        (Code::UnknownMemberId, MemberId::none())
    );
}
