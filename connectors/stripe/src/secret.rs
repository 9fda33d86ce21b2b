//! A webhook secret: never printed, at least 16 bytes, its HMAC key set up once.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::limits::MIN_SECRET_BYTES;

/// One `whsec_…` string. Stripe keys the HMAC with the whole of it, undecoded.
#[derive(Clone)]
pub struct Secret {
    keyed: Hmac<Sha256>,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("webhook secret has {bytes} bytes, give at least {MIN_SECRET_BYTES}")]
pub struct SecretTooShort {
    bytes: usize,
}

impl Secret {
    /// # Errors
    /// A secret of fewer than [`MIN_SECRET_BYTES`] bytes.
    pub fn new(secret: &str) -> Result<Self, SecretTooShort> {
        let too_short = SecretTooShort {
            bytes: secret.len(),
        };
        if secret.len() < MIN_SECRET_BYTES {
            return Err(too_short);
        }
        // HMAC takes keys of every length, so this never fails.
        let keyed = Hmac::new_from_slice(secret.as_bytes()).map_err(|_| too_short)?;
        Ok(Self { keyed })
    }

    /// HMAC-SHA256 over `stamp.body`.
    pub(crate) fn sign(&self, stamp: &[u8], body: &[u8]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(stamp);
        mac.update(b".");
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_refused_and_no_secret_is_ever_printed() {
        assert_eq!(
            Secret::new("fifteen bytes !").unwrap_err(),
            SecretTooShort { bytes: 15 }
        );
        let printed = format!("{:?}", Secret::new("sixteen bytes !!").unwrap());
        assert_eq!(printed, "Secret(***)");
    }
}
