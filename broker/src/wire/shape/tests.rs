use bytes::{Buf, BufMut, Bytes};
use kafka_protocol::messages::RequestKind;

use super::*;
use crate::wire::served::{SERVED, served};

/// Writes what a shape describes, two of everything, so that the decoder can be asked whether it
/// reads the same.
struct Fill {
    bytes: Vec<u8>,
    version: i16,
    flexible: bool,
}

impl Fill {
    fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            if !(field.oldest..=field.newest).contains(&self.version) {
                continue;
            }
            match &field.kind {
                Kind::Fixed(size) => self.bytes.put_bytes(1, *size),
                Kind::Text => self.text(),
                Kind::Data => {
                    self.length(3);
                    self.bytes.put_bytes(7, 3);
                }
                Kind::Fixeds(size) => {
                    self.length(2);
                    self.bytes.put_bytes(1, 2 * size);
                }
                Kind::Texts => {
                    self.length(2);
                    self.text();
                    self.text();
                }
                Kind::Structs(fields) => {
                    self.length(2);
                    self.fields(fields);
                    self.fields(fields);
                }
            }
        }
        if self.flexible {
            // One tagged field that nobody knows.
            self.bytes.put_slice(&[1, 99, 1, 0]);
        }
    }

    fn text(&mut self) {
        if self.flexible {
            self.bytes.put_u8(4);
        } else {
            self.bytes.put_i16(3);
        }
        self.bytes.put_slice(b"abc");
    }

    fn length(&mut self, length: u8) {
        if self.flexible {
            self.bytes.put_u8(length + 1);
        } else {
            self.bytes.put_i32(i32::from(length));
        }
    }
}

fn filled(api: &Served, version: i16) -> Vec<u8> {
    let mut fill = Fill {
        bytes: Vec::new(),
        version,
        flexible: version >= api.flexible_since,
    };
    fill.fields(api.fields);
    fill.bytes
}

#[test]
fn every_served_request_at_every_version_is_walked_as_it_is_decoded() {
    for api in SERVED {
        for version in api.oldest..=api.newest {
            let filled = filled(api, version);
            let name = format!("{:?} version {version}", api.key);
            assert_eq!(check(api, version, &filled), Ok(()), "{name}");

            let mut left = Bytes::from(filled.clone());
            RequestKind::decode(api.key, &mut left, version)
                .unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(left.remaining(), 0, "{name}");

            let mut walk = walk(api, version, &filled);
            walk.fields(api.fields).unwrap();
            assert!(walk.left.is_empty(), "{name}");
            if let Some((_, shorter)) = filled.split_last() {
                assert!(check(api, version, shorter).is_err(), "{name}");
            }
        }
    }
}

#[test]
fn a_tag_that_the_decoder_knows_is_refused() {
    let heartbeat = served(12).unwrap();
    let mut body = filled(heartbeat, 4);
    let tag = body.len() - 3;
    body[tag] = 1;
    assert_eq!(check(heartbeat, 4, &body), Err(Misshapen::Tag(1)));
}
