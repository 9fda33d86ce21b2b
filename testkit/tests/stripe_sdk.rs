//! Stripe's own SDK agrees with the scheme as everybody else computes it.

use trueup_testkit::stripe_sdk_signature;

/// By `printf '1700000000.{"id":"evt_1","amount":"12 €"}' | openssl dgst -sha256 -hmac whsec_test_secret`.
const KNOWN: &str = "3b60c5e34acb8586a96253d50d41416faea61ef2916942acb52c3c96e7a4ffd1";

#[test]
fn the_sdk_signs_as_openssl_does() {
    let body = "{\"id\":\"evt_1\",\"amount\":\"12 €\"}";
    let header = stripe_sdk_signature("whsec_test_secret", 1_700_000_000, body.as_bytes()).unwrap();
    assert_eq!(header, format!("t=1700000000,v1={KNOWN}"));
}
