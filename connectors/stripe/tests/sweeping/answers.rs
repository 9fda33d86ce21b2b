//! Every bad answer of the API has a name, is tried again where that can help, and loses nothing.

use std::time::{Duration, Instant};

use serde_json::json;
use trueup_stripe::api::{ApiFault, TryFault};
use trueup_stripe::limits::ApiLimits;
use trueup_stripe::sweep::{Pass, SweepFault};
use trueup_testkit::ApiTrouble;

use crate::world::{World, limits, success};

/// The trouble lasts: the pass ends with a name, nothing is written and the cursor stays; then it
/// is over, and everything comes.
fn given_up(trouble: ApiTrouble) -> TryFault {
    let world = World::new();
    world.api.add_event(success(1, 5_000), false);
    world.api.answer_always(Some(trouble));
    let fault = world.pass(Pass::Undelivered).unwrap_err();
    let SweepFault::Api(ApiFault::GaveUp { tries, last }) = fault else {
        panic!("{fault}");
    };
    assert_eq!((tries, world.api.asked().len()), (3, 3));
    assert_eq!(
        (world.records(), world.cursor(Pass::Undelivered)),
        (0, None)
    );
    world.api.answer_always(None);
    assert_eq!(world.pass(Pass::Undelivered).unwrap().fed, 1);
    assert_eq!(world.event_ids(), ["evt_1"]);
    last
}

/// The trouble comes once: the pass goes on as if nothing had been.
fn overcome(trouble: ApiTrouble) {
    let world = World::new();
    world.api.add_event(success(1, 5_000), false);
    world.api.answer_next([trouble]);
    assert_eq!(world.pass(Pass::Undelivered).unwrap().fed, 1);
    assert!(world.cursor(Pass::Undelivered).is_some());
}

#[test]
fn an_api_that_fails_is_asked_again_and_then_given_up_by_its_status() {
    for status in [500, 502, 503, 409] {
        overcome(ApiTrouble::Status(status));
    }
    let last = given_up(ApiTrouble::Status(500));
    assert!(
        matches!(last, TryFault::Status { status: 500, .. }),
        "{last}"
    );
}

#[test]
fn an_api_that_answers_garbage_is_asked_again_and_then_given_up() {
    overcome(ApiTrouble::Garbage);
    let last = given_up(ApiTrouble::Garbage);
    assert!(matches!(last, TryFault::Unreadable { .. }), "{last}");
    assert!(
        !last.to_string().contains("html"),
        "it quotes the answer: {last}"
    );
}

#[test]
fn an_api_that_never_answers_is_waited_for_only_so_long() {
    overcome(ApiTrouble::Silence);
    let last = given_up(ApiTrouble::Silence);
    assert!(matches!(last, TryFault::Timeout { .. }), "{last}");
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    overcome(ApiTrouble::Half);
    let last = given_up(ApiTrouble::Half);
    assert!(matches!(last, TryFault::Connection { .. }), "{last}");
}

#[test]
fn an_answer_without_end_is_cut_off_at_the_limit() {
    let last = given_up(ApiTrouble::Huge {
        bytes: 2 * 1024 * 1024,
    });
    assert_eq!(last, TryFault::TooLarge { limit: 1024 * 1024 });
}

#[test]
fn an_api_that_is_not_there_is_told_by_name() {
    let world = World::new();
    let address = world.api.url();
    assert!(address.starts_with("http://127.0.0.1:"));
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let api = trueup_stripe::api::Api::new(trueup_stripe::api::ApiSettings {
        base: trueup_stripe::api::ApiBase::parse(&format!("http://{gone}")).unwrap(),
        key: trueup_stripe::api::ApiKey::parse("sk_test_0").unwrap(),
        rate: std::num::NonZeroU32::MIN.saturating_add(99),
        limits: limits(),
    });
    let fault = world.run(api.get("/v1/events", Ok)).unwrap_err();
    let expected = matches!(
        fault,
        ApiFault::GaveUp {
            last: TryFault::Connection { .. },
            ..
        }
    );
    assert!(expected, "{fault}");
}

#[test]
fn a_retry_after_is_kept_to_up_to_a_limit() {
    // A second is asked for; the limit here is 700 ms, which stands for a minute.
    let world = World::new();
    world
        .api
        .answer_next([ApiTrouble::Limited { retry_after_s: 1 }]);
    let began = Instant::now();
    world.pass(Pass::Undelivered).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(700));
    let patient = World::with(
        trueup_testkit::API_KEY,
        ApiLimits {
            longest_retry_after: Duration::from_secs(60),
            ..limits()
        },
    );
    patient
        .api
        .answer_next([ApiTrouble::Limited { retry_after_s: 1 }]);
    let began = Instant::now();
    patient.pass(Pass::Undelivered).unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    let last = given_up(ApiTrouble::Limited { retry_after_s: 0 });
    assert!(matches!(last, TryFault::RateLimited { .. }), "{last}");
}

#[test]
fn a_key_that_stripe_refuses_is_not_tried_twice_and_is_for_good() {
    let world = World::with("sk_test_of_somebody_else", limits());
    let fault = world.pass(Pass::Undelivered).unwrap_err();
    assert!(fault.is_for_good(), "{fault}");
    let said = fault.to_string();
    assert!(
        said.contains("401") && said.contains("STRIPE_API_KEY"),
        "{said}"
    );
    assert!(!said.contains("sk_test"), "{said}");
    assert_eq!(world.api.asked().len(), 1);

    let world = World::new();
    world.api.answer_always(Some(ApiTrouble::Status(403)));
    let fault = world.pass(Pass::Full).unwrap_err();
    assert!(
        fault.is_for_good() && fault.to_string().contains("403"),
        "{fault}"
    );
    assert_eq!(
        (world.api.asked().len(), world.cursor(Pass::Full)),
        (1, None)
    );
}

#[test]
fn a_request_that_stripe_refuses_is_not_tried_twice_and_may_work_later() {
    let world = World::new();
    world.api.answer_always(Some(ApiTrouble::Status(400)));
    let fault = world.pass(Pass::Full).unwrap_err();
    assert!(
        !fault.is_for_good() && fault.to_string().contains("400"),
        "{fault}"
    );
    assert_eq!(world.api.asked().len(), 1);
}

#[test]
fn the_key_does_not_follow_a_redirect() {
    let world = World::new();
    world.api.answer_always(Some(ApiTrouble::Redirect));
    let fault = world.pass(Pass::Full).unwrap_err();
    assert!(fault.to_string().contains("302"), "{fault}");
    assert_eq!(world.api.asked().len(), 1);
}

#[test]
fn a_list_that_goes_in_circles_is_left() {
    let world = World::new();
    world.api.answer_always(Some(ApiTrouble::Circles));
    let fault = world.pass(Pass::Full).unwrap_err();
    assert!(matches!(fault, SweepFault::Circles { .. }), "{fault}");
    assert_eq!(world.cursor(Pass::Full), None);
}

#[test]
fn one_event_that_nobody_can_read_keeps_no_other_out() {
    let world = World::new();
    let mut odd = success(1, 5_000);
    odd["data"]["object"]["currency"] = json!("no currency");
    let mut large = success(2, 5_000);
    large["data"]["object"]["description"] = json!("x".repeat(1024 * 1024));
    let mut other = success(4, 5_000);
    other["type"] = json!("customer.created");
    for event in [odd, success(3, 5_000), other] {
        world.api.add_event(event, false);
    }
    let report = world.pass(Pass::Undelivered).unwrap();
    assert_eq!((report.fed, report.ignored, report.refused), (1, 1, 1));
    assert_eq!(world.event_ids(), ["evt_3"]);

    let roomy = ApiLimits {
        answer_bytes: 8 * 1024 * 1024,
        ..limits()
    };
    let world = World::with(trueup_testkit::API_KEY, roomy);
    world.api.add_event(large, false);
    world.api.add_event(success(5, 5_000), false);
    let report = world.pass(Pass::Undelivered).unwrap();
    assert_eq!((report.fed, report.refused), (1, 1));
}
