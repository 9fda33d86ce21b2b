//! `FindCoordinator` and `DescribeCluster`: whatever is looked for, it is here.

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{
    DescribeClusterRequest, DescribeClusterResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, ResponseKind,
};

use super::Outcome;
use super::words::{NODE, some, text};
use crate::code::Code;
use crate::core::Core;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const ENDPOINT_BROKERS: i8 = 1;

pub(super) fn find_coordinator(
    core: &Core,
    version: i16,
    request: &FindCoordinatorRequest,
) -> Outcome {
    let code = match request.key_type {
        GROUP | TRANSACTION => Code::None,
        _ => Code::InvalidRequest,
    };
    let host = text(&core.node.host);
    let port = i32::from(core.node.port);
    let mut response = FindCoordinatorResponse::default();
    if version < 4 {
        response.error_code = code.number();
        response.node_id = NODE;
        response.host = host;
        response.port = port;
    } else {
        let one = |key: &_| {
            Coordinator::default()
                .with_key(Clone::clone(key))
                .with_node_id(NODE)
                .with_host(host.clone())
                .with_port(port)
                .with_error_code(code.number())
        };
        response.coordinators = request.coordinator_keys.iter().map(one).collect();
    }
    Outcome::Now(ResponseKind::FindCoordinator(response))
}

pub(super) fn describe(core: &Core, request: &DescribeClusterRequest) -> Outcome {
    let mut response = DescribeClusterResponse::default();
    if !matches!(request.endpoint_type, 0 | ENDPOINT_BROKERS) {
        response.error_code = Code::InvalidRequest.number();
        response.error_message = some("only brokers are described here");
    }
    response.cluster_id = text(&core.node.cluster_id);
    response.controller_id = NODE;
    response.endpoint_type = ENDPOINT_BROKERS;
    response.cluster_authorized_operations = i32::MIN;
    response.brokers = vec![
        DescribeClusterBroker::default()
            .with_broker_id(NODE)
            .with_host(text(&core.node.host))
            .with_port(i32::from(core.node.port)),
    ];
    Outcome::Now(ResponseKind::DescribeCluster(response))
}
