//! Named endpoints from a file: each its own secrets, livemode and account.

use serde_json::{Value, json};
use trueup_testkit::{Launch, Scratch, WEBHOOK_SECRET, kafka};

use crate::shop::{Shop, event_ids, signature, success};

const LIVE: &str = "whsec_live_0123456789";
const ROLLED: &str = "whsec_live_rolled_0123456789";
const EU: &str = "whsec_eu_0123456789";

fn body(event_id: &str, livemode: bool, account: Option<&str>) -> Vec<u8> {
    let mut event: Value = success(event_id, "pi_1", Some("order-1"));
    event["livemode"] = json!(livemode);
    if let Some(account) = account {
        event["account"] = json!(account);
    }
    event.to_string().into_bytes()
}

#[test]
fn each_endpoint_takes_its_own_secrets_livemode_and_account_and_no_other() {
    let scratch = Scratch::new("endpoints").unwrap();
    let secret_file = scratch.path().join("eu-secret");
    std::fs::write(&secret_file, format!("{EU}\n")).unwrap();
    let config = scratch.path().join("trueup.toml");
    let text = format!(
        "[endpoint.live]\nsecret = [\"{LIVE}\", \"{ROLLED}\"]\nlivemode = true\n\n\
         [endpoint.eu]\nsecret-file = \"{}\"\naccount = \"acct_eu\"\nlivemode = false\n",
        secret_file.display()
    );
    std::fs::write(&config, text).unwrap();
    let with_file = |launch: Launch| {
        let config = config.display().to_string();
        launch.args(["--config", config.as_str(), "--livemode", "false"])
    };
    let shop = Shop::open_with(&kafka(), "endpoints", with_file);
    let post = |name: &str, secret: &str, body: &[u8]| {
        let path = format!("/webhooks/stripe{name}");
        let answer = shop.post_to(&path, &signature(secret, body), body);
        (answer.status, answer.code().to_owned())
    };
    let accepted = (200, String::new());
    let refused = |code: &str| (400, code.to_owned());
    assert_eq!(post("/live", LIVE, &body("evt_live", true, None)), accepted);
    assert_eq!(
        post("/live", ROLLED, &body("evt_rolled", true, None)),
        accepted
    );
    assert_eq!(
        post("/eu", EU, &body("evt_eu", false, Some("acct_eu"))),
        accepted
    );
    assert_eq!(
        post("", WEBHOOK_SECRET, &body("evt_unnamed", false, None)),
        accepted
    );

    let wrong = || refused("wrong_endpoint");
    assert_eq!(post("/live", LIVE, &body("evt_bad", false, None)), wrong());
    assert_eq!(
        post("/eu", EU, &body("evt_bad", true, Some("acct_eu"))),
        wrong()
    );
    assert_eq!(
        post("/eu", EU, &body("evt_bad", false, Some("acct_us"))),
        wrong()
    );
    assert_eq!(post("/eu", EU, &body("evt_bad", false, None)), wrong());
    assert_eq!(
        post("", WEBHOOK_SECRET, &body("evt_bad", true, None)),
        wrong()
    );
    assert_eq!(
        shop.metric("webhook_refused_total", &[("reason", "wrong_endpoint")]),
        5
    );

    let foreign = || refused("signature_mismatch");
    let live = body("evt_bad", true, None);
    assert_eq!(post("/live", EU, &live), foreign());
    assert_eq!(post("/live", WEBHOOK_SECRET, &live), foreign());
    assert_eq!(post("", LIVE, &live), foreign());

    let ids = event_ids(&shop.records("payments.events"));
    assert_eq!(ids, ["evt_eu", "evt_live", "evt_rolled", "evt_unnamed"]);
    let log = shop.process.log();
    for secret in [LIVE, ROLLED, EU, WEBHOOK_SECRET] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
    assert!(!log.contains("xyzzy"), "a client secret is in the log");
}
