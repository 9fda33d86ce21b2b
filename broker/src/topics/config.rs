//! The configurations of a topic: which are known, what they may be, and what they come to.
//!
//! All of Kafka's are accepted, so that no client is surprised. Those that say something to one
//! node become `Settings`; the rest are kept and described.

use std::collections::BTreeMap;

use super::{Alteration, ConfigFault};
use crate::limits::CONFIG_VALUE_BYTES_MAX;
use crate::log::LogSettings;

/// What a value has to be. The numbers in a description are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigKind {
    Boolean,
    Text(&'static [&'static str]),
    Int { least: i64 },
    Long { least: i64 },
    Double,
    List(&'static [&'static str]),
}

impl ConfigKind {
    /// How `DescribeConfigs` calls it.
    #[must_use]
    pub fn number(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::Text(_) => 2,
            Self::Int { .. } => 3,
            Self::Long { .. } => 5,
            Self::Double => 6,
            Self::List(_) => 7,
        }
    }

    fn wanted(self, value: &str) -> Result<(), &'static str> {
        let whole = |least: i64, most: i64| match value.parse::<i64>() {
            Ok(number) if number < least => Err("the value is too small"),
            Ok(number) if number > most => Err("the value is too large"),
            Ok(_) => Ok(()),
            Err(_) => Err("not a whole number"),
        };
        match self {
            Self::Boolean if matches!(value, "true" | "false") => Ok(()),
            Self::Boolean => Err("neither `true` nor `false`"),
            Self::Text([]) => Ok(()),
            Self::Text(possible) if possible.contains(&value) => Ok(()),
            Self::Text(_) => Err("none of the possible values"),
            Self::Int { least } => whole(least, i64::from(i32::MAX)),
            Self::Long { least } => whole(least, i64::MAX),
            Self::Double => match value.parse::<f64>() {
                Ok(number) if (0.0..=1.0).contains(&number) => Ok(()),
                _ => Err("not a number from 0 to 1"),
            },
            Self::List([]) => Ok(()),
            Self::List(possible) => {
                if value.split(',').all(|one| possible.contains(&one.trim())) {
                    Ok(())
                } else {
                    Err("holds what is none of the possible values")
                }
            }
        }
    }
}

#[derive(Debug)]
pub struct Known {
    pub name: &'static str,
    pub kind: ConfigKind,
    pub default: &'static str,
}

const fn known(name: &'static str, kind: ConfigKind, default: &'static str) -> Known {
    Known {
        name,
        kind,
        default,
    }
}

const LONG: ConfigKind = ConfigKind::Long { least: 0 };
const LONG_OR_NONE: ConfigKind = ConfigKind::Long { least: -1 };
const NEVER: &str = "9223372036854775807";

/// Kafka's topic configurations with Kafka's defaults, in the order of their names.
pub const KNOWN: &[Known] = &[
    known(
        "cleanup.policy",
        ConfigKind::List(&["delete", "compact"]),
        "delete",
    ),
    known(
        "compression.type",
        ConfigKind::Text(&["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"]),
        "producer",
    ),
    known("delete.retention.ms", LONG, "86400000"),
    known("file.delete.delay.ms", LONG, "60000"),
    known("flush.messages", ConfigKind::Long { least: 1 }, NEVER),
    known("flush.ms", LONG, NEVER),
    known(
        "follower.replication.throttled.replicas",
        ConfigKind::List(&[]),
        "",
    ),
    known("index.interval.bytes", ConfigKind::Int { least: 0 }, "4096"),
    known(
        "leader.replication.throttled.replicas",
        ConfigKind::List(&[]),
        "",
    ),
    known(
        "max.compaction.lag.ms",
        ConfigKind::Long { least: 1 },
        NEVER,
    ),
    known("max.message.bytes", ConfigKind::Int { least: 0 }, "1048588"),
    known("message.timestamp.after.max.ms", LONG, "3600000"),
    known("message.timestamp.before.max.ms", LONG, NEVER),
    known(
        "message.timestamp.type",
        ConfigKind::Text(&["CreateTime", "LogAppendTime"]),
        "CreateTime",
    ),
    known("min.cleanable.dirty.ratio", ConfigKind::Double, "0.5"),
    known("min.compaction.lag.ms", LONG, "0"),
    known("min.insync.replicas", ConfigKind::Int { least: 1 }, "1"),
    known("preallocate", ConfigKind::Boolean, "false"),
    known("retention.bytes", LONG_OR_NONE, "-1"),
    known("retention.ms", LONG_OR_NONE, "604800000"),
    known("segment.bytes", ConfigKind::Int { least: 14 }, "1073741824"),
    known(
        "segment.index.bytes",
        ConfigKind::Int { least: 4 },
        "10485760",
    ),
    known("segment.jitter.ms", LONG, "0"),
    known("segment.ms", ConfigKind::Long { least: 1 }, "604800000"),
    known(
        "unclean.leader.election.enable",
        ConfigKind::Boolean,
        "false",
    ),
];

fn find(key: &str) -> Result<&'static Known, ConfigFault> {
    KNOWN
        .iter()
        .find(|known| known.name == key)
        .ok_or_else(|| ConfigFault::Unknown(key.to_owned()))
}

pub(super) fn check(key: &str, value: &str) -> Result<(), ConfigFault> {
    let known = find(key)?;
    if value.len() > CONFIG_VALUE_BYTES_MAX {
        return Err(ConfigFault::TooLong(key.to_owned()));
    }
    known
        .kind
        .wanted(value)
        .map_err(|wanted| ConfigFault::Value {
            key: key.to_owned(),
            value: value.to_owned(),
            wanted,
        })
}

pub(super) fn alter(
    configs: &mut BTreeMap<String, String>,
    key: &str,
    alteration: Alteration,
    value: Option<&str>,
) -> Result<(), ConfigFault> {
    let known = find(key)?;
    if alteration == Alteration::Delete {
        configs.remove(key);
        return Ok(());
    }
    let value = value.ok_or_else(|| ConfigFault::NoValue(key.to_owned()))?;
    let set = match alteration {
        Alteration::Set | Alteration::Delete => value.to_owned(),
        Alteration::Append | Alteration::Subtract => {
            if !matches!(known.kind, ConfigKind::List(_)) {
                return Err(ConfigFault::NoList(key.to_owned()));
            }
            let now = configs.get(key).map_or(known.default, String::as_str);
            let mut list: Vec<&str> = now.split(',').filter(|one| !one.is_empty()).collect();
            for one in value.split(',') {
                list.retain(|held| *held != one);
                if alteration == Alteration::Append {
                    list.push(one);
                }
            }
            list.join(",")
        }
    };
    check(key, &set)?;
    configs.insert(key.to_owned(), set);
    Ok(())
}

/// What the configurations say to this broker. `None` is never or without bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub delete: bool,
    pub compact: bool,
    pub max_message_bytes: usize,
    pub log_append_time: bool,
    pub timestamp_before_max_ms: i64,
    pub timestamp_after_max_ms: i64,
    pub retention_ms: Option<i64>,
    pub retention_bytes: Option<u64>,
    pub segment_bytes: u64,
    pub segment_ms: i64,
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub delete_retention_ms: i64,
    pub min_dirty_percent: u64,
    pub index_interval_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(&BTreeMap::new())
    }
}

impl Settings {
    #[must_use]
    pub fn of(configs: &BTreeMap<String, String>) -> Self {
        let text = |key: &str| -> &str {
            let default = || find(key).map_or("", |known| known.default);
            configs.get(key).map_or_else(default, String::as_str)
        };
        // A value was checked when it was set, so the fallback is for the default alone.
        let number = |key: &str| text(key).parse::<i64>().unwrap_or(i64::MAX);
        let policy = |wanted: &str| {
            text("cleanup.policy")
                .split(',')
                .any(|one| one.trim() == wanted)
        };
        Self {
            delete: policy("delete"),
            compact: policy("compact"),
            max_message_bytes: usize::try_from(number("max.message.bytes")).unwrap_or(0),
            log_append_time: text("message.timestamp.type") == "LogAppendTime",
            timestamp_before_max_ms: number("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: number("message.timestamp.after.max.ms"),
            retention_ms: Some(number("retention.ms")).filter(|ms| *ms >= 0),
            retention_bytes: u64::try_from(number("retention.bytes")).ok(),
            segment_bytes: u64::try_from(number("segment.bytes")).unwrap_or(u64::MAX),
            segment_ms: number("segment.ms"),
            min_compaction_lag_ms: number("min.compaction.lag.ms"),
            max_compaction_lag_ms: number("max.compaction.lag.ms"),
            delete_retention_ms: number("delete.retention.ms"),
            min_dirty_percent: percent(text("min.cleanable.dirty.ratio")),
            index_interval_bytes: u64::try_from(number("index.interval.bytes")).unwrap_or(4_096),
        }
    }

    /// The part of it that the log looks at.
    #[must_use]
    pub fn log(&self) -> LogSettings {
        LogSettings {
            segment_bytes: self.segment_bytes,
            segment_ms: self.segment_ms,
            index_interval_bytes: self.index_interval_bytes,
            // A topic that is only compacted loses nothing by age or size.
            retention_ms: self.retention_ms.filter(|_| self.delete),
            retention_bytes: self.retention_bytes.filter(|_| self.delete),
            min_compaction_lag_ms: self.min_compaction_lag_ms,
            max_compaction_lag_ms: self.max_compaction_lag_ms,
            delete_retention_ms: self.delete_retention_ms,
            min_dirty_percent: self.min_dirty_percent,
            ..LogSettings::default()
        }
    }
}

/// A ratio in whole percent, rounded up, so that the smallest one is not none.
fn percent(ratio: &str) -> u64 {
    let ratio: f64 = ratio.parse().unwrap_or(0.5);
    (0..=100_u8)
        .find(|percent| f64::from(*percent) / 100.0 >= ratio)
        .map_or(100, u64::from)
}
