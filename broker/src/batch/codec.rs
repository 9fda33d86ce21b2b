//! The codecs that records may be packed with, for where their keys have to be seen.
//!
//! Packed bytes come from clients, so unpacking stops at a limit whatever they claim.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use super::Compression;
use crate::limits::MAX_UNPACKED_BYTES;

/// The records cannot be unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("records packed with {codec:?} cannot be unpacked: {reason}")]
pub struct Unpackable {
    pub codec: Compression,
    pub reason: String,
}

/// The records cannot be packed again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("records cannot be packed with {codec:?}: {reason}")]
pub struct NotPacked {
    pub codec: Compression,
    pub reason: String,
}

/// How snappy-java, and with it the Java client, begins a stream of blocks.
const XERIAL_HEAD: &[u8; 16] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
const XERIAL_MAGIC_BYTES: usize = 8;

pub(super) fn unpack(codec: Compression, packed: &Bytes) -> Result<Bytes, Unpackable> {
    let unpacked = match codec {
        Compression::None => return Ok(packed.clone()),
        Compression::Gzip => within_limit(flate2::read::MultiGzDecoder::new(packed.as_ref())),
        Compression::Lz4 => within_limit(lz4_flex::frame::FrameDecoder::new(packed.as_ref())),
        Compression::Zstd => {
            zstd::stream::read::Decoder::with_buffer(packed.as_ref()).and_then(within_limit)
        }
        Compression::Snappy => unpack_snappy(packed),
    };
    unpacked.map_err(|error| Unpackable {
        codec,
        reason: error.to_string(),
    })
}

pub(super) fn pack(codec: Compression, unpacked: Bytes) -> Result<Bytes, NotPacked> {
    let packed = match codec {
        Compression::None => return Ok(unpacked),
        Compression::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder
                .write_all(&unpacked)
                .and_then(|()| encoder.finish())
                .map(Bytes::from)
        }
        Compression::Lz4 => pack_lz4(&unpacked),
        Compression::Zstd => zstd::stream::encode_all(unpacked.as_ref(), 0).map(Bytes::from),
        Compression::Snappy => pack_snappy(&unpacked),
    };
    packed.map_err(|error| NotPacked {
        codec,
        reason: error.to_string(),
    })
}

fn too_large() -> io::Error {
    io::Error::other(format!("more than {MAX_UNPACKED_BYTES} bytes come out"))
}

fn within_limit(from: impl Read) -> io::Result<Bytes> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(MAX_UNPACKED_BYTES).unwrap_or(u64::MAX);
    from.take(limit.saturating_add(1))
        .read_to_end(&mut unpacked)?;
    if unpacked.len() > MAX_UNPACKED_BYTES {
        return Err(too_large());
    }
    Ok(unpacked.into())
}

fn unpack_snappy(packed: &Bytes) -> io::Result<Bytes> {
    let mut unpacked = BytesMut::new();
    let magic = XERIAL_HEAD.get(..XERIAL_MAGIC_BYTES).unwrap_or_default();
    if !packed.starts_with(magic) {
        unpack_block(packed, &mut unpacked)?;
        return Ok(unpacked.freeze());
    }
    let mut blocks = packed.get(XERIAL_HEAD.len()..).unwrap_or_default();
    while !blocks.is_empty() {
        let length = blocks.try_get_u32().map_err(io::Error::other)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let block = blocks
            .split_off(..length)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        unpack_block(block, &mut unpacked)?;
    }
    Ok(unpacked.freeze())
}

fn unpack_block(block: &[u8], unpacked: &mut BytesMut) -> io::Result<()> {
    let from = unpacked.len();
    let length = snap::raw::decompress_len(block).map_err(io::Error::other)?;
    let until = from.saturating_add(length);
    if until > MAX_UNPACKED_BYTES {
        return Err(too_large());
    }
    unpacked.resize(until, 0);
    let place = unpacked.get_mut(from..).unwrap_or_default();
    snap::raw::Decoder::new()
        .decompress(block, place)
        .map_err(io::Error::other)?;
    Ok(())
}

/// One block under the head that every client reads.
fn pack_snappy(unpacked: &Bytes) -> io::Result<Bytes> {
    let block = snap::raw::Encoder::new()
        .compress_vec(unpacked)
        .map_err(io::Error::other)?;
    let length = u32::try_from(block.len()).map_err(io::Error::other)?;
    let mut packed = BytesMut::from(XERIAL_HEAD.as_slice());
    packed.extend_from_slice(&length.to_be_bytes());
    packed.extend_from_slice(&block);
    Ok(packed.freeze())
}

/// Blocks that do not depend on each other: the Java client reads no others.
fn pack_lz4(unpacked: &Bytes) -> io::Result<Bytes> {
    let frame = lz4_flex::frame::FrameInfo::new()
        .block_size(lz4_flex::frame::BlockSize::Max64KB)
        .block_mode(lz4_flex::frame::BlockMode::Independent);
    let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(frame, Vec::new());
    encoder.write_all(unpacked)?;
    encoder.finish().map(Bytes::from).map_err(io::Error::other)
}
