//! What comes in by the gateway comes out of the topics, and every listener serves.

use trueup_domain::status::OrderStatus;
use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, said, success};

#[test]
fn a_signed_event_becomes_a_paid_order_that_kafkas_own_client_reads() {
    let dev = Dev::start(&[]);
    let sent = dev.send(&[success("mug", 1)]);
    assert!(sent.status.success(), "{}", said(&sent));
    let held = dev.statuses("mug", |held| !held.is_empty());
    assert_eq!(held[0].to, OrderStatus::Paid);
    assert_eq!((held[0].amount_received, held.len()), (1_000, 1));
}

#[test]
fn an_order_and_an_event_are_looked_up_beside_it() {
    let dev = Dev::start(&[]);
    assert!(dev.send(&[success("mug", 1)]).status.success());
    let order = wait_until(LIMIT, || dev.look_up("order", "mug")).unwrap();
    assert_eq!(order["status"], "paid");
    assert_eq!(order["timeline"][0]["event_id"], "evt_mug1");
    let event = wait_until(LIMIT, || dev.look_up("event", "evt_mug1")).unwrap();
    assert_eq!(event["signature_valid"], true);
    assert_eq!(event["body"]["id"], "evt_mug1");
    assert_eq!(dev.look_up("order", "nobody"), None);
}

#[test]
fn it_says_what_runs_where_and_what_to_tell_stripe() {
    let dev = Dev::start(&[]);
    let url = format!("http://{}/webhooks/stripe", dev.http());
    let log = wait_until(LIMIT, || {
        Some(dev.process.log()).filter(|log| log.contains("to try next"))
    })
    .unwrap();
    assert!(
        log.contains(&format!("stripe listen --forward-to {url}")),
        "{log}"
    );
    assert!(log.contains("webhook-secret"), "{log}");
    let secret = std::fs::read_to_string(dev.data().join("webhook-secret")).unwrap();
    assert!(!log.contains(secret.trim()), "the secret is in the log");
}

#[test]
fn told_to_stop_it_drains_and_ends_well() {
    let mut dev = Dev::start(&[]);
    assert!(dev.send(&[success("mug", 1)]).status.success());
    let status = dev.process.terminate(LIMIT);
    assert_eq!(status.code(), Some(0), "{}", dev.process.log());
    assert!(!dev.process.ready_path().exists());
}

#[test]
fn secrets_of_the_user_take_the_place_of_its_own() {
    let secret = "whsec_of_the_user_0123456789";
    let launch = crate::bench::trueup()
        .args(["dev", "--http", "127.0.0.1:0", "--ops", "127.0.0.1:0"])
        .args(["--kafka-listen", "127.0.0.1:0", "--partitions", "1"])
        .env("STRIPE_WEBHOOK_SECRET", secret);
    let mut process = launch.start().unwrap();
    let ready = process.ready(LIMIT);
    let file = process.directory().join("event.json");
    std::fs::write(&file, success("mug", 1).to_string()).unwrap();
    let send = |secret: &str| {
        crate::bench::trueup()
            .args(["send", "--http", ready.http.as_deref().unwrap()])
            .args([file.to_str().unwrap()])
            .env("STRIPE_WEBHOOK_SECRET", secret)
            .output()
    };
    assert!(send(secret).status.success());
    assert!(said(&send("whsec_of_somebody_else_0123")).starts_with("400"));
    assert!(
        !process
            .directory()
            .join("trueup-data/webhook-secret")
            .exists()
    );
}
