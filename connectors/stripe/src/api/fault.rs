//! Why the API gave no answer that can be used. Messages quote neither the key nor what Stripe
//! sent, but for the machine-readable code of an error.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

/// The longest error code shown, in bytes.
const MAX_CODE_BYTES: usize = 64;

/// Why one try failed; the next may not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TryFault {
    #[error("Stripe's API asks for fewer requests (429)")]
    RateLimited { retry_after: Option<Duration> },
    #[error("Stripe's API answered {status}")]
    Status {
        status: u16,
        retry_after: Option<Duration>,
    },
    #[error("Stripe's API did not answer within {} ms", limit.as_millis())]
    Timeout { limit: Duration },
    #[error("Stripe's API cannot be reached: {reason}")]
    Connection { reason: String },
    #[error("the answer of Stripe's API is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the answer of Stripe's API cannot be read: {reason}")]
    Unreadable { reason: String },
}

/// Why a question was given up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApiFault {
    #[error(
        "Stripe refuses the API key ({status}{}): check STRIPE_API_KEY; it must be allowed to read events and payment intents",
        with_code(code)
    )]
    KeyRefused { status: u16, code: Option<String> },
    #[error("Stripe knows no such object (404)")]
    NotFound,
    #[error("Stripe's API refuses the request ({status}{})", with_code(code))]
    Refused { status: u16, code: Option<String> },
    #[error("gave up after {tries} tries: {last}")]
    GaveUp { tries: usize, last: TryFault },
}

impl ApiFault {
    /// Whether asking again can help without somebody changing the key.
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        matches!(self, Self::KeyRefused { .. })
    }
}

fn with_code(code: &Option<String>) -> String {
    code.as_ref()
        .map(|code| format!(" {code}"))
        .unwrap_or_default()
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorPart,
}

#[derive(Deserialize)]
struct ErrorPart {
    code: Option<String>,
    r#type: Option<String>,
}

/// The code, else the type, that Stripe gave an error. Its message may quote the request and is
/// left alone.
pub(crate) fn code_of(body: &[u8]) -> Option<String> {
    let ErrorPart { code, r#type } = serde_json::from_slice::<ErrorBody>(body).ok()?.error;
    let plain = |code: &String| {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        code.len() <= MAX_CODE_BYTES && code.bytes().all(legal)
    };
    code.or(r#type).filter(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_error_only_its_code_is_shown() {
        let body = br#"{"error":{"code":"api_key_expired","message":"sk_live_1 is old"}}"#;
        let fault = ApiFault::KeyRefused {
            status: 401,
            code: code_of(body),
        };
        let said = fault.to_string();
        assert!(
            said.contains("401 api_key_expired") && !said.contains("sk_live"),
            "{said}"
        );
        assert_eq!(
            code_of(br#"{"error":{"type":"card_error"}}"#).as_deref(),
            Some("card_error")
        );
        for odd in ["", "{}", r#"{"error":{"code":"<b>sk_live_1</b>"}}"#] {
            assert_eq!(code_of(odd.as_bytes()), None, "{odd}");
        }
    }
}
