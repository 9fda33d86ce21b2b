//! The APIs of the cluster, its topics and their configurations.

use kafka_protocol::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource as Incremental, AlterableConfig as IncrementalConfig,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterConfigsRequest, ApiKey, ApiVersionsRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest,
    IncrementalAlterConfigsRequest, MetadataRequest, RequestKind, TopicName,
};

use super::{Announced, Connection, text};

/// The type of resource that a topic is, in requests about configurations.
const TOPIC: i8 = 2;
const SET: i8 = 0;
const TIMEOUT_MS: i32 = 10_000;

pub(super) fn ask(connection: &mut Connection<'_>, announced: &Announced) {
    cluster(connection, announced);
    metadata(connection, announced);
    change(connection, announced);
    grow(connection, announced);
    configure(connection, announced);
}

fn cluster(connection: &mut Connection<'_>, announced: &Announced) {
    connection.each(
        announced,
        ApiKey::ApiVersions,
        |version| {
            let request = ApiVersionsRequest::default();
            RequestKind::ApiVersions(if version < 3 {
                request
            } else {
                request
                    .with_client_software_name(text("versions"))
                    .with_client_software_version(text("1"))
            })
        },
        |version, response| {
            let told = told!(ApiVersions, response);
            assert_eq!(told.error_code, 0, "{version}");
            assert!(!told.api_keys.is_empty(), "{version}");
        },
    );
    connection.each(
        announced,
        ApiKey::DescribeCluster,
        |_| RequestKind::DescribeCluster(DescribeClusterRequest::default()),
        |version, response| {
            let told = told!(DescribeCluster, response);
            assert_eq!(told.error_code, 0, "{version}");
            assert!(!told.brokers.is_empty(), "{version}");
        },
    );
}

fn metadata(connection: &mut Connection<'_>, announced: &Announced) {
    let topic = connection.topic("t");
    connection.each(
        announced,
        ApiKey::Metadata,
        |version| {
            let asked = MetadataRequestTopic::default().with_name(Some(topic.clone()));
            let request = MetadataRequest::default()
                .with_topics(Some(vec![asked]))
                .with_allow_auto_topic_creation(version < 4)
                .with_include_topic_authorized_operations(version >= 8)
                .with_include_cluster_authorized_operations((8..=10).contains(&version));
            RequestKind::Metadata(request)
        },
        |version, response| {
            let told = told!(Metadata, response);
            assert!(!told.brokers.is_empty(), "{version}");
            let found = &told.topics[0];
            assert_eq!(found.error_code, 0, "{version}");
            assert_eq!(found.name.as_ref(), Some(&topic), "{version}");
            assert_eq!(found.partitions.len(), 1, "{version}");
            assert_eq!(found.topic_id.is_nil(), version < 10, "{version}");
            assert_eq!(told.cluster_id.is_some(), version >= 2, "{version}");
        },
    );
}

/// Topics are made in each version, and others deleted.
fn change(connection: &mut Connection<'_>, announced: &Announced) {
    let prefix = connection.site.prefix();
    let created = |version: i16| TopicName(text(&format!("{prefix}created-{version}")));
    connection.each(
        announced,
        ApiKey::CreateTopics,
        |version| {
            let wanted = CreatableTopic::default()
                .with_name(created(version))
                .with_num_partitions(2)
                .with_replication_factor(1);
            let request = CreateTopicsRequest::default()
                .with_topics(vec![wanted])
                .with_timeout_ms(TIMEOUT_MS);
            RequestKind::CreateTopics(request)
        },
        |version, response| {
            let told = told!(CreateTopics, response);
            let result = &told.topics[0];
            assert_eq!(result.error_code, 0, "{version}");
            assert_eq!(result.name, created(version));
            assert_eq!(result.topic_id.is_nil(), version < 7, "{version}");
            if version >= 5 {
                assert_eq!(result.num_partitions, 2, "{version}");
            }
        },
    );
    for version in 1..=6 {
        connection
            .site
            .create_topic(&format!("gone-{version}"), 1, &[]);
    }
    let gone = |version: i16| TopicName(text(&format!("{prefix}gone-{version}")));
    connection.each(
        announced,
        ApiKey::DeleteTopics,
        |version| {
            let request = DeleteTopicsRequest::default().with_timeout_ms(TIMEOUT_MS);
            RequestKind::DeleteTopics(if version < 6 {
                request.with_topic_names(vec![gone(version)])
            } else {
                let topic = DeleteTopicState::default().with_name(Some(gone(version)));
                request.with_topics(vec![topic])
            })
        },
        |version, response| {
            let told = told!(DeleteTopics, response);
            assert_eq!(told.responses[0].error_code, 0, "{version}");
            assert_eq!(told.responses[0].name, Some(gone(version)));
        },
    );
}

fn grow(connection: &mut Connection<'_>, announced: &Announced) {
    connection.site.create_topic("grows", 1, &[]);
    let topic = connection.topic("grows");
    connection.each(
        announced,
        ApiKey::CreatePartitions,
        |version| {
            let wanted = CreatePartitionsTopic::default()
                .with_name(topic.clone())
                .with_count(i32::from(version) + 2)
                .with_assignments(None);
            let request = CreatePartitionsRequest::default()
                .with_topics(vec![wanted])
                .with_timeout_ms(TIMEOUT_MS);
            RequestKind::CreatePartitions(request)
        },
        |version, response| {
            let told = told!(CreatePartitions, response);
            assert_eq!(told.results[0].error_code, 0, "{version}");
        },
    );
}

fn configure(connection: &mut Connection<'_>, announced: &Announced) {
    let name = connection.topic("t").0;
    connection.each(
        announced,
        ApiKey::IncrementalAlterConfigs,
        |_| {
            let config = IncrementalConfig::default()
                .with_name(text("segment.ms"))
                .with_config_operation(SET)
                .with_value(Some(text("777")));
            let resource = Incremental::default()
                .with_resource_type(TOPIC)
                .with_resource_name(name.clone())
                .with_configs(vec![config]);
            let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
            RequestKind::IncrementalAlterConfigs(request)
        },
        |version, response| {
            let told = told!(IncrementalAlterConfigs, response);
            assert_eq!(told.responses[0].error_code, 0, "{version}");
        },
    );
    connection.each(
        announced,
        ApiKey::AlterConfigs,
        |_| {
            let config = AlterableConfig::default()
                .with_name(text("segment.ms"))
                .with_value(Some(text("778")));
            let resource = AlterConfigsResource::default()
                .with_resource_type(TOPIC)
                .with_resource_name(name.clone())
                .with_configs(vec![config]);
            let request = AlterConfigsRequest::default().with_resources(vec![resource]);
            RequestKind::AlterConfigs(request)
        },
        |version, response| {
            let told = told!(AlterConfigs, response);
            assert_eq!(told.responses[0].error_code, 0, "{version}");
        },
    );
    connection.each(
        announced,
        ApiKey::DescribeConfigs,
        |version| {
            let resource = DescribeConfigsResource::default()
                .with_resource_type(TOPIC)
                .with_resource_name(name.clone())
                .with_configuration_keys(Some(vec![text("segment.ms")]));
            let request = DescribeConfigsRequest::default()
                .with_resources(vec![resource])
                .with_include_synonyms(true)
                .with_include_documentation(version >= 3);
            RequestKind::DescribeConfigs(request)
        },
        |version, response| {
            let told = told!(DescribeConfigs, response);
            let result = &told.results[0];
            assert_eq!(result.error_code, 0, "{version}");
            assert_eq!(result.configs.len(), 1, "{version}");
            assert_eq!(result.configs[0].value, Some(text("778")), "{version}");
        },
    );
}
