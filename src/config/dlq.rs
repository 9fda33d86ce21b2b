//! What `dlq …` needs: Kafka alone, or the ops listener of a running process.

use trueup_schemas::seal::SigningKeys;

use super::targets::{self, KafkaTarget, OpsTarget};
use crate::settings::{Faults, Merged, Reader};

/// Kafka, to be read and written without a process between.
#[derive(Debug)]
pub struct DlqKafka {
    pub kafka: KafkaTarget,
    /// Without them a preview cannot tell what would become of a signed record.
    pub signing_keys: Option<SigningKeys>,
}

/// Whom `dlq` asks.
#[derive(Debug)]
pub enum DlqAsked {
    Kafka(Box<DlqKafka>),
    Ops(OpsTarget),
}

#[derive(Debug)]
pub struct DlqConfig {
    pub asked: DlqAsked,
    pub json: bool,
}

impl DlqConfig {
    /// # Errors
    /// Everything that is wrong.
    pub fn read(merged: &Merged, faults: Faults) -> Result<Self, Faults> {
        let mut reader = Reader::new(merged, faults);
        let json = reader.switch("json");
        let nearness = |name: &str| merged.get(name).map(|value| value.source.nearness());
        let named = nearness("kafka");
        // As for `order` and `event`: Kafka, unless `--ops` was named nearer by.
        let asked = if named.is_some() && named >= nearness("ops") {
            let signing_keys = targets::signing_keys_if_set(&mut reader);
            let kafka = KafkaTarget::read(&mut reader).map(|kafka| DlqKafka {
                kafka,
                signing_keys,
            });
            kafka.map(|kafka| DlqAsked::Kafka(Box::new(kafka)))
        } else {
            OpsTarget::read(&mut reader).map(DlqAsked::Ops)
        };
        match asked {
            Some(asked) if reader.faults.is_empty() => Ok(Self { asked, json }),
            _ => Err(reader.faults),
        }
    }
}
