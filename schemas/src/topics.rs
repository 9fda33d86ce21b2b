//! The topics, their names and how each is configured.

use crate::kind::RecordKind;
use crate::limits::{MAX_LETTER_BYTES, MAX_MESSAGE_BYTES};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// How long events, unlinked events and status changes are kept: longer than the provider's
/// own 30 days.
pub const EVENTS_RETENTION_MS: u64 = 31 * DAY_MS;
/// How long bodies are kept unless the operator says otherwise.
pub const BODIES_RETENTION_MS: u64 = 400 * DAY_MS;
/// Recovery folds `orders` again from the checkpoint: until then every record must be there.
pub const ORDERS_MIN_COMPACTION_LAG_MS: u64 = 7 * DAY_MS;

/// Every topic name, under one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
}

/// One topic as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: i32,
    pub configs: Vec<(&'static str, String)>,
    /// The record whose schema is registered as `<name>-value`.
    pub record: Option<RecordKind>,
}

impl Topics {
    /// `prefix` is prepended verbatim; it may be empty.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    #[must_use]
    pub fn payments_events(&self) -> String {
        self.named("payments.events")
    }

    #[must_use]
    pub fn payments_bodies(&self) -> String {
        self.named("payments.bodies")
    }

    #[must_use]
    pub fn payments_unlinked(&self) -> String {
        self.named("payments.unlinked")
    }

    #[must_use]
    pub fn payments_links(&self) -> String {
        self.named("payments.links")
    }

    #[must_use]
    pub fn orders(&self) -> String {
        self.named("orders")
    }

    #[must_use]
    pub fn orders_status(&self) -> String {
        self.named("orders.status")
    }

    #[must_use]
    pub fn payments_gaps(&self) -> String {
        self.named("payments.gaps")
    }

    #[must_use]
    pub fn payments_windows(&self) -> String {
        self.named("payments.windows")
    }

    #[must_use]
    pub fn dead_letters(&self) -> String {
        self.named("payments.dead-letters")
    }

    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Every topic, all with `partitions` partitions: the inputs and outputs of the reconciler
    /// must agree, and the others lose nothing by it.
    #[must_use]
    pub fn specs(&self, partitions: i32, replication: i32) -> Vec<TopicSpec> {
        let spec = |name: String, record: RecordKind, own: Vec<(&'static str, String)>| {
            let mut configs = own;
            if !configs
                .iter()
                .any(|(config, _)| *config == "max.message.bytes")
            {
                configs.push(("max.message.bytes", MAX_MESSAGE_BYTES.to_string()));
            }
            if replication >= 3 {
                configs.push(("min.insync.replicas", "2".to_owned()));
            }
            TopicSpec {
                name,
                partitions,
                configs,
                record: Some(record),
            }
        };
        let mut bodies = deleted_after(BODIES_RETENTION_MS);
        bodies.push(("compression.type", "zstd".to_owned()));
        // A body is found by the time of its receipt.
        bodies.push(("message.timestamp.type", "CreateTime".to_owned()));
        let mut letters = compacted_state();
        letters.push(("max.message.bytes", MAX_LETTER_BYTES.to_string()));
        vec![
            spec(
                self.payments_events(),
                RecordKind::PaymentEvent,
                deleted_after(EVENTS_RETENTION_MS),
            ),
            spec(self.payments_bodies(), RecordKind::EventBody, bodies),
            spec(
                self.payments_unlinked(),
                RecordKind::PaymentEvent,
                deleted_after(EVENTS_RETENTION_MS),
            ),
            spec(
                self.payments_links(),
                RecordKind::PaymentLink,
                compacted_state(),
            ),
            spec(
                self.orders(),
                RecordKind::OrderSnapshot,
                vec![
                    ("cleanup.policy", "compact".to_owned()),
                    (
                        "min.compaction.lag.ms",
                        ORDERS_MIN_COMPACTION_LAG_MS.to_string(),
                    ),
                    ("delete.retention.ms", DAY_MS.to_string()),
                ],
            ),
            spec(
                self.orders_status(),
                RecordKind::OrderStatusChanged,
                deleted_after(EVENTS_RETENTION_MS),
            ),
            spec(self.payments_gaps(), RecordKind::GapSet, compacted_state()),
            spec(
                self.payments_windows(),
                RecordKind::ReconcileWindow,
                compacted_state(),
            ),
            spec(self.dead_letters(), RecordKind::DeadLetter, letters),
        ]
    }
}

fn deleted_after(retention_ms: u64) -> Vec<(&'static str, String)> {
    vec![
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", retention_ms.to_string()),
    ]
}

/// State is read back to its end at every start, so it is rolled and compacted often; a
/// tombstone outlives any reader that was under way.
fn compacted_state() -> Vec<(&'static str, String)> {
    vec![
        ("cleanup.policy", "compact".to_owned()),
        ("segment.ms", (10 * MINUTE_MS).to_string()),
        ("max.compaction.lag.ms", (30 * MINUTE_MS).to_string()),
        ("delete.retention.ms", DAY_MS.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config<'a>(specs: &'a [TopicSpec], topic: &str, config: &str) -> Option<&'a str> {
        let spec = specs.iter().find(|spec| spec.name == topic).unwrap();
        spec.configs
            .iter()
            .find(|(name, _)| *name == config)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_prefix_is_prepended_verbatim() {
        let topics = Topics::new("shop-7.");
        assert_eq!(topics.payments_events(), "shop-7.payments.events");
        assert_eq!(topics.dead_letters(), "shop-7.payments.dead-letters");
        let names: Vec<String> = topics
            .specs(6, 1)
            .into_iter()
            .map(|spec| spec.name)
            .collect();
        assert_eq!(
            names
                .iter()
                .map(|name| name.trim_start_matches("shop-7."))
                .collect::<Vec<_>>(),
            [
                "payments.events",
                "payments.bodies",
                "payments.unlinked",
                "payments.links",
                "orders",
                "orders.status",
                "payments.gaps",
                "payments.windows",
                "payments.dead-letters"
            ]
        );
    }

    #[test]
    fn every_topic_has_the_partitions_asked_for() {
        assert!(
            Topics::new("")
                .specs(12, 3)
                .iter()
                .all(|spec| spec.partitions == 12)
        );
    }

    #[test]
    fn history_is_deleted_and_state_is_compacted() {
        let specs = Topics::new("").specs(6, 1);
        for topic in ["payments.events", "payments.unlinked", "orders.status"] {
            assert_eq!(
                config(&specs, topic, "cleanup.policy"),
                Some("delete"),
                "{topic}"
            );
            assert_eq!(
                config(&specs, topic, "retention.ms"),
                Some("2678400000"),
                "{topic}"
            );
        }
        assert_eq!(
            config(&specs, "payments.bodies", "retention.ms"),
            Some("34560000000")
        );
        assert_eq!(
            config(&specs, "payments.bodies", "compression.type"),
            Some("zstd")
        );
        for topic in [
            "payments.gaps",
            "payments.windows",
            "payments.links",
            "payments.dead-letters",
        ] {
            assert_eq!(
                config(&specs, topic, "cleanup.policy"),
                Some("compact"),
                "{topic}"
            );
            assert_eq!(
                config(&specs, topic, "segment.ms"),
                Some("600000"),
                "{topic}"
            );
            assert_eq!(
                config(&specs, topic, "max.compaction.lag.ms"),
                Some("1800000"),
                "{topic}"
            );
            assert_eq!(
                config(&specs, topic, "delete.retention.ms"),
                Some("86400000"),
                "{topic}"
            );
        }
        assert_eq!(config(&specs, "orders", "cleanup.policy"), Some("compact"));
        assert_eq!(
            config(&specs, "orders", "min.compaction.lag.ms"),
            Some("604800000")
        );
        assert_eq!(config(&specs, "orders", "max.compaction.lag.ms"), None);
    }

    #[test]
    fn a_dead_letter_may_be_larger_than_what_it_holds() {
        let specs = Topics::new("").specs(6, 1);
        for spec in &specs {
            let limit = config(&specs, &spec.name, "max.message.bytes");
            let expected = if spec.name == "payments.dead-letters" {
                "3145728"
            } else {
                "2097152"
            };
            assert_eq!(limit, Some(expected), "{}", spec.name);
        }
    }

    #[test]
    fn two_replicas_must_be_in_sync_where_there_are_three() {
        let three = Topics::new("").specs(6, 3);
        let one = Topics::new("").specs(6, 1);
        for spec in &three {
            assert_eq!(config(&three, &spec.name, "min.insync.replicas"), Some("2"));
            assert_eq!(config(&one, &spec.name, "min.insync.replicas"), None);
        }
    }
}
