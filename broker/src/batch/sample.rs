//! Batches for tests, written by another implementation of the format.

use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{
    Compression as Codec, NO_PARTITION_LEADER_EPOCH, Record, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};

use super::{Batch, split};

/// A record to be: key, value, timestamp.
pub(crate) type Sample = (Option<Bytes>, Option<Bytes>, i64);

/// A batch of these records, in a transaction of `producer_id` if there is one.
pub(crate) fn batch(samples: &[Sample], producer_id: Option<i64>) -> Batch {
    let records: Vec<Record> = samples
        .iter()
        .enumerate()
        .map(|(index, (key, value, timestamp))| Record {
            transactional: producer_id.is_some(),
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: producer_id.unwrap_or(-1),
            producer_epoch: if producer_id.is_some() { 0 } else { -1 },
            timestamp_type: TimestampType::Creation,
            offset: i64::try_from(index).unwrap(),
            sequence: i32::try_from(index).unwrap() - i32::from(producer_id.is_none()),
            timestamp: *timestamp,
            key: key.clone(),
            value: value.clone(),
            headers: [].into_iter().collect(),
        })
        .collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Codec::None,
    };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    split(bytes.freeze(), usize::MAX).unwrap().remove(0)
}

/// A batch of records without keys, at these times.
pub(crate) fn keyless(timestamps: &[i64], value_bytes: usize) -> Batch {
    let value = Bytes::from(vec![b'v'; value_bytes]);
    let samples: Vec<Sample> = timestamps
        .iter()
        .map(|timestamp| (None, Some(value.clone()), *timestamp))
        .collect();
    batch(&samples, None)
}
