//! The W3C trace context of a delivery: the sender's where it is valid, else a new one.

/// `00-<32 hex>-<16 hex>-<2 hex>`.
const TRACEPARENT_BYTES: usize = 55;

/// The `traceparent` to write: `incoming`, or a random sampled one.
pub(crate) fn traceparent(incoming: Option<&[u8]>) -> String {
    let valid = incoming.filter(|value| is_valid(value));
    let text = valid.and_then(|value| std::str::from_utf8(value).ok());
    text.map_or_else(random, str::to_owned)
}

fn random() -> String {
    let mut bytes = [0_u8; 24];
    // Without entropy the id is only less useful; zero ids are invalid, so it never stays zero.
    if getrandom::fill(&mut bytes).is_err() || bytes.iter().all(|byte| *byte == 0) {
        bytes = [1; 24];
    }
    let (trace, span) = bytes.split_at(16);
    format!("00-{}-{}-01", hex::encode(trace), hex::encode(span))
}

/// Version 00 only, lower-case hex, ids that are not all zero.
fn is_valid(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b'-');
    let mut part = |bytes: usize| {
        let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        parts
            .next()
            .filter(|part| part.len() == bytes && part.iter().all(is_hex))
    };
    let (version, trace, span, flags) = (part(2), part(32), part(16), part(2));
    let is_id = |id: Option<&[u8]>| id.is_some_and(|id| id.iter().any(|byte| *byte != b'0'));
    value.len() == TRACEPARENT_BYTES
        && version == Some(b"00")
        && is_id(trace)
        && is_id(span)
        && flags.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_context_is_kept_and_any_other_is_replaced_by_a_valid_one() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(Some(given.as_bytes())), given);
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for bad in [
            zero,
            "",
            "00",
            &given[1..],
            &given.to_uppercase(),
            "ff-",
            &given.repeat(2),
        ] {
            let made = traceparent(Some(bad.as_bytes()));
            assert_ne!(made, bad);
            assert!(is_valid(made.as_bytes()), "{made}");
        }
        assert_ne!(traceparent(None), traceparent(None));
    }
}
