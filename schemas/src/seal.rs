//! Signatures of records: who wrote a record into an input topic, and that nobody changed it.
//!
//! HMAC-SHA256 over topic, key and Avro datum, each preceded by its length as four bytes, so
//! that no two triples read alike. The framing is left out: it differs between set-ups.
//! Secrets never appear in an error or in debug output.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;

use crate::limits::{MAX_KEY_ID_BYTES, MAX_SIGNING_KEYS, MIN_SECRET_BYTES};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const TAG_BYTES: usize = 32;

/// The keys that sign and verify records. The first signs, all verify.
#[derive(Clone)]
pub struct SigningKeys {
    first: SigningKey,
    others: Vec<SigningKey>,
}

#[derive(Clone)]
struct SigningKey {
    id: String,
    /// Keyed already: both of the key's blocks are hashed once.
    mac: Hmac<Sha256>,
}

/// The two headers that a signed record carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal<'a> {
    pub key_id: &'a str,
    /// Lower-case hex.
    pub signature: String,
}

/// Why a list of keys was refused; `member` counts from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SigningKeyFault {
    #[error("member {member} of the signing keys is empty; remove the comma, or set no keys")]
    EmptyMember { member: usize },
    #[error("member {member} of the signing keys has no colon; write `id:base64`")]
    NoColon { member: usize },
    #[error(
        "member {member} of the signing keys has an unusable id; use 1 to {MAX_KEY_ID_BYTES} \
         letters, digits, `-`, `_` or `.`"
    )]
    BadId { member: usize },
    #[error("member {member} of the signing keys has the id of member {first}; ids must differ")]
    DuplicateId { member: usize, first: usize },
    #[error("the secret of member {member} of the signing keys is not base64")]
    NotBase64 { member: usize },
    #[error(
        "the secret of member {member} of the signing keys has {bytes} bytes, the least is \
         {MIN_SECRET_BYTES}; make one with `openssl rand -base64 32`"
    )]
    ShortSecret { member: usize, bytes: usize },
    #[error("there are {keys} signing keys, the limit is {MAX_SIGNING_KEYS}")]
    TooMany { keys: usize },
}

/// Why a record counts as forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealFault {
    #[error("the record names a signing key that is not known here")]
    UnknownKey,
    #[error("the signature is not {TAG_BYTES} bytes of hex")]
    NotASignature,
    #[error("the signature is not that of this topic, key and value")]
    Mismatch,
}

impl SigningKeys {
    /// Reads `id:base64[,id:base64]`.
    ///
    /// # Errors
    /// [`SigningKeyFault`] for the first member that is wrong.
    pub fn parse(list: &str) -> Result<Self, SigningKeyFault> {
        let mut keys: Vec<SigningKey> = Vec::new();
        for (member, text) in (1_usize..).zip(list.split(',')) {
            let key = SigningKey::parse(member, text.trim())?;
            if let Some((first, _)) = (1_usize..).zip(&keys).find(|(_, known)| known.id == key.id) {
                return Err(SigningKeyFault::DuplicateId { member, first });
            }
            keys.push(key);
        }
        if keys.len() > MAX_SIGNING_KEYS {
            return Err(SigningKeyFault::TooMany { keys: keys.len() });
        }
        let mut keys = keys.into_iter();
        let first = keys
            .next()
            .ok_or(SigningKeyFault::EmptyMember { member: 1 })?;
        Ok(Self {
            first,
            others: keys.collect(),
        })
    }

    /// Signs with the first key. `topic` is the full name, prefix included.
    #[must_use]
    pub fn seal(&self, topic: &str, key: &[u8], datum: &[u8]) -> Seal<'_> {
        let tag = self.first.over(topic, key, datum).finalize().into_bytes();
        Seal {
            key_id: &self.first.id,
            signature: hex::encode(tag),
        }
    }

    /// Verifies the two headers of a record, in constant time for a given length.
    ///
    /// # Errors
    /// [`SealFault`] for any record that none of these keys signed just so.
    pub fn verify(
        &self,
        key_id: &[u8],
        signature: &[u8],
        topic: &str,
        key: &[u8],
        datum: &[u8],
    ) -> Result<(), SealFault> {
        let signer = std::iter::once(&self.first)
            .chain(&self.others)
            .find(|known| known.id.as_bytes() == key_id)
            .ok_or(SealFault::UnknownKey)?;
        let mut tag = [0_u8; TAG_BYTES];
        // One spelling only, so that a record has one signature.
        if signature.iter().any(u8::is_ascii_uppercase) {
            return Err(SealFault::NotASignature);
        }
        hex::decode_to_slice(signature, &mut tag).map_err(|_| SealFault::NotASignature)?;
        signer
            .over(topic, key, datum)
            .verify_slice(&tag)
            .map_err(|_| SealFault::Mismatch)
    }

    /// The keys' ids, the one that signs first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .map(|key| key.id.as_str())
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKeys")
            .field(&self.ids().collect::<Vec<_>>())
            .finish()
    }
}

impl SigningKey {
    fn parse(member: usize, text: &str) -> Result<Self, SigningKeyFault> {
        if text.is_empty() {
            return Err(SigningKeyFault::EmptyMember { member });
        }
        let (id, secret) = text
            .split_once(':')
            .ok_or(SigningKeyFault::NoColon { member })?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if id.is_empty() || id.len() > MAX_KEY_ID_BYTES || !id.bytes().all(plain) {
            return Err(SigningKeyFault::BadId { member });
        }
        let secret = BASE64
            .decode(secret)
            .map_err(|_| SigningKeyFault::NotBase64 { member })?;
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SigningKeyFault::ShortSecret {
                member,
                bytes: secret.len(),
            });
        }
        let mac = Hmac::new_from_slice(&secret).map_err(|_| SigningKeyFault::ShortSecret {
            member,
            bytes: secret.len(),
        })?;
        Ok(Self {
            id: id.to_owned(),
            mac,
        })
    }

    fn over(&self, topic: &str, key: &[u8], datum: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        for part in [topic.as_bytes(), key, datum] {
            // Longer parts than 4 GiB do not exist: no message may be as large.
            mac.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old:b2xkIG9sZCBvbGQgb2xkIG9sZA==";
    const NEW: &str = "new:bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXc=";

    fn keys(list: &str) -> SigningKeys {
        SigningKeys::parse(list).unwrap()
    }

    fn fault(list: &str) -> SigningKeyFault {
        SigningKeys::parse(list).unwrap_err()
    }

    fn verify(keys: &SigningKeys, seal: &Seal<'_>, parts: [&[u8]; 3]) -> Result<(), SealFault> {
        let [topic, key, datum] = parts;
        let topic = std::str::from_utf8(topic).unwrap();
        keys.verify(
            seal.key_id.as_bytes(),
            seal.signature.as_bytes(),
            topic,
            key,
            datum,
        )
    }

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let rotating = keys(&format!("{NEW},{OLD}"));
        let seal = rotating.seal("payments.events", b"order-1", b"datum");
        assert_eq!(seal.key_id, "new");
        let parts: [&[u8]; 3] = [b"payments.events", b"order-1", b"datum"];
        assert_eq!(verify(&rotating, &seal, parts), Ok(()));
        let before = keys(OLD);
        assert_eq!(
            verify(
                &rotating,
                &before.seal("payments.events", b"order-1", b"datum"),
                parts
            ),
            Ok(())
        );
        assert_eq!(verify(&before, &seal, parts), Err(SealFault::UnknownKey));
    }

    #[test]
    fn the_signature_is_hmac_sha256_over_length_prefixed_parts() {
        // python3: hmac.new(b"old old old old old", b"\0\0\0\1t\0\0\0\1k\0\0\0\1d", "sha256")
        assert_eq!(keys(OLD).seal("t", b"k", b"d").signature, GOLDEN);
    }

    const GOLDEN: &str = "bdde2590bbdbdd69a53c72c5b771c46dbceb09af06ccae64c70f696e46d47342";

    #[test]
    fn any_other_topic_key_or_value_is_refused() {
        let keys = keys(OLD);
        let seal = keys.seal("ab", b"cd", b"ef");
        for parts in [
            [&b"ab"[..], b"cd", b"eg"],
            [b"ab", b"ce", b"ef"],
            [b"aa", b"cd", b"ef"],
            // The same bytes in a row, cut elsewhere.
            [b"abc", b"d", b"ef"],
            [b"ab", b"cde", b"f"],
            [b"ab", b"cd", b""],
        ] {
            assert_eq!(
                verify(&keys, &seal, parts),
                Err(SealFault::Mismatch),
                "{parts:?}"
            );
        }
    }

    #[test]
    fn a_signature_that_is_not_hex_of_32_bytes_is_refused() {
        let keys = keys(OLD);
        let seal = keys.seal("t", b"k", b"d");
        for signature in [
            String::new(),
            "zz".repeat(32),
            seal.signature[2..].to_owned(),
            format!("{}00", seal.signature),
            seal.signature.to_uppercase(),
        ] {
            let verdict = keys.verify(b"old", signature.as_bytes(), "t", b"k", b"d");
            assert_eq!(verdict, Err(SealFault::NotASignature), "{signature}");
        }
    }

    #[test]
    fn wrong_members_are_named_by_their_place() {
        assert_eq!(fault(""), SigningKeyFault::EmptyMember { member: 1 });
        assert_eq!(
            fault(&format!("{OLD},")),
            SigningKeyFault::EmptyMember { member: 2 }
        );
        assert_eq!(
            fault(&format!("{OLD},,{NEW}")),
            SigningKeyFault::EmptyMember { member: 2 }
        );
        assert_eq!(fault("c2VjcmV0"), SigningKeyFault::NoColon { member: 1 });
        assert_eq!(
            fault(":b2xkIG9sZCBvbGQgb2xkIG9sZA=="),
            SigningKeyFault::BadId { member: 1 }
        );
        assert_eq!(
            fault("a b:b2xkIG9sZCBvbGQgb2xkIG9sZA=="),
            SigningKeyFault::BadId { member: 1 }
        );
        assert_eq!(fault("id:?"), SigningKeyFault::NotBase64 { member: 1 });
        assert_eq!(
            fault("id:"),
            SigningKeyFault::ShortSecret {
                member: 1,
                bytes: 0
            }
        );
        assert_eq!(
            fault("id:Zm91cnRlZW4gYnl0ZXM="),
            SigningKeyFault::ShortSecret {
                member: 1,
                bytes: 14
            }
        );
        assert_eq!(
            fault(&format!("{NEW},{OLD},{NEW}")),
            SigningKeyFault::DuplicateId {
                member: 3,
                first: 1
            }
        );
        let many: Vec<String> = (0..17)
            .map(|key| format!("{key}:b2xkIG9sZCBvbGQgb2xkIG9sZA=="))
            .collect();
        assert_eq!(
            fault(&many.join(",")),
            SigningKeyFault::TooMany { keys: 17 }
        );
    }

    #[test]
    fn no_secret_shows_in_debug_output_or_in_an_error() {
        assert_eq!(
            format!("{:?}", keys(&format!("{NEW},{OLD}"))),
            r#"SigningKeys(["new", "old"])"#
        );
        for list in [
            "s3cr3t-s3cr3t-s3cr3t",
            "s3cr3t s3cr3t:AAAA",
            "id:s3cr3t",
            "id:s3cr3t!",
        ] {
            assert!(!fault(list).to_string().contains("s3cr3t"), "{list}");
        }
    }

    #[test]
    fn padding_may_be_left_out() {
        assert_eq!(
            keys("old:b2xkIG9sZCBvbGQgb2xkIG9sZA").seal("t", b"k", b"d"),
            keys(OLD).seal("t", b"k", b"d")
        );
    }
}
