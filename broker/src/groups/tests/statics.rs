//! Static members (KIP-345): a process may be replaced by another of the same name.

use super::*;

#[test]
fn a_static_member_needs_no_second_join() {
    let mut house = House::new();
    let ticket = house.join(static_consumer("a"));
    house.pass(DELAY_MS);
    assert_eq!(house.joined(ticket).member, member("a-1"));
}

#[test]
fn a_process_that_comes_back_takes_its_part_and_the_group_stays_stable() {
    let mut house = House::new();
    let seats = house.stable(&[static_consumer("a"), static_consumer("b")]);
    let ticket = house.join(static_consumer("b"));
    let back = house.joined(ticket);
    assert_eq!(house.state(), State::Stable);
    assert_eq!((back.generation, back.skip_assignment), (1, false));
    assert_ne!(back.member, seats[1].member);
    let seat = house.seat(ticket, &static_consumer("b"));
    let synced = house.sync(&seat, &[]);
    assert_eq!(house.synced(synced), Ok("b".to_owned()));
    assert_eq!(house.heartbeat(&seats[0]), Ok(()));
}

#[test]
fn whoever_had_the_seat_is_fenced() {
    let mut house = House::new();
    let seats = house.stable(&[static_consumer("a"), static_consumer("b")]);
    house.join(static_consumer("b"));
    let fenced = Err(Code::FencedInstanceId);
    assert_eq!(house.heartbeat(&seats[1]), fenced);
    assert_eq!(house.may_commit(&seats[1], false), fenced);
    assert_eq!(house.may_commit(&seats[1], true), fenced);
    let ticket = house.sync(&seats[1], &[]);
    assert_eq!(house.synced(ticket), Err(Code::FencedInstanceId));
    let ticket = house.join(seats[1].again());
    assert_eq!(house.refused(ticket).code, Code::FencedInstanceId);
    let leaving = Leaving {
        member: seats[1].member.clone(),
        instance: seats[1].instance.clone(),
    };
    assert_eq!(house.leave(leaving), Code::FencedInstanceId);
    // Without its name it is just unknown.
    let nameless = Seat {
        instance: None,
        ..seats[1].clone()
    };
    assert_eq!(house.heartbeat(&nameless), Err(Code::UnknownMemberId));
}

#[test]
fn a_leader_that_comes_back_leads_on_and_skips_the_assignment() {
    let mut house = House::new();
    let seats = house.stable(&[static_consumer("a"), static_consumer("b")]);
    assert!(seats[0].leads);
    let ticket = house.join(static_consumer("a"));
    let back = house.joined(ticket);
    assert_eq!(back.leader, back.member);
    assert!(back.skip_assignment);
    assert_eq!(back.members.len(), 2);
}

#[test]
fn an_older_leader_that_comes_back_is_not_told_that_it_leads() {
    let mut house = House::new();
    let older = Join {
        skips_assignment: false,
        ..static_consumer("a")
    };
    let seats = house.stable(&[older.clone(), static_consumer("b")]);
    let ticket = house.join(older);
    let back = house.joined(ticket);
    assert_eq!(back.leader, seats[0].member);
    assert_eq!((back.members, back.skip_assignment), (vec![], false));
}

#[test]
fn a_process_that_comes_back_with_another_protocol_has_the_group_join_again() {
    let mut house = House::new();
    let both = |name: &str, first: &str, second: &str| Join {
        protocols: [first, second]
            .iter()
            .map(|protocol| ((*protocol).to_owned(), subscription()))
            .collect(),
        ..static_consumer(name)
    };
    let ticket = house.join(both("a", "range", "sticky"));
    house.pass(DELAY_MS);
    let seat = house.seat(ticket, &static_consumer("a"));
    house.sync(&seat, &[(&seat.member, "a")]);
    let ticket = house.join(both("a", "sticky", "range"));
    assert_eq!(house.joined(ticket).generation, 2);
    assert_eq!(house.joined(ticket).protocol, "sticky");
}

#[test]
fn a_process_that_comes_back_during_the_assignment_has_the_group_join_again() {
    let mut house = House::new();
    let joins = [static_consumer("a"), static_consumer("b")];
    let tickets: Vec<u64> = joins.iter().map(|j| house.join(j.clone())).collect();
    house.pass(DELAY_MS);
    house.pass(DELAY_MS);
    let leader = house.seat(tickets[0], &joins[0]);
    let waiting = house.sync(&house.seat(tickets[1], &joins[1]), &[]);
    let ticket = house.join(static_consumer("b"));
    assert_eq!(house.synced(waiting), Err(Code::FencedInstanceId));
    let late = house.sync(&leader, &[(&leader.member, "all")]);
    assert_eq!(house.synced(late), Err(Code::RebalanceInProgress));
    let first = house.join(leader.again());
    assert_eq!(house.joined(first).generation, 2);
    assert_eq!(house.joined(ticket).generation, 2);
}

#[test]
fn a_process_that_comes_back_while_the_other_waits_to_join_takes_its_place() {
    let mut house = House::new();
    let seats = house.stable(&[static_consumer("a"), consumer("b")]);
    house.join_fully(consumer("c"));
    let old = house.join(seats[0].again());
    let new = house.join(static_consumer("a"));
    assert_eq!(house.refused(old).code, Code::FencedInstanceId);
    house.join(seats[1].again());
    assert_eq!(house.joined(new).generation, 2);
    assert_eq!(house.described().members.len(), 3);
}

#[test]
fn a_static_member_keeps_its_seat_through_a_rebalance_until_its_session_ends() {
    let mut house = House::new();
    let quick = Join {
        rebalance_timeout_ms: 1_000,
        ..consumer("b")
    };
    let away = Join {
        rebalance_timeout_ms: 1_000,
        ..static_consumer("a")
    };
    let seats = house.stable(&[away.clone(), quick.clone()]);
    // The static leader is away; the other joins again with a new subscription.
    let changed = Join {
        protocols: vec![("range".to_owned(), Bytes::from_static(b"other"))],
        rebalance_timeout_ms: 1_000,
        ..seats[1].again()
    };
    let ticket = house.join(changed);
    house.pass(1_000);
    let joined = house.joined(ticket);
    assert_eq!((joined.generation, joined.members.len()), (2, 2));
    assert_eq!(joined.leader, seats[1].member, "who is there leads");
    let seat = house.seat(ticket, &quick);
    house.sync(&seat, &[(&seats[0].member, "a"), (&seat.member, "b")]);
    // Its part waits for it.
    let back = house.join(away.clone());
    let seat = house.seat(back, &away);
    let synced = house.sync(&seat, &[]);
    assert_eq!(house.synced(synced), Ok("a".to_owned()));
}

#[test]
fn a_group_of_static_members_that_are_all_away_waits_for_their_sessions() {
    let mut house = House::new();
    let brief = |name: &str| Join {
        rebalance_timeout_ms: 1_000,
        ..static_consumer(name)
    };
    house.stable(&[brief("a"), brief("b")]);
    let leaving = Leaving {
        member: MemberId::none(),
        instance: Some(instance("a")),
    };
    assert_eq!(house.leave(leaving), Code::None);
    house.pass(1_000);
    house.pass(1_000);
    assert_eq!(house.state(), State::PreparingRebalance);
    assert_eq!(house.described().members.len(), 1);
    house.pass(SESSION_MS);
    assert_eq!(house.state(), State::Empty);
}
