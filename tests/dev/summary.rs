//! The summary of everything, which is the same before and after a `kill -9`.

use serde_json::{Value, json};
use trueup_testkit::wait_until;

use crate::bench::{Dev, LIMIT, said, success};

fn summary(dev: &Dev) -> Option<Value> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let url = format!("http://{}/api/v1/summary", dev.ops());
    let mut response = agent.get(url).call().ok()?;
    (response.status() == 200).then(|| response.body_mut().read_json().unwrap())
}

/// Waits until the summary is as `expected`, where that says anything.
fn summary_becomes(dev: &Dev, expected: &Value) {
    let agrees = |told: &Value| {
        let fields = expected.as_object().unwrap();
        fields.iter().all(|(name, value)| &told[name] == value)
    };
    let found = wait_until(LIMIT, || summary(dev).filter(agrees));
    assert!(found.is_some(), "{expected}\nis not {:?}", summary(dev));
}

#[test]
fn the_windows_are_what_was_sent_and_stay_so_over_a_kill() {
    let mut dev = Dev::start(&[]);
    let events: Vec<_> = (0..20)
        .map(|number| success(&format!("order{number}"), 1))
        .collect();
    let window = |orders: i64| {
        json!({
            "succeeded": orders, "reconciled": orders, "in_gap": 0,
            "amount": {"eur": 1_000 * orders}, "reconciled_amount": {"eur": 1_000 * orders},
            "in_gap_amount": {},
        })
    };
    let told = |orders: i64| {
        let hour_and_day = window(orders);
        json!({"orders": orders, "lag": 0, "oldest_gap_seconds": null,
            "gap_amount": {}, "windows": {"5m": hour_and_day, "1h": hour_and_day, "24h": hour_and_day}})
    };
    let sent = dev.send(&events);
    assert!(sent.status.success(), "{}", said(&sent));
    // Each twice: what is known already changes nothing.
    assert!(dev.send(&events).status.success());
    summary_becomes(&dev, &told(20));
    dev.kill_and_restart();
    summary_becomes(&dev, &told(20));
    let more: Vec<_> = (20..25)
        .map(|number| success(&format!("order{number}"), 1))
        .collect();
    assert!(dev.send(&more).status.success());
    summary_becomes(&dev, &told(25));
}
