//! Another Kafka in the place of the embedded one, and an embedded one that misbehaves on purpose.

use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, said, success, trueup};

#[test]
fn a_kafka_that_is_named_takes_the_place_of_the_embedded_one() {
    // One `dev` is the Kafka of the other: its broker speaks the same protocol as any.
    let first = Dev::start(&[]);
    let kafka = first.ready.kafka.as_deref().unwrap();
    let second = Dev::start(&["--kafka", kafka, "--topic-prefix", "second."]);
    assert_eq!(second.ready.kafka.as_deref(), Some(kafka));
    assert!(!second.data().join("broker").exists());
    let sent = second.send(&[success("mug", 1)]);
    assert!(sent.status.success(), "{}", said(&sent));
    let order = wait_until(LIMIT, || second.look_up("order", "mug")).unwrap();
    assert_eq!(
        order["timeline"][0]["position"]["topic"],
        "second.payments.events"
    );
    assert_eq!(first.look_up("order", "mug"), None);
}

#[test]
fn connections_that_the_broker_closes_lose_and_double_nothing() {
    let script = std::env::temp_dir().join(format!("trueup-dev-{}-faults", std::process::id()));
    std::fs::write(
        &script,
        "Produce every=3 times=8 close-after\nEndTxn times=2 close\n",
    )
    .unwrap();
    let dev = Dev::start(&["--broker-faults", script.to_str().unwrap()]);
    std::fs::remove_file(&script).unwrap();
    let orders: Vec<String> = (0..20).map(|number| format!("order{number}")).collect();
    for order in &orders {
        let sent = dev.send(&[success(order, 1)]);
        assert!(sent.status.success(), "{}", said(&sent));
    }
    for order in &orders {
        let held = dev.statuses(order, |held| !held.is_empty());
        assert_eq!(held.len(), 1, "{order}");
    }
}

#[test]
fn connections_that_break_while_it_prepares_its_topics_do_not_end_it() {
    let script = std::env::temp_dir().join(format!("trueup-dev-{}-early", std::process::id()));
    std::fs::write(
        &script,
        "CreateTopics times=1 close-after\nDescribeConfigs every=3 times=4 close\n\
         Metadata times=1 close\n",
    )
    .unwrap();
    let mut dev = Dev::start(&["--broker-faults", script.to_str().unwrap()]);
    dev.kill_and_restart();
    std::fs::remove_file(&script).unwrap();
    let told = std::fs::read_to_string(dev.data().join("broker-faults.log")).unwrap();
    let of = |what: &str| told.lines().filter(|line| line.starts_with(what)).count();
    assert_eq!(of("CreateTopics close-after"), 1, "{told}");
    assert!(of("DescribeConfigs close") >= 2, "{told}");
}

#[test]
fn a_script_of_faults_that_is_not_understood_is_refused() {
    let script = std::env::temp_dir().join(format!("trueup-dev-{}-wrong", std::process::id()));
    std::fs::write(&script, "Produce sometimes close\n").unwrap();
    let refused = trueup()
        .args(["dev", "--broker-faults", script.to_str().unwrap()])
        .output();
    std::fs::remove_file(&script).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("`sometimes`"), "{}", said(&refused));
}
