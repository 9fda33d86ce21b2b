//! One pass over a body's bytes, before any parser: how deep it nests, whether its escapes are
//! whole characters, and where the values of its `client_secret` fields lie.
//!
//! It does not check that the bytes are JSON: on JSON its findings are exact, and what is not
//! JSON is refused by the parser afterwards.

use std::ops::Range;

use thiserror::Error;

use crate::limits::MAX_JSON_DEPTH;

/// The field whose string values are never stored.
const SECRET_FIELD: &[u8] = b"client_secret";
/// The longest way to write it: every letter as `\uXXXX`.
const MAX_SECRET_FIELD_BYTES: usize = SECRET_FIELD.len() * 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ScanFault {
    #[error("JSON is nested deeper than {MAX_JSON_DEPTH} levels")]
    TooDeep,
    #[error("JSON has a `\\u` escape of half a surrogate pair")]
    LoneSurrogate,
}

/// The places, between their quotes, of every `client_secret` string.
pub(crate) fn scan(text: &[u8]) -> Result<Vec<Range<usize>>, ScanFault> {
    let mut secrets = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    // Set by a key `client_secret` and its colon, until the value begins.
    let mut in_secret_field = false;
    let mut last_string_is_secret_key = false;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                let start = at.saturating_add(1);
                let end = string_end(text, start)?;
                if in_secret_field {
                    secrets.push(start..end);
                    last_string_is_secret_key = false;
                } else {
                    last_string_is_secret_key =
                        text.get(start..end).is_some_and(names_the_secret_field);
                }
                in_secret_field = false;
                at = end;
            }
            b':' => in_secret_field = last_string_is_secret_key,
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                if depth > MAX_JSON_DEPTH {
                    return Err(ScanFault::TooDeep);
                }
                (in_secret_field, last_string_is_secret_key) = (false, false);
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                (in_secret_field, last_string_is_secret_key) = (false, false);
            }
            _ => (in_secret_field, last_string_is_secret_key) = (false, false),
        }
        at = at.saturating_add(1);
    }
    Ok(secrets)
}

/// The index of the quote that ends the string whose first byte is at `start`, or the end of
/// the text.
fn string_end(text: &[u8], start: usize) -> Result<usize, ScanFault> {
    let mut at = start;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(step) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
            return Ok(text.len());
        };
        at = at.saturating_add(step);
        if text.get(at) == Some(&b'"') {
            return Ok(at);
        }
        at = at.saturating_add(escape_length(text.get(at..).unwrap_or_default())?);
    }
}

/// How many bytes the escape at the start of `rest` has; a surrogate pair counts as one escape.
fn escape_length(rest: &[u8]) -> Result<usize, ScanFault> {
    match code_unit(rest) {
        None => Ok(2),
        Some(0xD800..=0xDBFF) => match code_unit(rest.get(6..).unwrap_or_default()) {
            Some(0xDC00..=0xDFFF) => Ok(12),
            Some(_) | None => Err(ScanFault::LoneSurrogate),
        },
        Some(0xDC00..=0xDFFF) => Err(ScanFault::LoneSurrogate),
        Some(_) => Ok(6),
    }
}

/// The number in `\uXXXX`, where `rest` starts with such an escape.
fn code_unit(rest: &[u8]) -> Option<u16> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    let mut unit = [0; 2];
    hex::decode_to_slice(digits, &mut unit).ok()?;
    Some(u16::from_be_bytes(unit))
}

fn names_the_secret_field(key: &[u8]) -> bool {
    if key.len() > MAX_SECRET_FIELD_BYTES || key.len() < SECRET_FIELD.len() {
        return false;
    }
    if !key.contains(&b'\\') {
        return key == SECRET_FIELD;
    }
    let quoted: Vec<u8> = [b"\"", key, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).is_ok_and(|name| name.as_bytes() == SECRET_FIELD)
}
