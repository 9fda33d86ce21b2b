use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression as Codec, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, Record, RecordBatchDecoder,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1 << 20;

/// Records as another implementation of the format writes them.
fn foreign(count: usize, producer_id: i64, transactional: bool, offset: i64) -> Bytes {
    let records: Vec<Record> = (0..count)
        .map(|index| {
            let index = i64::try_from(index).unwrap();
            Record {
                transactional,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
                producer_id,
                producer_epoch: if producer_id < 0 {
                    NO_PRODUCER_EPOCH
                } else {
                    3
                },
                timestamp_type: TimestampType::Creation,
                offset: offset + index,
                sequence: if producer_id < 0 {
                    i32::try_from(index).unwrap() - 1
                } else {
                    7 + i32::try_from(index).unwrap()
                },
                timestamp: 1_000 + index,
                key: Some(Bytes::from(format!("key {index}"))),
                value: Some(Bytes::from_static(b"value")),
                headers: [(StrBytes::from_static_str("name"), None)]
                    .into_iter()
                    .collect(),
            }
        })
        .collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Codec::None,
    };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.freeze()
}

/// The same batch with some bytes changed and the checksum made right again.
fn altered(batch: &[u8], from: usize, with: &[u8]) -> Bytes {
    let mut bytes = BytesMut::from(batch);
    bytes[from..from + with.len()].copy_from_slice(with);
    let crc = header::checksum(&bytes);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes.freeze()
}

fn together(parts: &[Bytes]) -> Bytes {
    let mut bytes = BytesMut::new();
    for part in parts {
        bytes.put_slice(part);
    }
    bytes.freeze()
}

#[test]
fn a_payload_is_split_into_the_batches_that_another_implementation_wrote() {
    let payload = together(&[foreign(3, 5, true, 0), foreign(1, -1, false, 0)]);
    let batches = split(payload.clone(), LIMIT).unwrap();

    assert_eq!(batches.len(), 2);
    let first = batches[0].header;
    assert_eq!(
        (first.producer_id, first.producer_epoch, first.base_sequence),
        (5, 3, 7)
    );
    assert_eq!((first.record_count, first.last_offset_delta), (3, 2));
    assert_eq!((first.base_timestamp, first.max_timestamp), (1_000, 1_002));
    assert!(first.is_transactional() && !first.is_control());
    assert_eq!(first.compression(), Some(Compression::None));
    assert_eq!(batches[1].header.producer_id, NO_PRODUCER_ID);
    assert_eq!(
        together(&[batches[0].bytes.clone(), batches[1].bytes.clone()]),
        payload
    );
}

#[test]
fn assigning_moves_the_offsets_and_leaves_the_records_readable_by_others() {
    let batch = split(foreign(3, -1, false, 0), LIMIT).unwrap().remove(0);
    let assigned = batch.clone().assigned(40, 9, None);
    assert_eq!(assigned.header.last_offset(), 42);
    assert_eq!(assigned.header.crc, batch.header.crc);
    assert_eq!(
        BatchHeader::parse(&assigned.bytes).unwrap(),
        assigned.header
    );

    let records = RecordBatchDecoder::decode(&mut assigned.bytes.clone())
        .unwrap()
        .records;
    let offsets: Vec<i64> = records.iter().map(|record| record.offset).collect();
    assert_eq!(offsets, [40, 41, 42]);
    assert_eq!(records[2].timestamp, 1_002);
    assert_eq!(records[0].partition_leader_epoch, 9);
}

#[test]
fn an_append_time_is_under_the_checksum() {
    let batch = split(foreign(2, -1, false, 0), LIMIT).unwrap().remove(0);
    let assigned = batch.assigned(7, 0, Some(55_555));
    assert!(assigned.header.is_log_append_time());
    assert_eq!(assigned.header.max_timestamp, 55_555);
    let mut bytes = assigned.bytes.clone();
    assert_eq!(Batch::take_first(&mut bytes, LIMIT).unwrap(), assigned);
    let records = RecordBatchDecoder::decode(&mut assigned.bytes.clone())
        .unwrap()
        .records;
    assert!(
        records
            .iter()
            .all(|record| record.timestamp_type == TimestampType::LogAppend)
    );
}

#[test]
fn assigning_does_not_change_the_bytes_that_somebody_else_holds() {
    let payload = foreign(2, -1, false, 0);
    let before = payload.to_vec();
    let batch = split(payload.clone(), LIMIT).unwrap().remove(0);
    let assigned = batch.assigned(1_000, 0, Some(1));
    assert_eq!(payload, before);
    assert_ne!(assigned.bytes, before);
}

#[test]
fn markers_read_as_control_records_elsewhere_and_as_their_kind_here() {
    for kind in [Marker::Commit, Marker::Abort] {
        let batch = marker(kind, 77, 4, 6, 123, 90);
        assert_eq!(batch.marker_kind(), Some(kind));
        let mut bytes = batch.bytes.clone();
        assert_eq!(Batch::take_first(&mut bytes, LIMIT).unwrap(), batch);
        let set = RecordBatchDecoder::decode(&mut batch.bytes.clone()).unwrap();
        let record = &set.records[0];
        assert!(record.control && record.transactional);
        assert_eq!((record.offset, record.timestamp), (90, 123));
        assert_eq!((record.producer_id, record.producer_epoch), (77, 4));
        let code = u8::from(kind == Marker::Commit);
        assert_eq!(record.key.as_deref(), Some(&[0, 0, 0, code][..]));
        assert_eq!(record.value.as_deref(), Some(&[0, 0, 0, 0, 0, 6][..]));
    }
    let data = split(foreign(1, 1, true, 0), LIMIT).unwrap().remove(0);
    assert_eq!(data.marker_kind(), None);
}

#[test]
fn what_is_no_batch_for_a_client_to_send_is_refused_by_its_name() {
    let good = foreign(3, 5, true, 0);
    let size = good.len();
    let mut flipped = good.to_vec();
    flipped[size - 1] ^= 1;
    let refused = |bytes: Bytes| split(bytes, LIMIT).unwrap_err();

    assert!(matches!(
        refused(good.slice(..60)),
        BatchFault::Truncated(_)
    ));
    assert!(matches!(
        refused(good.slice(..size - 1)),
        BatchFault::Truncated(_)
    ));
    assert!(matches!(
        refused(flipped.into()),
        BatchFault::BadChecksum(_)
    ));
    assert!(matches!(
        refused(altered(&good, 16, &[1])),
        BatchFault::UnknownMagic(_)
    ));
    assert!(matches!(
        refused(altered(&good, 8, &48_i32.to_be_bytes())),
        BatchFault::BadLength(_)
    ));
    assert!(matches!(
        refused(altered(&good, 8, &(-1_i32).to_be_bytes())),
        BatchFault::BadLength(_)
    ));
    assert!(matches!(
        split(good.clone(), size - 1).unwrap_err(),
        BatchFault::TooLarge(_)
    ));
    // The record count, and then the last offset's delta.
    for (place, value) in [
        (57, 0_i32),
        (57, 4),
        (57, -3),
        (23, 1),
        (23, -1),
        (23, i32::MAX),
    ] {
        assert!(matches!(
            refused(altered(&good, place, &value.to_be_bytes())),
            BatchFault::BadCount(_)
        ));
    }
    assert!(matches!(
        refused(altered(&good, 21, &[0, 0x30])),
        BatchFault::ControlFromClient(_)
    ));
    for attributes in [[0, 0x15], [0, 0x18], [0, 0x50], [1, 0x10]] {
        assert!(matches!(
            refused(altered(&good, 21, &attributes)),
            BatchFault::UnknownAttributes(_)
        ));
    }
    // Transactional without an id, an id without a sequence, an id without an epoch.
    for (place, value) in [(43, &[0xff; 8][..]), (53, &[0xff; 4]), (51, &[0xff; 2])] {
        assert!(matches!(
            refused(altered(&good, place, value)),
            BatchFault::BadProducer(_)
        ));
    }
    let many: Vec<Bytes> = vec![foreign(1, -1, false, 0); MAX_BATCHES_PER_PAYLOAD + 1];
    assert!(matches!(
        refused(together(&many)),
        BatchFault::TooManyBatches(_)
    ));
}

proptest! {
    #[test]
    fn random_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(split(bytes.clone().into(), LIMIT).is_err() || bytes.is_empty());
    }

    #[test]
    fn a_header_of_random_fields_under_a_right_checksum_is_refused_or_kept_as_it_is(
        fields in prop::collection::vec(any::<u8>(), HEADER_BYTES..200),
        length in prop_oneof![Just(None), any::<i32>().prop_map(Some)],
        base_offset in any::<i64>(),
        append_time_ms in any::<Option<i64>>(),
    ) {
        let length = length.unwrap_or(i32::try_from(fields.len()).unwrap() - 12);
        let mut bytes = fields;
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let mut bytes = altered(&bytes, 16, &[2]);
        if let Ok(batch) = Batch::take_first(&mut bytes, LIMIT) {
            let _kind = batch.marker_kind();
            prop_assert_eq!(&batch.header.encode()[..], &batch.bytes[..HEADER_BYTES]);
            let assigned = batch.assigned(base_offset, 0, append_time_ms);
            prop_assert_eq!(&assigned.header.encode()[..], &assigned.bytes[..HEADER_BYTES]);
            prop_assert_eq!(assigned.header.base_offset, base_offset);
        }
    }
}

fn taken(bytes: Bytes) -> Batch {
    split(bytes, LIMIT).unwrap().remove(0)
}

#[test]
fn records_are_read_as_another_implementation_wrote_them() {
    let batch = taken(foreign(300, -1, false, 0)).assigned(1_000, 0, None);
    let records = batch.records().unwrap();
    assert_eq!(records.len(), 300);
    let last = &records[299];
    assert_eq!(last.key.as_deref(), Some(&b"key 299"[..]));
    assert_eq!(last.value.as_deref(), Some(&b"value"[..]));
    assert_eq!(last.offset(&batch.header), 1_299);
    assert_eq!(last.timestamp(&batch.header), 1_299);
}

#[test]
fn a_batch_of_some_of_its_records_keeps_their_offsets_times_and_headers_under_every_codec() {
    let whole = taken(foreign(9, 5, true, 0)).assigned(100, 3, None);
    for codec in 0..5_u8 {
        let mut records = whole.records().unwrap();
        let body = codec::pack(
            [
                Compression::None,
                Compression::Gzip,
                Compression::Snappy,
                Compression::Lz4,
                Compression::Zstd,
            ][usize::from(codec)],
            whole.bytes.slice(HEADER_BYTES..),
        )
        .unwrap();
        let packed = together(&[whole.bytes.slice(..HEADER_BYTES), body.clone()]);
        let length = i32::try_from(HEADER_BYTES + body.len() - 12).unwrap();
        let packed = altered(&packed, 8, &length.to_be_bytes());
        let mut packed = altered(&packed, 21, &[0, 0x10 | codec]);
        let packed = Batch::take_first(&mut packed, LIMIT).unwrap();
        assert_eq!(packed.records().unwrap(), records);

        records.retain(|record| record.offset_delta % 4 == 3);
        let kept = packed.with_records(&records, Some(77_000)).unwrap();
        assert_eq!(kept.header.delete_horizon_ms(), Some(77_000));
        assert_eq!(kept.header.last_offset(), 108);
        assert_eq!(kept.header.max_timestamp, 1_007);
        let mut bytes = kept.bytes.clone();
        assert_eq!(Batch::take_first(&mut bytes, LIMIT).unwrap(), kept);
        let read = kept.records().unwrap();
        let seen: Vec<(i64, i64)> = read
            .iter()
            .map(|record| (record.offset(&kept.header), record.timestamp(&kept.header)))
            .collect();
        assert_eq!(seen, [(103, 1_003), (107, 1_007)]);
        if codec == 0 {
            let theirs = RecordBatchDecoder::decode(&mut kept.bytes.clone())
                .unwrap()
                .records;
            assert_eq!((theirs[1].offset, theirs[1].timestamp), (107, 1_007));
            assert_eq!(theirs[1].headers.len(), 1);
        }
    }
}

#[test]
fn a_batch_that_unpacks_to_more_than_the_limit_is_unreadable() {
    let zeros = Bytes::from(vec![0; crate::limits::MAX_UNPACKED_BYTES + 1]);
    for compression in [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let packed = codec::pack(compression, zeros.clone()).unwrap();
        assert!(codec::unpack(compression, &packed).is_err());
    }
}

proptest! {
    #[test]
    fn records_of_random_bytes_are_refused_or_read_without_a_panic(
        body in prop::collection::vec(any::<u8>(), 0..200),
        attributes in 0_u8..8,
        count in 0_i32..5,
        good in any::<bool>(),
        spoiled in any::<prop::sample::Index>(),
    ) {
        let whole = foreign(3, -1, false, 0);
        let mut bytes = whole[..HEADER_BYTES].to_vec();
        if good {
            let mut records = whole[HEADER_BYTES..].to_vec();
            let at = spoiled.index(records.len());
            records[at] ^= body.first().copied().unwrap_or(1);
            bytes.extend(records);
        } else {
            bytes.extend(&body);
        }
        bytes[57..61].copy_from_slice(&count.to_be_bytes());
        bytes[22] = attributes;
        let header = BatchHeader::parse(&bytes).unwrap();
        let batch = Batch { header, bytes: bytes.into() };
        if let Ok(records) = batch.records() {
            let again = batch.with_records(&records, None).unwrap();
            prop_assert_eq!(again.records().unwrap(), records);
        }
    }
}

/// About two seconds of payloads that are right but for a few bytes.
#[test]
fn a_payload_with_spoiled_bytes_never_brings_the_broker_down() {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(2);
    let good = together(&[foreign(3, 5, true, 0), foreign(2, -1, false, 0)]);
    let spoils = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let strategy = (spoils, any::<prop::sample::Index>(), any::<bool>());
    while std::time::Instant::now() < end {
        let config = ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        proptest::test_runner::TestRunner::new(config)
            .run(&strategy, |(spoils, cut, whole)| {
                let mut bytes = good.to_vec();
                for (at, byte) in spoils {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                if !whole {
                    bytes.truncate(cut.index(bytes.len()));
                }
                // The checksum made right again lets the spoiled bytes reach what is behind it.
                if let Ok(header) = BatchHeader::parse(&bytes)
                    && header.size() <= bytes.len()
                {
                    let crc = header::checksum(&bytes[..header.size()]);
                    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
                }
                let bytes = Bytes::from(bytes);
                if let Ok(batches) = split(bytes.clone(), LIMIT) {
                    let parts: Vec<Bytes> =
                        batches.iter().map(|batch| batch.bytes.clone()).collect();
                    prop_assert_eq!(together(&parts), bytes);
                    for batch in batches {
                        let _readable = batch.records();
                        let _end = batch.header.next_offset();
                    }
                }
                Ok(())
            })
            .unwrap();
    }
}
