//! Signs a body as Stripe does: HMAC-SHA256 over `<t>.<body>` with the whole secret.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of `Stripe-Signature` for one attempt at `at_s`. `v0` is what Stripe adds to test
/// events and nobody may trust.
#[must_use]
pub fn header(secret: &str, at_s: i64, body: &[u8]) -> String {
    let stamp = at_s.to_string();
    let signed = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(stamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    });
    // HMAC takes keys of every length, so there is always a signature.
    let signature = signed.unwrap_or_default();
    format!("t={stamp},v1={signature},v0={}", "0".repeat(64))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_signature_is_what_openssl_makes_of_the_same_bytes() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test_secret
        let header = super::header("whsec_test_secret", 1_700_000_000, b"{}");
        assert!(header.starts_with("t=1700000000,v1=ceb8863f7208fa249a6cd8f951e993c7563412aca65866f6272283debe143ab3,v0="), "{header}");
    }
}
