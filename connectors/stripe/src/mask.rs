//! Blots out the values of `client_secret` fields, at any depth and however they are escaped,
//! before anything is stored. The length stays the same, and so does the rest of the body.

use bytes::Bytes;

use crate::scan::{ScanFault, scan};

const MASK: u8 = b'*';

/// `body` with every `client_secret` string replaced by as many `*`; without a copy where it
/// has none.
pub(crate) fn masked(body: &Bytes) -> Result<Bytes, ScanFault> {
    let secrets = scan(body)?;
    if secrets.is_empty() {
        return Ok(body.clone());
    }
    let mut copy = body.to_vec();
    for place in secrets {
        if let Some(secret) = copy.get_mut(place) {
            secret.fill(MASK);
        }
    }
    Ok(copy.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(body: &str) -> String {
        let masked = masked(&Bytes::copy_from_slice(body.as_bytes())).unwrap();
        assert_eq!(masked.len(), body.len());
        String::from_utf8(masked.to_vec()).unwrap()
    }

    fn fault(body: &str) -> Option<ScanFault> {
        masked(&Bytes::copy_from_slice(body.as_bytes())).err()
    }

    #[test]
    fn client_secrets_are_masked_at_any_depth_and_nothing_else_changes() {
        let body = r#"{"client_secret":"pi_1_secret_x","a":[{"last_payment_error":
            {"payment_intent":{"client_secret" : "s"}}}],"b":"client_secret"}"#;
        let expected = r#"{"client_secret":"*************","a":[{"last_payment_error":
            {"payment_intent":{"client_secret" : "*"}}}],"b":"client_secret"}"#;
        assert_eq!(mask(body), expected);
    }

    #[test]
    fn escapes_hide_neither_the_field_nor_the_end_of_its_value() {
        let body = r#"{"client\u005fsecret":"a\"b\\","\u0063lient_secret":"\ud83d\ude00","x":1}"#;
        let expected =
            r#"{"client\u005fsecret":"******","\u0063lient_secret":"************","x":1}"#;
        assert_eq!(mask(body), expected);
    }

    #[test]
    fn only_strings_are_masked_and_only_under_that_name() {
        for body in [
            r#"{"client_secret":null,"a":"b"}"#,
            r#"{"client_secret":{"a":"b"},"c":["client_secret","x"]}"#,
            r#"{"client_secrets":"x","a_client_secret":"y","Client_Secret":"z"}"#,
            r#"{"a\"client_secret":"x","client_secret\\":"y"}"#,
        ] {
            assert_eq!(mask(body), body);
        }
    }

    #[test]
    fn a_body_without_secrets_is_not_copied() {
        let body = Bytes::from_static(b"{\"a\":1}");
        assert_eq!(masked(&body).unwrap().as_ptr(), body.as_ptr());
    }

    #[test]
    fn nesting_counts_from_the_root_and_ends_at_64() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(fault(&nested(64)), None);
        assert_eq!(fault(&nested(65)), Some(ScanFault::TooDeep));
        assert_eq!(
            fault(&format!("[{}\"{}\"]", nested(63) + ",", "[".repeat(99))),
            None
        );
    }

    #[test]
    fn half_a_surrogate_pair_is_refused_wherever_it_stands() {
        for bad in [
            r"\ud800",
            r"\udc00",
            r"\ud800x",
            r"\ud800\ud800",
            r"\ud800\n",
            r"a\\\udfff",
        ] {
            assert_eq!(
                fault(&format!("{{\"a\":\"{bad}\"}}")),
                Some(ScanFault::LoneSurrogate)
            );
            assert_eq!(
                fault(&format!("{{\"{bad}\":1}}")),
                Some(ScanFault::LoneSurrogate)
            );
        }
        for good in [r"\ud83d\ude00", r"\\ud800", r"\u0000", r"\uD83D\uDE00"] {
            assert_eq!(fault(&format!("{{\"a\":\"{good}\"}}")), None);
        }
    }
}
