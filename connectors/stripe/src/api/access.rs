//! Where the API is and with which key it is asked. The key is never printed, and is sent in the
//! clear to this machine only.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

/// The longest address taken, in bytes.
const MAX_BASE_BYTES: usize = 2_048;
/// The longest key taken, in bytes.
const MAX_KEY_BYTES: usize = 512;

/// Scheme and authority of Stripe's API, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiBase {
    url: String,
    encrypted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadBase {
    #[error("not https://host[:port]; leave it out for Stripe's own")]
    NotAUrl,
    #[error("has more than {MAX_BASE_BYTES} bytes")]
    TooLong,
    #[error(
        "plain http would show the API key to the network; use https, or http to this machine: 127.0.0.1, [::1] or localhost"
    )]
    InTheClear,
}

impl ApiBase {
    /// Reads an address: https to anywhere, http to this machine.
    ///
    /// # Errors
    /// [`BadBase`]: what it is not.
    pub fn parse(text: &str) -> Result<Self, BadBase> {
        if text.len() > MAX_BASE_BYTES {
            return Err(BadBase::TooLong);
        }
        let text = text.trim_end_matches('/');
        let (encrypted, authority) = match text.split_once("://") {
            Some(("https", authority)) => (true, authority),
            Some(("http", authority)) => (false, authority),
            Some(_) | None => return Err(BadBase::NotAUrl),
        };
        let legal = |letter: char| {
            letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':' | '[' | ']')
        };
        if authority.is_empty() || !authority.chars().all(legal) {
            return Err(BadBase::NotAUrl);
        }
        if !encrypted && !is_this_machine(authority) {
            return Err(BadBase::InTheClear);
        }
        Ok(Self {
            url: text.to_owned(),
            encrypted,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.encrypted
    }
}

fn is_this_machine(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A secret or restricted key of Stripe's API.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("an API key has only visible ASCII characters, {MAX_KEY_BYTES} at most: sk_… or rk_…")]
pub struct BadKey;

impl ApiKey {
    /// # Errors
    /// A key that no header could carry.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > MAX_KEY_BYTES || !visible {
            return Err(BadKey);
        }
        Ok(Self(text.to_owned()))
    }

    /// Which of an account's two worlds the key sees; cursors of one say nothing of the other.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        if self.0.contains("_live_") {
            "live"
        } else {
            "test"
        }
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_sent_in_the_clear_to_this_machine_only() {
        for good in [
            "https://api.stripe.com",
            "https://api.stripe.com/",
            "http://127.0.0.1:12111",
            "http://[::1]:1",
            "http://localhost:1",
        ] {
            assert!(ApiBase::parse(good).is_ok(), "{good}");
        }
        for clear in [
            "http://api.stripe.com",
            "http://10.0.0.1:1",
            "http://localhost.evil.com",
        ] {
            assert_eq!(ApiBase::parse(clear), Err(BadBase::InTheClear), "{clear}");
        }
        for wrong in [
            "",
            "api.stripe.com",
            "ftp://x",
            "https://",
            "https://u:p@x",
            "https://x/v1",
        ] {
            assert_eq!(ApiBase::parse(wrong), Err(BadBase::NotAUrl), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_never_printed_and_tells_its_world() {
        let key = ApiKey::parse("rk_live_0123456789").unwrap();
        assert_eq!(
            (key.mode(), format!("{key:?}").as_str()),
            ("live", "ApiKey(***)")
        );
        assert_eq!(ApiKey::parse("sk_test_0123456789").unwrap().mode(), "test");
        assert!(ApiKey::parse("sk_test_\n0").is_err() && ApiKey::parse("").is_err());
    }
}
