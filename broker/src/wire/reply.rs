//! A reply becomes a frame.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ResponseHeader, ResponseKind};
use kafka_protocol::protocol::Encodable;
use thiserror::Error;

use crate::limits::REPLY_ROOM_BYTES;

#[derive(Debug, Error)]
#[error("the reply of {key:?} at version {version} was not encoded: {reason}")]
pub(crate) struct ReplyFault {
    key: ApiKey,
    version: i16,
    reason: String,
}

/// The whole frame of a reply, its length first.
pub(crate) fn encode_reply(
    key: ApiKey,
    version: i16,
    correlation: i32,
    response: &ResponseKind,
) -> Result<Bytes, ReplyFault> {
    let failed = |reason: String| ReplyFault {
        key,
        version,
        reason,
    };
    let mut frame = BytesMut::with_capacity(room(response));
    frame.put_i32(0);
    let header = ResponseHeader::default().with_correlation_id(correlation);
    header
        .encode(&mut frame, key.response_header_version(version))
        .map_err(|fault| failed(fault.to_string()))?;
    response
        .encode(&mut frame, version)
        .map_err(|fault| failed(fault.to_string()))?;
    let length = i32::try_from(frame.len().saturating_sub(4))
        .map_err(|_| failed("beyond the length of a frame".into()))?;
    if let Some(place) = frame.first_chunk_mut() {
        *place = length.to_be_bytes();
    }
    Ok(frame.freeze())
}

/// Room for the records of a fetch, so that they are copied once.
fn room(response: &ResponseKind) -> usize {
    let records = match response {
        ResponseKind::Fetch(fetch) => fetch
            .responses
            .iter()
            .flat_map(|topic| &topic.partitions)
            .map(|partition| partition.records.as_ref().map_or(0, Bytes::len) + 128)
            .sum(),
        _ => 0,
    };
    REPLY_ROOM_BYTES.saturating_add(records)
}
