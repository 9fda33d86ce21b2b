//! The topics a consumer subscribes to, read from the metadata it joined with.

use bytes::{Buf, Bytes};

/// The protocol type of consumers: the broker reads what they subscribe to. Others' metadata
/// mean nothing to it.
pub(super) const CONSUMER: &str = "consumer";

/// `None` where the bytes are no subscription. Version, then the topics; more may follow.
pub(super) fn topics(mut metadata: Bytes) -> Option<Vec<String>> {
    metadata.try_get_i16().ok()?;
    let count = usize::try_from(metadata.try_get_i32().ok()?).ok()?;
    let mut topics = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(metadata.try_get_i16().ok()?).ok()?;
        if metadata.remaining() < length {
            return None;
        }
        let name = metadata.split_to(length);
        topics.push(std::str::from_utf8(&name).ok()?.to_owned());
    }
    Some(topics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_and_what_follows_them_is_not() {
        let bytes = b"\0\x03\0\0\0\x02\0\x01a\0\x02bc\0\0\0\0rest";
        assert_eq!(
            topics(Bytes::from_static(bytes)),
            Some(vec!["a".to_owned(), "bc".to_owned()])
        );
    }

    #[test]
    fn bytes_that_are_no_subscription_give_no_topics() {
        for bytes in [
            &b""[..],
            b"\0\0",
            b"\0\0\xff\xff\xff\xff",
            b"\0\0\0\0\0\x01\0\x05abc",
            b"\0\0\x7f\xff\xff\xff",
            b"\0\0\0\0\0\x01\0\x01\xff",
        ] {
            assert_eq!(topics(Bytes::from_static(bytes)), None, "{bytes:?}");
        }
    }
}
