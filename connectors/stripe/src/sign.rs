//! Signs a body as Stripe does, for `trueup send` and for load tests.

use trueup_domain::event::UnixSeconds;

use crate::secret::Secret;

/// The value of `Stripe-Signature` for one delivery of `body` at `at_s`.
#[must_use]
pub fn stripe_signature(secret: &Secret, at_s: UnixSeconds, body: &[u8]) -> String {
    let stamp = at_s.to_string();
    let signature = hex::encode(secret.sign(stamp.as_bytes(), body));
    format!("t={stamp},v1={signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_the_same_bytes() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test_secret
        let secret = Secret::new("whsec_test_secret").unwrap();
        let header = stripe_signature(&secret, 1_700_000_000, b"{}");
        let expected = "ceb8863f7208fa249a6cd8f951e993c7563412aca65866f6272283debe143ab3";
        assert_eq!(header, format!("t=1700000000,v1={expected}"));
    }
}
