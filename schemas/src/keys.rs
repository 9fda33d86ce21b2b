//! Record keys that are made up rather than taken from an id. Stored: they must stay stable.

/// What every key of an internal record starts with; no key of totals does.
pub const INTERNAL_PREFIX: &str = "trueup:";

/// The key of a partition's state record in `payments.windows`.
#[must_use]
pub fn state(partition: i32) -> String {
    format!("{INTERNAL_PREFIX}state:{partition}")
}

/// The key of a partition's barriers, whose value is null.
#[must_use]
pub fn barrier(partition: i32) -> String {
    format!("{INTERNAL_PREFIX}barrier:{partition}")
}

/// The key of one window's totals: `<partition>:<start in ms>:<width in ms>`.
#[must_use]
pub fn window(partition: i32, window_start_ms: i64, width_ms: i64) -> String {
    format!("{partition}:{window_start_ms}:{width_ms}")
}

/// The partition, start and width that a window's key names; `None` for any other key.
#[must_use]
pub fn read_window(key: &[u8]) -> Option<(i32, i64, i64)> {
    let mut parts = std::str::from_utf8(key).ok()?.split(':');
    let partition = parts.next()?.parse().ok()?;
    let start_ms = parts.next()?.parse().ok()?;
    let width_ms = parts.next()?.parse().ok()?;
    parts
        .next()
        .is_none()
        .then_some((partition, start_ms, width_ms))
}

/// The id of a dead letter: the position of the refused record.
#[must_use]
pub fn letter(topic: &str, partition: i32, offset: i64) -> String {
    format!("{topic}/{partition}/{offset}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spelled_as_they_are_stored() {
        assert_eq!(state(3), "trueup:state:3");
        assert_eq!(barrier(0), "trueup:barrier:0");
        assert_eq!(window(3, 60_000, 60_000), "3:60000:60000");
        assert_eq!(read_window(b"3:60000:60000"), Some((3, 60_000, 60_000)));
        for other in [state(3), barrier(0), "3:60000".into(), "3:0:0:0".into()] {
            assert_eq!(read_window(other.as_bytes()), None, "{other}");
        }
        assert_eq!(
            letter("eu.payments.events", 2, 17),
            "eu.payments.events/2/17"
        );
    }
}
