//! `ApiVersions`: what this broker serves.

use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiVersionsResponse, ResponseKind};

use crate::code::Code;
use crate::wire::SERVED;

/// What is served, told also to one who asked in a version that is not: with it he asks again.
pub(crate) fn versions(code: Code) -> ResponseKind {
    let served = SERVED.iter().map(|served| {
        ApiVersion::default()
            .with_api_key(served.key as i16)
            .with_min_version(served.oldest)
            .with_max_version(served.newest)
    });
    ResponseKind::ApiVersions(
        ApiVersionsResponse::default()
            .with_error_code(code.number())
            .with_api_keys(served.collect()),
    )
}
