//! Every version of every API that the broker announces is answered, in that version: old clients
//! use old ones, and a field that a version does not have would end their connection.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use crate::site::{PATIENCE, Site};
use crate::support::Running;

struct Connection {
    stream: TcpStream,
    served: Vec<(ApiKey, i16, i16)>,
}

impl Connection {
    fn open(site: &Site) -> Self {
        let stream = TcpStream::connect(site.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut connection = Self {
            stream,
            served: Vec::new(),
        };
        let request = RequestKind::ApiVersions(ApiVersionsRequest::default());
        let ResponseKind::ApiVersions(told) = connection.ask(ApiKey::ApiVersions, 0, &request)
        else {
            panic!("another answer")
        };
        let served = told.api_keys.iter().map(|api| {
            let key = ApiKey::try_from(api.api_key).unwrap();
            (key, api.min_version, api.max_version)
        });
        connection.served = served.collect();
        connection
    }

    fn ask(&mut self, key: ApiKey, version: i16, request: &RequestKind) -> ResponseKind {
        let mut frame = BytesMut::new();
        RequestHeader::default()
            .with_request_api_key(key as i16)
            .with_request_api_version(version)
            .with_correlation_id(7)
            .with_client_id(Some(StrBytes::from_static_str("versions")))
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

    /// Asks in each version that is announced, the oldest first; gives how many there are.
    fn each(
        &mut self,
        key: ApiKey,
        request: impl Fn(i16) -> RequestKind,
        check: impl Fn(i16, ResponseKind),
    ) -> usize {
        let served = self.served.iter().find(|(found, ..)| *found == key);
        let (_, oldest, newest) = *served.unwrap();
        for version in oldest..=newest {
            let response = self.ask(key, version, &request(version));
            check(version, response);
        }
        usize::try_from(newest - oldest).unwrap() + 1
    }
}

fn text(word: &str) -> StrBytes {
    StrBytes::from_string(word.to_owned())
}

mod groups;
mod records;
mod topics;
mod transactions;

#[test]
fn every_version_that_is_announced_is_answered() {
    let running = Running::start();
    running.create_topic("t", 1, &[]);
    running.send(&running.producer(&[]), "t", 0, &["a", "b"]);
    let mut connection = Connection::open(&running);
    let announced = connection.served.clone();
    let mut asked = Vec::new();
    records::ask(&mut connection, &mut asked);
    topics::ask(&mut connection, &running, &mut asked);
    transactions::ask(&mut connection, &mut asked);
    groups::ask(&mut connection, &mut asked);
    asked.sort_by_key(|key| *key as i16);
    let announced: Vec<ApiKey> = announced.iter().map(|(key, ..)| *key).collect();
    assert_eq!(asked, announced);
}
