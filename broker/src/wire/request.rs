//! A frame becomes a request: header, then body, checked over its lengths before it is decoded.

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{ApiKey, RequestHeader, RequestKind};
use kafka_protocol::protocol::Decodable;
use thiserror::Error;

use super::served::served;
use super::shape::{self, Misshapen};

/// A request as it came, with what its reply needs.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    pub(crate) client_id: String,
    pub(crate) request: RequestKind,
}

#[derive(Debug, Error)]
pub(crate) enum RequestFault {
    #[error("the frame is shorter than a header")]
    Header,
    #[error("API {0} is not served")]
    Unserved(i16),
    #[error("API {key} is not served at version {version}")]
    Version { key: i16, version: i16 },
    /// The one such request that gets an answer: how a client learns which versions there are.
    #[error("the versions were asked for in a version that is not served")]
    VersionsUnknown { correlation: i32 },
    #[error("request of API {key} at version {version}: {fault}")]
    Shape {
        key: i16,
        version: i16,
        fault: Misshapen,
    },
    #[error("request of API {key} at version {version} was not decoded: {reason}")]
    Decode {
        key: i16,
        version: i16,
        reason: String,
    },
}

pub(crate) fn decode_request(frame: Bytes) -> Result<Incoming, RequestFault> {
    let mut peek = frame.as_ref();
    if peek.remaining() < 8 {
        return Err(RequestFault::Header);
    }
    let (key, version, correlation) = (peek.get_i16(), peek.get_i16(), peek.get_i32());
    let served = served(key).ok_or(RequestFault::Unserved(key))?;
    if !(served.oldest..=served.newest).contains(&version) {
        return Err(if served.key == ApiKey::ApiVersions {
            RequestFault::VersionsUnknown { correlation }
        } else {
            RequestFault::Version { key, version }
        });
    }
    let failed = |reason: &dyn std::fmt::Display| RequestFault::Decode {
        key,
        version,
        reason: reason.to_string(),
    };
    let mut body = frame;
    let header = RequestHeader::decode(&mut body, served.key.request_header_version(version))
        .map_err(|fault| failed(&fault))?;
    shape::check(served, version, &body).map_err(|fault| RequestFault::Shape {
        key,
        version,
        fault,
    })?;
    let request =
        RequestKind::decode(served.key, &mut body, version).map_err(|fault| failed(&fault))?;
    Ok(Incoming {
        key: served.key,
        version,
        correlation,
        client_id: header
            .client_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        request,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::SERVED;
    use super::*;

    fn frame(key: i16, version: i16, rest: &[u8]) -> Bytes {
        let mut frame = Vec::new();
        frame.extend(key.to_be_bytes());
        frame.extend(version.to_be_bytes());
        frame.extend(7_i32.to_be_bytes());
        frame.extend(rest);
        Bytes::from(frame)
    }

    #[test]
    fn versions_asked_for_in_an_unknown_version_are_told_apart() {
        assert!(matches!(
            decode_request(frame(18, 99, &[0xff; 30])),
            Err(RequestFault::VersionsUnknown { correlation: 7 })
        ));
        assert!(matches!(
            decode_request(frame(0, 99, &[])),
            Err(RequestFault::Version { .. })
        ));
        assert!(matches!(
            decode_request(frame(999, 0, &[])),
            Err(RequestFault::Unserved(999))
        ));
        assert!(matches!(
            decode_request(Bytes::from_static(b"1234567")),
            Err(RequestFault::Header)
        ));
    }

    #[test]
    fn an_array_that_claims_more_than_the_frame_holds_is_refused_before_room_is_made() {
        // Metadata version 1: no client id, then an array of two thousand million names.
        let mut rest = vec![0xff, 0xff];
        rest.extend(i32::MAX.to_be_bytes());
        assert!(matches!(
            decode_request(frame(3, 1, &rest)),
            Err(RequestFault::Shape {
                fault: Misshapen::Elements,
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn whatever_arrives_is_decoded_or_refused(
            api in 0..SERVED.len(),
            step in 0_i16..20,
            rest in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let served = &SERVED[api];
            let version = served.oldest + step % (served.newest - served.oldest + 1);
            let mut body = vec![0xff, 0xff];
            body.extend(rest);
            let _ = decode_request(frame(served.key as i16, version, &body));
        }
    }
}
