//! Members that leave, and the group that goes on without them.

use super::*;

fn leaving(seat: &Seat) -> Leaving {
    Leaving {
        member: seat.member.clone(),
        instance: seat.instance.clone(),
    }
}

#[test]
fn the_others_join_again_when_a_member_leaves() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    assert_eq!(house.leave(leaving(&seats[0])), Code::None);
    assert_eq!(house.heartbeat(&seats[0]), Err(Code::UnknownMemberId));
    assert_eq!(house.heartbeat(&seats[1]), Err(Code::RebalanceInProgress));
    let ticket = house.join(seats[1].again());
    let joined = house.joined(ticket);
    assert_eq!(
        (joined.generation, joined.leader),
        (2, seats[1].member.clone())
    );
}

#[test]
fn a_group_whose_last_member_leaves_is_empty_and_takes_the_next_generation() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a")]);
    assert_eq!(house.leave(leaving(&seats[0])), Code::None);
    assert_eq!(house.state(), State::Empty);
    assert_eq!(house.groups.next_deadline_ms(), None);
    let next = house.stable(&[consumer("b")]);
    assert_eq!(next[0].generation, 3);
}

#[test]
fn a_member_that_leaves_while_it_waits_is_answered() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a"), consumer("b")]);
    let ticket = house.join(seats[0].again());
    assert_eq!(house.leave(leaving(&seats[0])), Code::None);
    assert_eq!(house.refused(ticket).code, Code::UnknownMemberId);
    let ticket = house.join(seats[1].again());
    assert_eq!(house.joined(ticket).generation, 2);
}

#[test]
fn one_that_was_only_given_an_id_may_leave_and_holds_nobody_up() {
    let mut house = House::new();
    let seats = house.stable(&[consumer("a")]);
    let invited = house.join(consumer("b"));
    let invited = house.refused(invited).member;
    let ticket = house.join(seats[0].again());
    assert!(house.waits(ticket), "the invited may come yet");
    let left = Leaving {
        member: invited,
        instance: None,
    };
    assert_eq!(house.leave(left), Code::None);
    assert_eq!(house.joined(ticket).generation, 2);
}

#[test]
fn several_leave_at_once_and_each_is_answered_for_itself() {
    let mut house = House::new();
    let seats = house.stable(&[static_consumer("a"), static_consumer("b"), consumer("c")]);
    let by_name = |name: &str| Leaving {
        member: MemberId::none(),
        instance: Some(instance(name)),
    };
    let stranger = Leaving {
        member: member("stranger"),
        instance: None,
    };
    let fenced = Leaving {
        member: member("stranger"),
        instance: Some(instance("b")),
    };
    let all = [
        by_name("a"),
        by_name("x"),
        stranger,
        fenced,
        leaving(&seats[2]),
    ];
    let left = house.groups.leave(&group(), &all, 0);
    let codes = [
        Code::None,
        Code::UnknownMemberId,
        Code::UnknownMemberId,
        Code::FencedInstanceId,
        Code::None,
    ];
    assert_eq!(left.answer, Ok(codes.to_vec()));
    assert_eq!(house.described().members.len(), 1);
}

#[test]
fn nobody_is_a_member_of_a_group_that_is_not() {
    let mut house = House::new();
    let stranger = Leaving {
        member: member("stranger"),
        instance: None,
    };
    assert_eq!(house.leave(stranger), Code::UnknownMemberId);
    let unnamed = GroupId::try_from("").unwrap();
    let left = house.groups.leave(&unnamed, &[], 0);
    assert_eq!(left.answer, Err(Code::InvalidGroupId));
}
