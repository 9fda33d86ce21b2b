//! Checks `Stripe-Signature` over the raw bytes of a body. [`Verified`] is the only way from a
//! body to its parse, so nothing is parsed before it was verified.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use trueup_domain::event::UnixSeconds;
use trueup_plants::{Plant, planted};

use crate::limits::{MAX_SIGNATURE_AGE_S, MAX_SIGNATURE_LEAD_S, MAX_SIGNATURES, MAX_STAMP_DIGITS};
use crate::secret::Secret;

/// A body whose origin was proven: by Stripe's signature, by the digest in a sealed record, or by
/// being fetched from Stripe's API.
#[derive(Debug, Clone)]
pub struct Verified {
    body: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureFault {
    #[error("the Stripe-Signature header is missing")]
    Missing,
    #[error("the Stripe-Signature header occurs more than once")]
    Repeated,
    #[error("the Stripe-Signature header is not `t=<unix seconds>,v1=<hex>[,v1=<hex>...]`")]
    Malformed,
    #[error("the Stripe-Signature header has no `v1` signature, and no other scheme is taken")]
    NoKnownScheme,
    #[error(
        "the signature is older than {MAX_SIGNATURE_AGE_S} s: check the sender's and this host's clock"
    )]
    TooOld,
    #[error(
        "the signature is more than {MAX_SIGNATURE_LEAD_S} s in the future: check the sender's and this host's clock"
    )]
    FromTheFuture,
    #[error("no signature matches: check that the endpoint's secret is the one Stripe shows")]
    Mismatch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the stored body does not have the digest that its sealed record names")]
pub struct DigestMismatch;

impl Verified {
    /// Verifies `header` over `body` with any of `secrets`.
    ///
    /// # Errors
    /// The first thing that is wrong; the time is judged before the signature.
    pub fn by_signature(
        header: &[u8],
        secrets: &[Secret],
        body: Bytes,
        now_s: UnixSeconds,
    ) -> Result<Self, SignatureFault> {
        let header = Header::parse(header)?;
        if header.signatures.is_empty() {
            return Err(SignatureFault::NoKnownScheme);
        }
        let age_s = now_s.saturating_sub(header.at_s);
        if age_s > MAX_SIGNATURE_AGE_S {
            return Err(SignatureFault::TooOld);
        }
        if age_s < MAX_SIGNATURE_LEAD_S.saturating_neg() {
            return Err(SignatureFault::FromTheFuture);
        }
        let rewritten = planted(Plant::SignatureOverReserialised)
            .then(|| serde_json::from_slice::<serde_json::Value>(&body).ok())
            .flatten()
            .map(|value| value.to_string().into_bytes());
        let signed = rewritten.as_deref().unwrap_or(&body);
        let matches = secrets.iter().any(|secret| {
            let expected = secret.sign(header.stamp, signed);
            let matching = header.signatures.iter().map(|given| given.ct_eq(&expected));
            matching
                .fold(subtle::Choice::from(0), |any, one| any | one)
                .into()
        });
        if matches {
            Ok(Self { body })
        } else {
            Err(SignatureFault::Mismatch)
        }
    }

    /// Takes a body back from the log when it is the one that a sealed record speaks of.
    ///
    /// # Errors
    /// A body with another digest.
    pub fn by_digest(body: Bytes, sha256: &[u8; 32]) -> Result<Self, DigestMismatch> {
        let found: [u8; 32] = Sha256::digest(&body).into();
        if found == *sha256 {
            Ok(Self { body })
        } else {
            Err(DigestMismatch)
        }
    }

    /// Takes a body that this process fetched from Stripe's API, whose certificate was checked.
    pub(crate) fn by_origin(body: Bytes) -> Self {
        Self { body }
    }

    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

struct Header<'a> {
    /// `t` as it was written: the signature covers these digits.
    stamp: &'a [u8],
    at_s: UnixSeconds,
    signatures: Vec<[u8; 32]>,
}

impl<'a> Header<'a> {
    /// Every pair must be `name=value` with one `=`; `t` is needed once; a `v1` that is not the
    /// hex of 32 bytes can match nothing and is skipped; other schemes are ignored.
    fn parse(header: &'a [u8]) -> Result<Self, SignatureFault> {
        let mut stamp = None;
        let mut signatures = Vec::new();
        for pair in header.split(|byte| *byte == b',') {
            let mut parts = pair.splitn(3, |byte| *byte == b'=');
            let (Some(name), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
                return Err(SignatureFault::Malformed);
            };
            match name {
                b"t" if stamp.is_some() => return Err(SignatureFault::Malformed),
                b"t" => stamp = Some((value, seconds(value)?)),
                b"v1" => {
                    let mut signature = [0; 32];
                    if hex::decode_to_slice(value, &mut signature).is_ok() {
                        signatures.push(signature);
                    }
                    if signatures.len() > MAX_SIGNATURES {
                        return Err(SignatureFault::Malformed);
                    }
                }
                _ => {}
            }
        }
        let (stamp, at_s) = stamp.ok_or(SignatureFault::Malformed)?;
        Ok(Self {
            stamp,
            at_s,
            signatures,
        })
    }
}

fn seconds(digits: &[u8]) -> Result<UnixSeconds, SignatureFault> {
    if digits.len() > MAX_STAMP_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return Err(SignatureFault::Malformed);
    }
    let text = std::str::from_utf8(digits).map_err(|_| SignatureFault::Malformed)?;
    text.parse().map_err(|_| SignatureFault::Malformed)
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
