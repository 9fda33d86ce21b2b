//! How each kind of value is read from text. A refusal says what is wrong and what to write.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::num::NonZeroU32;
use std::time::Duration;

use trueup_domain::event::UnixMillis;
use trueup_domain::gap::GapKind;
use trueup_ledger::Replication;

/// The most partitions a topic may be given here.
pub const MAX_PARTITIONS: i32 = 1_024;
/// The most replicas a partition may be given here.
pub const MAX_REPLICATION: i32 = 16;
/// The most replicas a keyspace may be given here.
const MAX_REPLICAS: u8 = 16;
/// The longest name of a datacenter, in bytes.
const MAX_DATACENTER_BYTES: usize = 128;
/// The highest rate limit, in requests per second.
const MAX_RATE: u32 = 1_000_000;
/// The most workers of one process.
pub const MAX_WORKERS: usize = 64;
/// The longest duration that a setting takes: 400 days.
pub const MAX_DURATION: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// Kafka's limit on a topic's name, in bytes; ours may need 25 of them.
const MAX_PREFIX_BYTES: usize = 249 - 25;
/// CQL's limit on a keyspace's name, in bytes.
const MAX_KEYSPACE_BYTES: usize = 48;
/// The longest instance id, in bytes.
const MAX_INSTANCE_ID_BYTES: usize = 128;

/// # Errors
/// When it names no address that resolves.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let help = "write host:port, for example 127.0.0.1:8080 or [::1]:8080";
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let resolved = text
        .to_socket_addrs()
        .map_err(|_| format!("not an address; {help}"))?;
    resolved
        .into_iter()
        .next()
        .ok_or_else(|| format!("resolves to no address; {help}"))
}

/// # Errors
/// When a member is not host:port.
pub fn hosts(text: &str) -> Result<Vec<String>, String> {
    let help = "write host:port[,host:port]";
    let hosts: Vec<String> = text.split(',').map(|host| host.trim().to_owned()).collect();
    for host in &hosts {
        let Some((name, port)) = host.rsplit_once(':') else {
            return Err(format!("`{host}` has no port; {help}"));
        };
        if name.is_empty() || !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(format!("`{host}` is not host:port; {help}"));
        }
    }
    Ok(hosts)
}

/// # Errors
/// When it is not a duration from 1 ms to [`MAX_DURATION`].
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| "not a duration; write for example 30s, 5m, 24h or 7d".to_owned())?;
    if duration < Duration::from_millis(1) || duration > MAX_DURATION {
        return Err("outside 1ms to 400d".to_owned());
    }
    Ok(duration)
}

/// A time in milliseconds since the Unix epoch: so long before `now`, or RFC 3339.
///
/// # Errors
/// When it is neither, or still to come.
pub fn time(text: &str, now: UnixMillis) -> Result<UnixMillis, String> {
    let help = "write how long ago, as 24h or 7d, or a time as 2026-01-31T00:00:00Z";
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at.as_millisecond(),
        Err(_) => {
            let ago = humantime::parse_duration(text).map_err(|_| help.to_owned())?;
            now.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))
        }
    };
    if at > now {
        return Err(format!("a time to come; {help}"));
    }
    Ok(at)
}

/// # Errors
/// When it is not a whole number within the bounds, both included.
pub fn number<N>(text: &str, least: N, most: N) -> Result<N, String>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    match text.parse::<N>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        Ok(_) | Err(_) => Err(format!("not a whole number from {least} to {most}")),
    }
}

/// One of a few words.
///
/// # Errors
/// When it is none of them.
pub fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("not one of {}", words.join(", "))
    })
}

/// # Errors
/// When it is no kind of the contract.
pub fn gap_kind(text: &str) -> Result<GapKind, String> {
    let kinds: Vec<(&str, GapKind)> = GapKind::ALL
        .iter()
        .map(|kind| (kind.as_str(), *kind))
        .collect();
    word(text, &kinds)
}

/// # Errors
/// When Kafka would refuse a topic that starts with it.
pub fn topic_prefix(text: &str) -> Result<String, String> {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if text.len() > MAX_PREFIX_BYTES {
        return Err(format!(
            "has {} bytes, the limit is {MAX_PREFIX_BYTES}",
            text.len()
        ));
    }
    if !text.chars().all(legal) {
        return Err("a topic's name takes only letters, digits, `.`, `_` and `-`".to_owned());
    }
    Ok(text.to_owned())
}

/// # Errors
/// When it is no CQL name that needs no quotes.
pub fn keyspace(text: &str) -> Result<String, String> {
    let legal =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let starts = text
        .chars()
        .next()
        .is_some_and(|letter| letter.is_ascii_lowercase());
    if !starts || !text.chars().all(legal) || text.len() > MAX_KEYSPACE_BYTES {
        return Err(format!(
            "write a lower-case letter, then lower-case letters, digits and `_`, {MAX_KEYSPACE_BYTES} at most"
        ));
    }
    Ok(text.to_owned())
}

/// # Errors
/// When it is empty, too long, or holds what a transactional id should not.
pub fn instance_id(text: &str) -> Result<String, String> {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if text.is_empty() || text.len() > MAX_INSTANCE_ID_BYTES || !text.chars().all(legal) {
        return Err(format!(
            "write letters, digits, `.`, `_` and `-`, {MAX_INSTANCE_ID_BYTES} at most"
        ));
    }
    Ok(text.to_owned())
}

/// # Errors
/// When it is not an http URL.
pub fn url(text: &str) -> Result<String, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        Some(_) | None => Err("not a URL; write http://host:port".to_owned()),
    }
}

/// A network: address and length of its prefix.
///
/// # Errors
/// When it is neither an address nor address/length.
pub fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let help = "write a network such as 10.0.0.0/8, or one address";
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| help.to_owned())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Ok(longest), |length| number(length, 0, longest));
    length
        .map(|length| (address, length))
        .map_err(|_| help.to_owned())
}

/// Replication of a keyspace: a factor, or a factor in one datacenter. Several datacenters are
/// refused: what one of them acknowledged, the quorum of another does not know.
///
/// # Errors
/// When it is neither.
pub fn replication(text: &str) -> Result<Replication, String> {
    let help = "write a factor such as 3, or dc1:3 for one datacenter";
    let factor = |text: &str| number(text, 1, MAX_REPLICAS);
    if let Ok(replicas) = factor(text) {
        return Ok(Replication::Simple { replicas });
    }
    if text.contains(',') {
        let one = "the keyspace lives in one datacenter, failover is an operator's step";
        return Err(format!("names several datacenters; {one}; {help}"));
    }
    text.split_once(':')
        .and_then(|(name, replicas)| datacenter(name).ok().zip(factor(replicas).ok()))
        .map(|(name, replicas)| Replication::Datacenter { name, replicas })
        .ok_or_else(|| format!("not a replication; {help}"))
}

/// # Errors
/// When it is no name that CQL could hold between quotes.
pub fn datacenter(text: &str) -> Result<String, String> {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if text.is_empty() || text.len() > MAX_DATACENTER_BYTES || !text.chars().all(legal) {
        return Err(format!(
            "write letters, digits, `.`, `_` and `-`, {MAX_DATACENTER_BYTES} at most"
        ));
    }
    Ok(text.to_owned())
}

/// A rate: whole requests per second.
///
/// # Errors
/// When it is not a whole number from 1 to [`MAX_RATE`].
pub fn rate(text: &str) -> Result<NonZeroU32, String> {
    let rate = number(text, 1, MAX_RATE)?;
    NonZeroU32::new(rate).ok_or_else(|| format!("not a whole number from 1 to {MAX_RATE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_need_a_port_each() {
        assert_eq!(hosts("a:1, b:2").unwrap(), ["a:1", "b:2"]);
        for wrong in ["", "a", "a:", ":1", "a:0", "a:1,", "a:99999"] {
            assert!(hosts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_have_a_unit_and_a_limit() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        for wrong in ["", "5", "-1s", "0s", "2000d", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn networks_are_an_address_with_or_without_a_length() {
        assert_eq!(
            network("10.0.0.0/8").unwrap(),
            ("10.0.0.0".parse().unwrap(), 8)
        );
        assert_eq!(network("::1").unwrap().1, 128);
        for wrong in ["10.0.0.0/33", "localhost", "10.0.0.0/"] {
            assert!(network(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_keyspace_is_replicated_in_one_datacenter() {
        assert_eq!(replication("3"), Ok(Replication::Simple { replicas: 3 }));
        let name = "eu-1".to_owned();
        let one = Replication::Datacenter { name, replicas: 2 };
        assert_eq!(replication("eu-1:2"), Ok(one));
        for wrong in ["", "0", "17", "eu:", ":3", "eu:0", "eu-1:3,us-1:3", "e'u:1"] {
            assert!(replication(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_that_kafka_would_refuse_is_refused_here() {
        assert!(topic_prefix("").is_ok() && topic_prefix("shop-1.").is_ok());
        assert!(topic_prefix("shop/").is_err() && topic_prefix(&"x".repeat(225)).is_err());
    }
}
