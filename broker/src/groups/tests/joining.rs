//! New members, protocols, the leader, and the parts that it hands out.

use super::*;
use crate::limits::{MAX_MEMBER_BYTES, MAX_MEMBERS_PER_GROUP, MIN_SESSION_TIMEOUT_MS};

#[test]
fn a_new_member_is_given_an_id_to_come_back_with() {
    let mut house = House::new();
    let ticket = house.join(consumer("a"));
    let refused = house.refused(ticket);
    assert_eq!(refused.code, Code::MemberIdRequired);
    assert_eq!(refused.member, member("a-1"));
    let again = Join {
        member: refused.member.clone(),
        ..consumer("a")
    };
    let ticket = house.join(again);
    assert!(house.waits(ticket));
    house.pass(DELAY_MS);
    assert_eq!(house.joined(ticket).member, refused.member);
}

#[test]
fn an_older_client_is_taken_at_once() {
    let mut house = House::new();
    let old = Join {
        id_required: false,
        ..consumer("a")
    };
    let ticket = house.join(old);
    house.pass(DELAY_MS);
    assert_eq!(house.joined(ticket).generation, 1);
}

#[test]
fn the_first_members_are_gathered_and_one_of_them_leads() {
    let mut house = House::new();
    let first = house.join_fully(consumer("a"));
    let second = house.join_fully(consumer("b"));
    assert_eq!(house.state(), State::PreparingRebalance);
    house.pass(DELAY_MS);
    assert!(
        house.waits(first),
        "each newcomer puts the end off once more"
    );
    house.pass(DELAY_MS);

    let (leader, follower) = (house.joined(first), house.joined(second));
    assert_eq!(leader.leader, leader.member);
    assert_eq!(follower.leader, leader.member);
    assert_eq!((leader.generation, follower.generation), (1, 1));
    assert_eq!(
        (&*leader.protocol_type, &*leader.protocol),
        ("consumer", "range")
    );
    assert_eq!(leader.members.len(), 2);
    assert_eq!(leader.members[0].metadata, subscription());
    assert_eq!(follower.members, []);
    assert_eq!(house.state(), State::CompletingRebalance);
}

#[test]
fn the_gathering_ends_at_the_latest_with_the_rebalance_timeout() {
    let mut house = House::new();
    let eager = |name: &str| Join {
        rebalance_timeout_ms: 250,
        ..consumer(name)
    };
    let first = house.join_fully(eager("a"));
    for name in ["b", "c", "d", "e"] {
        house.pass(DELAY_MS / 2);
        house.join_fully(eager(name));
    }
    house.pass(DELAY_MS / 2);
    assert_eq!(house.now_ms, 250);
    assert_eq!(house.joined(first).members.len(), 5);
}

#[test]
fn followers_wait_for_the_leaders_assignment_and_get_their_part() {
    let mut house = House::new();
    let joins = [consumer("a"), consumer("b")];
    let tickets: Vec<u64> = joins.iter().map(|j| house.join_fully(j.clone())).collect();
    house.pass(DELAY_MS);
    house.pass(DELAY_MS);
    let leader = house.seat(tickets[0], &joins[0]);
    let follower = house.seat(tickets[1], &joins[1]);
    assert!(leader.leads && !follower.leads);

    let waiting = house.sync(&follower, &[]);
    assert!(house.waits(waiting));
    assert_eq!(house.heartbeat(&follower), Ok(()));
    let stranger = member("stranger");
    let parts = [
        (&leader.member, "0"),
        (&follower.member, "1"),
        (&stranger, "2"),
    ];
    let leading = house.sync(&leader, &parts);
    assert_eq!(house.synced(leading), Ok("0".to_owned()));
    assert_eq!(house.synced(waiting), Ok("1".to_owned()));
    assert_eq!(house.state(), State::Stable);
    // Asked again, the group says the same.
    let again = house.sync(&follower, &[]);
    assert_eq!(house.synced(again), Ok("1".to_owned()));
    assert_eq!(house.described().members.len(), 2);
}

#[test]
fn a_member_that_the_leader_does_not_name_gets_an_empty_part() {
    let mut house = House::new();
    let joins = [consumer("a"), consumer("b")];
    let seats = house.stable(&joins);
    house.join(seats[0].again());
    house.join(seats[1].again());
    let next: Vec<Seat> = seats
        .iter()
        .map(|s| Seat {
            generation: 2,
            ..s.clone()
        })
        .collect();
    let waiting = house.sync(&next[1], &[]);
    house.sync(&next[0], &[(&next[0].member, "all")]);
    assert_eq!(house.synced(waiting), Ok(String::new()));
}

#[test]
fn members_vote_for_a_protocol_that_all_know() {
    let mut house = House::new();
    let with = |name: &str, protocols: &[&str]| Join {
        protocols: protocols
            .iter()
            .map(|protocol| ((*protocol).to_owned(), subscription()))
            .collect(),
        ..consumer(name)
    };
    let first = house.join_fully(with("a", &["sticky", "range", "roundrobin"]));
    house.join_fully(with("b", &["roundrobin", "range"]));
    house.join_fully(with("c", &["range", "roundrobin"]));
    house.pass(DELAY_MS);
    house.pass(DELAY_MS);
    assert_eq!(house.joined(first).protocol, "range");

    let stranger = house.join(with("d", &["sticky"]));
    assert_eq!(
        house.refused(stranger).code,
        Code::InconsistentGroupProtocol
    );
    let other_kind = Join {
        protocol_type: "connect".to_owned(),
        ..consumer("e")
    };
    let stranger = house.join(other_kind);
    assert_eq!(
        house.refused(stranger).code,
        Code::InconsistentGroupProtocol
    );
}

#[test]
fn a_member_that_joins_has_all_others_join_again() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a")]);
    let second = house.join_fully(consumer("b"));
    assert_eq!(house.heartbeat(&seats[0]), Err(Code::RebalanceInProgress));
    let late = house.sync(&seats[0], &[]);
    assert_eq!(house.synced(late), Err(Code::RebalanceInProgress));
    assert!(house.waits(second));
    let first = house.join(seats[0].again());
    assert_eq!(house.joined(first).generation, 2);
    assert_eq!(house.joined(second).generation, 2);
    assert_eq!(house.joined(first).members.len(), 2);
}

#[test]
fn a_join_while_others_wait_for_their_parts_sends_them_back() {
    let mut house = House::new();
    let joins = [consumer("a"), consumer("b")];
    let tickets: Vec<u64> = joins.iter().map(|j| house.join_fully(j.clone())).collect();
    house.pass(2 * DELAY_MS);
    house.pass(DELAY_MS);
    let follower = house.seat(tickets[1], &joins[1]);
    let waiting = house.sync(&follower, &[]);
    house.join_fully(consumer("c"));
    assert_eq!(house.synced(waiting), Err(Code::RebalanceInProgress));
    assert_eq!(house.state(), State::PreparingRebalance);
}

#[test]
fn a_follower_that_joins_again_as_it_was_moves_nobody_and_a_leader_does() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    let (leader, follower) = (&seats[0], &seats[1]);
    let ticket = house.join(follower.again());
    assert_eq!(house.joined(ticket).generation, 1);
    assert_eq!(house.state(), State::Stable);
    let ticket = house.join(leader.again());
    assert!(house.waits(ticket));
    assert_eq!(house.state(), State::PreparingRebalance);
}

#[test]
fn a_follower_whose_subscription_changed_has_the_group_join_again() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    let changed = Join {
        protocols: vec![("range".to_owned(), Bytes::from_static(b"other"))],
        ..seats[1].again()
    };
    let ticket = house.join(changed);
    assert!(house.waits(ticket));
    assert_eq!(house.heartbeat(&seats[0]), Err(Code::RebalanceInProgress));
}

#[test]
fn a_join_whose_answer_was_lost_is_answered_again_for_the_same_generation() {
    let mut house = House::new();
    let join = consumer("a");
    let ticket = house.join_fully(join.clone());
    house.pass(DELAY_MS);
    let seat = house.seat(ticket, &join);
    let again = house.join(seat.again());
    assert_eq!(house.joined(again), house.joined(ticket));
}

#[test]
fn a_join_sent_twice_is_answered_twice() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    let first = house.join(seats[0].again());
    let second = house.join(seats[0].again());
    assert_eq!(house.refused(first).code, Code::RebalanceInProgress);
    house.join(seats[1].again());
    assert_eq!(house.joined(second).generation, 2);
}

#[test]
fn who_says_an_id_that_the_group_did_not_give_is_unknown() {
    let mut house = House::new();
    let stranger = || Join {
        member: member("stranger"),
        ..consumer("a")
    };
    // As after a restart of the broker.
    let ticket = house.join(stranger());
    assert_eq!(house.refused(ticket).code, Code::UnknownMemberId);
    assert!(house.groups.list(&house.offsets).is_empty());
    house.stable(&[consumer("a")]);
    let ticket = house.join(stranger());
    assert_eq!(house.refused(ticket).code, Code::UnknownMemberId);
}

#[test]
fn a_join_that_is_out_of_bounds_is_refused_and_leaves_no_group() {
    let mut house = House::new();
    let cases = [
        (
            Join {
                group: GroupId::try_from("").unwrap(),
                ..consumer("a")
            },
            Code::InvalidGroupId,
        ),
        (
            Join {
                session_timeout_ms: MIN_SESSION_TIMEOUT_MS - 1,
                ..consumer("a")
            },
            Code::InvalidSessionTimeout,
        ),
        (
            Join {
                session_timeout_ms: i32::MAX,
                ..consumer("a")
            },
            Code::InvalidSessionTimeout,
        ),
        (
            Join {
                protocols: vec![],
                ..consumer("a")
            },
            Code::InconsistentGroupProtocol,
        ),
        (
            Join {
                protocol_type: String::new(),
                ..consumer("a")
            },
            Code::InconsistentGroupProtocol,
        ),
        (
            Join {
                protocols: vec![(
                    "range".to_owned(),
                    Bytes::from(vec![0; MAX_MEMBER_BYTES + 1]),
                )],
                ..consumer("a")
            },
            Code::InvalidRequest,
        ),
    ];
    for (join, code) in cases {
        let ticket = house.join(join);
        assert_eq!(house.refused(ticket).code, code);
    }
    assert!(house.groups.list(&house.offsets).is_empty());
    assert_eq!(house.groups.next_deadline_ms(), None);
}

#[test]
fn a_full_group_takes_no_new_member_and_keeps_the_old_ones() {
    let mut house = House::new();
    let joins: Vec<Join> = (0..MAX_MEMBERS_PER_GROUP)
        .map(|number| consumer(&number.to_string()))
        .collect();
    let seats = house.stable(&joins);
    let ticket = house.join(consumer("more"));
    assert_eq!(house.refused(ticket).code, Code::GroupMaxSizeReached);
    let ticket = house.join(seats[1].again());
    assert_eq!(house.joined(ticket).generation, 1);
}

#[test]
fn a_sync_of_another_protocol_is_refused() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a")]);
    let sync = Sync {
        group: group(),
        member: seats[0].member.clone(),
        instance: None,
        generation: 1,
        protocol_type: Some("consumer".to_owned()),
        protocol: Some("roundrobin".to_owned()),
        assignments: vec![],
        ticket: 99,
    };
    let released = house.groups.sync(sync, 0);
    house.keep(released);
    assert_eq!(house.synced(99), Err(Code::InconsistentGroupProtocol));
}
