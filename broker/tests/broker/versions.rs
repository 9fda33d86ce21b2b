//! Every version of every API that the broker announces is answered, in that version: old clients
//! use old ones, and a field that a version does not have would end their connection. Apache Kafka
//! is asked the same, which is how the questions are known to be right.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, GroupId, RequestHeader, RequestKind, ResponseHeader, ResponseKind,
    TopicName, TransactionalId,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use crate::site::{PATIENCE, Site};
use crate::support::Running;

/// The response of one API, where another would be a fault of the test.
macro_rules! told {
    ($kind:ident, $response:expr) => {
        match $response {
            kafka_protocol::messages::ResponseKind::$kind(told) => told,
            other => panic!("another answer: {other:?}"),
        }
    };
}

mod groups;
mod records;
mod topics;
mod transactions;

type Announced = Vec<(ApiKey, i16, i16)>;

struct Connection<'a> {
    site: &'a Site,
    stream: TcpStream,
    asked: Vec<ApiKey>,
    versions: usize,
}

impl<'a> Connection<'a> {
    fn open(site: &'a Site) -> Self {
        let stream = TcpStream::connect(site.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            site,
            stream,
            asked: Vec::new(),
            versions: 0,
        }
    }

    fn announced(&mut self) -> Announced {
        let request = RequestKind::ApiVersions(ApiVersionsRequest::default());
        let told = told!(ApiVersions, self.ask(ApiKey::ApiVersions, 0, &request));
        let served = told.api_keys.iter().map(|api| {
            let key = ApiKey::try_from(api.api_key).unwrap();
            (key, api.min_version, api.max_version)
        });
        served.collect()
    }

    fn ask(&mut self, key: ApiKey, version: i16, request: &RequestKind) -> ResponseKind {
        let mut frame = BytesMut::new();
        RequestHeader::default()
            .with_request_api_key(key as i16)
            .with_request_api_version(version)
            .with_correlation_id(7)
            .with_client_id(Some(text("versions")))
            .encode(&mut frame, key.request_header_version(version))
            .unwrap();
        let asked = request.encode(&mut frame, version);
        asked.unwrap_or_else(|fault| panic!("{key:?} {version} cannot be asked: {fault:?}"));
        let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
        self.stream.write_all(&length).unwrap();
        self.stream.write_all(&frame).unwrap();
        let mut length = [0; 4];
        let answered = self.stream.read_exact(&mut length);
        assert!(answered.is_ok(), "{key:?} {version} is not answered");
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).unwrap();
        let mut answer = Bytes::from(answer);
        let header = ResponseHeader::decode(&mut answer, key.response_header_version(version));
        assert_eq!(header.unwrap().correlation_id, 7);
        let response = ResponseKind::decode(key, &mut answer, version);
        let response = response.unwrap_or_else(|fault| panic!("{key:?} {version}: {fault:?}"));
        assert!(answer.is_empty(), "{key:?} {version} has bytes left over");
        response
    }

    /// Asks in each of the versions, the oldest first.
    fn each(
        &mut self,
        announced: &Announced,
        key: ApiKey,
        request: impl Fn(i16) -> RequestKind,
        check: impl Fn(i16, ResponseKind),
    ) {
        let found = announced.iter().find(|(found, ..)| *found == key);
        let (_, oldest, newest) = *found.unwrap();
        for version in oldest..=newest {
            let response = self.ask(key, version, &request(version));
            check(version, response);
            self.versions += 1;
        }
        self.asked.push(key);
    }

    fn topic(&self, name: &str) -> TopicName {
        TopicName(text(&self.site.name(name)))
    }

    fn group(&self, name: &str) -> GroupId {
        GroupId(text(&self.site.name(name)))
    }

    fn transactional(&self, name: &str) -> TransactionalId {
        TransactionalId(text(&self.site.name(name)))
    }
}

fn text(word: &str) -> StrBytes {
    StrBytes::from_string(word.to_owned())
}

/// Asks for all of `announced`, and nothing else.
fn all_are_answered(site: &Site, announced: &Announced) {
    site.create_topic("t", 1, &[]);
    site.send(&site.producer(&[]), "t", 0, &["a", "b"]);
    // A broker whose first group this is makes room for offsets first; librdkafka waits for it.
    site.committed("first", "t", 0);
    let mut connection = Connection::open(site);
    records::ask(&mut connection, announced);
    topics::ask(&mut connection, announced);
    transactions::ask(&mut connection, announced);
    groups::ask(&mut connection, announced);
    connection.asked.sort_by_key(|key| *key as i16);
    let mut expected: Vec<ApiKey> = announced.iter().map(|(key, ..)| *key).collect();
    expected.sort_by_key(|key| *key as i16);
    assert_eq!(connection.asked, expected);
    let versions = announced
        .iter()
        .map(|(_, oldest, newest)| newest - oldest + 1);
    let versions: i16 = versions.sum();
    assert_eq!(connection.versions, usize::try_from(versions).unwrap());
}

#[test]
fn every_version_that_is_announced_is_answered() {
    let running = Running::start();
    let announced = Connection::open(&running).announced();
    all_are_answered(&running, &announced);
}

#[test]
fn kafka_answers_the_same_versions_the_same() {
    let running = Running::start();
    let announced = Connection::open(&running).announced();
    all_are_answered(&Site::shared(trueup_testkit::kafka()), &announced);
}
