//! The input: a seeded stream of the load tests, as the gateway and the order service would have
//! written it.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trueup_engine::ports::log::{Input, Record, Source};
use trueup_load_tests::fixtures::Fixtures;
use trueup_load_tests::render;
use trueup_load_tests::scenario::story;
use trueup_load_tests::sender;
use trueup_load_tests::story::Story;
use trueup_schemas::codec::Codec;
use trueup_schemas::partition::partition_for;
use trueup_schemas::seal::SigningKeys;
use trueup_schemas::topics::Topics;
use trueup_stripe::entries::{Delivery, Scribe};
use trueup_stripe::normalise::Notice;
use trueup_stripe::publish::{Lane, LaneNames};
use trueup_stripe::signature::Verified;

pub(crate) const PARTITIONS: i32 = 8;
pub(crate) const EVENTS_TOPIC: &str = "payments.events";

/// Receipts are this far apart, in milliseconds: a busy shop's.
const BETWEEN_RECEIPTS_MS: i64 = 1;
const FIRST_RECEIPT_MS: i64 = 1_780_000_000_000;
const DUPLICATE_PERCENT: u64 = 5;

pub(crate) struct Stream {
    /// In the order of arrival; offsets run by partition and input.
    pub(crate) records: Vec<Record>,
    pub(crate) keys: SigningKeys,
}

/// # Errors
/// Fixtures that cannot be read, or an event that the gateway would refuse.
pub(crate) fn stream(seed: u64, orders: u64) -> Result<Stream, String> {
    let fixtures = Fixtures::load().map_err(|fault| fault.to_string())?;
    let keys = SigningKeys::parse("k1:dHJ1ZXVwIG1lYXN1cmVzIHdoYXQgYSByZWNvcmQgY29zdHM=")
        .map_err(|fault| fault.to_string())?;
    let scribe = Scribe {
        names: LaneNames::new(&Topics::new("")),
        codec: Codec::SingleObject,
        keys: keys.clone(),
    };
    let stories: Vec<Story> = (0..orders).map(|n| story(seed, n)).collect();
    let deliveries = sender::plan(&stories, seed, DUPLICATE_PERCENT);
    let mut written = Written::default();
    let mut next_shop = 0;
    for (place, delivery) in deliveries.iter().enumerate() {
        // The shop's orders and their payments move together.
        let due = stories.len().saturating_mul(place) / deliveries.len().max(1);
        for story in stories.iter().take(due).skip(next_shop) {
            written.snapshots(story);
        }
        next_shop = next_shop.max(due);
        let Some(event) = stories
            .get(delivery.story)
            .and_then(|story| story.events.get(delivery.event))
        else {
            continue;
        };
        let body = render::body(&fixtures, event, delivery.copy);
        written.event(&scribe, body)?;
    }
    for story in stories.iter().skip(next_shop) {
        written.snapshots(story);
    }
    Ok(Stream {
        records: written.records,
        keys,
    })
}

#[derive(Default)]
struct Written {
    records: Vec<Record>,
    next: [[i64; 2]; PARTITIONS as usize],
    receipts: i64,
}

impl Written {
    /// What names no order is the linker's, and does not come to the reconciler.
    fn event(&mut self, scribe: &Scribe, body: Vec<u8>) -> Result<(), String> {
        let body = Bytes::from(body);
        let digest: [u8; 32] = Sha256::digest(&body).into();
        let verified = Verified::by_digest(body, &digest).map_err(|fault| fault.to_string())?;
        let notice = Notice::read(&verified).map_err(|fault| fault.to_string())?;
        let normalised = notice.normalise().map_err(|fault| fault.to_string())?;
        let Some(normalised) = normalised else {
            return Ok(());
        };
        self.receipts += 1;
        let received_at = FIRST_RECEIPT_MS + self.receipts * BETWEEN_RECEIPTS_MS;
        let delivery = Delivery {
            source: trueup_schemas::records::Source::Webhook,
            received_at,
            account: None,
            signature: "t=1,v1=00",
            endpoint: None,
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        };
        for entry in scribe.entries(normalised, &delivery) {
            if entry.lane != Lane::Events {
                continue;
            }
            let headers = entry.headers.into_iter();
            let headers = headers.map(|(name, value)| (name.to_owned(), Some(value.into_bytes())));
            self.push(
                Input::Events,
                entry.key,
                entry.value,
                headers.collect(),
                received_at,
            );
        }
        Ok(())
    }

    fn snapshots(&mut self, story: &Story) {
        for snapshot in &story.snapshots {
            let (key, value) = (snapshot.order_id.clone(), snapshot.body.clone());
            let at = FIRST_RECEIPT_MS + self.receipts * BETWEEN_RECEIPTS_MS;
            self.push(
                Input::Orders,
                key.into_bytes(),
                value.into_bytes(),
                Vec::new(),
                at,
            );
        }
    }

    fn push(
        &mut self,
        input: Input,
        key: Vec<u8>,
        value: Vec<u8>,
        headers: Vec<(String, Option<Vec<u8>>)>,
        timestamp: i64,
    ) {
        let partition = partition_for(&key, PARTITIONS);
        let lane = usize::from(input == Input::Orders);
        let at = usize::try_from(partition).unwrap_or(0);
        let Some(next) = self.next.get_mut(at).and_then(|next| next.get_mut(lane)) else {
            return;
        };
        let offset = *next;
        *next += 1;
        self.records.push(Record {
            source: Source::Input(input),
            partition,
            offset,
            timestamp: Some(timestamp),
            key: Some(key),
            value: Some(value),
            headers,
        });
    }
}
