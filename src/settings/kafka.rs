//! The Kafka client's settings: what the user passes through, and what he may not change.

use rdkafka::ClientConfig;

use super::fault::Faults;
use super::merge::Merged;
use super::secret;

/// Settings on which the guarantees rest; each has one right value, which is ours to set.
const OURS: &[&str] = &[
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "partitioner",
    "request.required.acks",
    // A transaction call that took this long has an unknown outcome.
    "socket.timeout.ms",
    "transaction.timeout.ms",
    "transactional.id",
];

/// The properties passed to every Kafka client.
pub fn properties(merged: &Merged, faults: &mut Faults) -> Vec<(String, String)> {
    let Some(value) = merged.get("kafka-config") else {
        return Vec::new();
    };
    let place = merged.place("kafka-config");
    let mut properties = Vec::new();
    for text in &value.texts {
        match property(text) {
            Ok(property) => properties.push(property),
            Err(problem) => faults.add(&place, None, problem),
        }
    }
    properties
}

fn property(text: &str) -> Result<(String, String), String> {
    let Some((key, value)) = text.split_once('=') else {
        return Err("a member has no `=`; write key=value".to_owned());
    };
    let (key, value) = (key.trim(), value.trim());
    if OURS.contains(&key) {
        return Err(format!(
            "`{key}` is not to be changed: exactly-once rests on it; remove it"
        ));
    }
    let refused = ClientConfig::new()
        .set(key, value)
        .create_native_config()
        .is_err();
    if refused {
        let shown = if secret::is_secret_key(key) {
            secret::MASK
        } else {
            value
        };
        return Err(format!(
            "the Kafka client refuses `{key}` = `{shown}`; see librdkafka's CONFIGURATION.md"
        ));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// `key=value` as it may be shown.
pub fn shown(text: &str) -> String {
    match text.split_once('=') {
        Some((key, _)) if secret::is_secret_key(key) => format!("{}={}", key.trim(), secret::MASK),
        Some(_) => text.to_owned(),
        None => secret::MASK.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exactly_once_rests_on_cannot_be_passed_through() {
        assert!(property("acks=1").unwrap_err().contains("exactly-once"));
        assert!(property("partitioner=random").is_err());
        assert!(property("socket.timeout.ms=100").is_err());
        assert_eq!(property("socket.keepalive.enable=true").unwrap().1, "true");
    }

    #[test]
    fn a_refused_password_is_not_shown() {
        let fault = property("ssl.key.passwort.secret=hunter2hunter2").unwrap_err();
        assert!(!fault.contains("hunter2"), "{fault}");
        assert_eq!(shown("sasl.password=hunter2"), "sasl.password=********");
    }
}
