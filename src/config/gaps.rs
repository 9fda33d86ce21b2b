//! What `gaps` needs.

use std::time::Duration;

use super::targets::{KafkaTarget, OpsTarget};
use super::tools;
use crate::settings::{Faults, Merged, Reader, value};
use crate::summary::{GapQuery, Place, limits};

/// Where the gaps are read.
#[derive(Debug)]
pub enum GapsFrom {
    /// The topic itself.
    Kafka(KafkaTarget),
    /// The ops listener of a running process.
    Ops(OpsTarget),
}

#[derive(Debug)]
pub struct GapsConfig {
    pub from: GapsFrom,
    pub query: GapQuery,
    /// How often they are shown anew, where they are watched.
    pub watch: Option<Duration>,
    pub json: bool,
}

impl GapsConfig {
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let json = reader.switch("json");
        let from = if tools::is_direct(merged, &["kafka"]) {
            KafkaTarget::read(&mut reader).map(GapsFrom::Kafka)
        } else {
            OpsTarget::read(&mut reader).map(GapsFrom::Ops)
        };
        let kinds = reader.each("kind", value::gap_kind);
        let limit = reader.required("limit", |text| value::number(text, 1, limits::MAX_PAGE));
        let after = reader.optional("cursor", |text| {
            Place::of_cursor(text)
                .ok_or_else(|| "not a cursor; take it from `next` of the page before".to_owned())
        });
        let interval = reader.required("interval", value::duration);
        let watched = reader.switch("watch");
        match (from, limit, interval) {
            (Some(from), Some(limit), Some(interval)) if reader.faults.is_empty() => Ok(Self {
                from,
                query: GapQuery {
                    kinds,
                    after,
                    limit,
                },
                watch: watched.then_some(interval),
                json,
            }),
            _ => Err(reader.faults),
        }
    }
}
