//! Percent-coding of one path segment.

/// The text of a segment; `None` when it is not percent-coded UTF-8.
pub fn decode(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (hex(bytes.next()?)?, hex(bytes.next()?)?);
            decoded.push(high * 16 + low);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// The text as one segment.
pub fn encode(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut coded, byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                coded.push(char::from(byte));
            } else {
                coded.push_str(&format!("%{byte:02X}"));
            }
            coded
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_survives_a_path() {
        for id in ["order-1", "a/b?c#d", "100 %", "Größe", "."] {
            assert_eq!(decode(&encode(id)).as_deref(), Some(id));
        }
        for wrong in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
