//! The APIs of records: Produce, Fetch, ListOffsets, OffsetForLeaderEpoch, DeleteRecords.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, DeleteRecordsRequest, FetchRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, RequestKind,
};
use kafka_protocol::records::{
    Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};

use super::{Announced, Connection};

const LATEST: i64 = -1;

pub(super) fn ask(connection: &mut Connection<'_>, announced: &Announced) {
    produce(connection, announced);
    fetch(connection, announced);
    offsets(connection, announced);
    delete(connection, announced);
}

fn batch() -> Bytes {
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 0,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: 1_000,
        key: None,
        value: Some(Bytes::from_static(b"c")),
        headers: Default::default(),
    };
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut batch = BytesMut::new();
    RecordBatchEncoder::encode(&mut batch, [&record], &options).unwrap();
    batch.freeze()
}

fn produce(connection: &mut Connection<'_>, announced: &Announced) {
    connection.site.create_topic("produced", 1, &[]);
    let topic = connection.topic("produced");
    connection.each(
        announced,
        ApiKey::Produce,
        |_| {
            let partition = PartitionProduceData::default()
                .with_index(0)
                .with_records(Some(batch()));
            let topic = TopicProduceData::default()
                .with_name(topic.clone())
                .with_partition_data(vec![partition]);
            let request = ProduceRequest::default()
                .with_transactional_id(None)
                .with_acks(-1)
                .with_timeout_ms(10_000)
                .with_topic_data(vec![topic]);
            RequestKind::Produce(request)
        },
        |version, response| {
            let told = told!(Produce, response);
            let partition = &told.responses[0].partition_responses[0];
            assert_eq!(partition.error_code, 0, "{version}");
            // One record is written in each version, from 3 on.
            assert_eq!(partition.base_offset, i64::from(version) - 3);
        },
    );
}

fn fetch(connection: &mut Connection<'_>, announced: &Announced) {
    let topic = connection.topic("t");
    let asked = MetadataRequestTopic::default().with_name(Some(topic.clone()));
    let asked = MetadataRequest::default().with_topics(Some(vec![asked]));
    let asked = RequestKind::Metadata(asked);
    let told = told!(Metadata, connection.ask(ApiKey::Metadata, 12, &asked));
    let id = told.topics[0].topic_id;
    connection.each(
        announced,
        ApiKey::Fetch,
        |version| {
            let partition = FetchPartition::default()
                .with_partition(0)
                .with_fetch_offset(0)
                .with_partition_max_bytes(1024 * 1024);
            let asked = FetchTopic::default().with_partitions(vec![partition]);
            let asked = if version < 13 {
                asked.with_topic(topic.clone())
            } else {
                asked.with_topic_id(id)
            };
            let request = FetchRequest::default()
                .with_max_wait_ms(1_000)
                .with_min_bytes(1)
                .with_max_bytes(1024 * 1024)
                .with_isolation_level(1)
                .with_topics(vec![asked]);
            // No session is asked for.
            let request = if version < 7 {
                request
            } else {
                request.with_session_id(0).with_session_epoch(-1)
            };
            RequestKind::Fetch(request)
        },
        |version, response| {
            let told = told!(Fetch, response);
            let partition = &told.responses[0].partitions[0];
            assert_eq!(partition.error_code, 0, "{version}");
            assert_eq!(partition.high_watermark, 2, "{version}");
            assert_eq!(partition.last_stable_offset, 2, "{version}");
            assert!(!partition.records.as_ref().unwrap().is_empty(), "{version}");
            if version >= 13 {
                assert_eq!(told.responses[0].topic_id, id);
            } else {
                assert_eq!(told.responses[0].topic, topic);
            }
        },
    );
}

fn offsets(connection: &mut Connection<'_>, announced: &Announced) {
    let topic = connection.topic("t");
    connection.each(
        announced,
        ApiKey::ListOffsets,
        |version| {
            let partition = ListOffsetsPartition::default()
                .with_partition_index(0)
                .with_timestamp(LATEST);
            let asked = ListOffsetsTopic::default()
                .with_name(topic.clone())
                .with_partitions(vec![partition]);
            let request = ListOffsetsRequest::default()
                .with_replica_id((-1).into())
                .with_topics(vec![asked]);
            let isolation = i8::from(version >= 2);
            RequestKind::ListOffsets(request.with_isolation_level(isolation))
        },
        |version, response| {
            let told = told!(ListOffsets, response);
            let partition = &told.topics[0].partitions[0];
            assert_eq!(partition.error_code, 0, "{version}");
            assert_eq!(partition.offset, 2, "{version}");
        },
    );
    connection.each(
        announced,
        ApiKey::OffsetForLeaderEpoch,
        |_| {
            let partition = OffsetForLeaderPartition::default()
                .with_partition(0)
                .with_leader_epoch(0);
            let asked = OffsetForLeaderTopic::default()
                .with_topic(topic.clone())
                .with_partitions(vec![partition]);
            let request = OffsetForLeaderEpochRequest::default().with_topics(vec![asked]);
            RequestKind::OffsetForLeaderEpoch(request)
        },
        |version, response| {
            let told = told!(OffsetForLeaderEpoch, response);
            let partition = &told.topics[0].partitions[0];
            assert_eq!(partition.error_code, 0, "{version}");
            assert_eq!(partition.end_offset, 2, "{version}");
        },
    );
}

fn delete(connection: &mut Connection<'_>, announced: &Announced) {
    let topic = connection.topic("t");
    connection.each(
        announced,
        ApiKey::DeleteRecords,
        |_| {
            let partition = DeleteRecordsPartition::default()
                .with_partition_index(0)
                .with_offset(1);
            let asked = DeleteRecordsTopic::default()
                .with_name(topic.clone())
                .with_partitions(vec![partition]);
            let request = DeleteRecordsRequest::default()
                .with_topics(vec![asked])
                .with_timeout_ms(10_000);
            RequestKind::DeleteRecords(request)
        },
        |version, response| {
            let told = told!(DeleteRecords, response);
            let partition = &told.topics[0].partitions[0];
            assert_eq!(partition.error_code, 0, "{version}");
            assert_eq!(partition.low_watermark, 1, "{version}");
        },
    );
}
