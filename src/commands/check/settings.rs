//! The merged settings as they may be shown: each with its source, secrets masked.

use serde::Serialize;

use crate::settings::merge::Value;
use crate::settings::secret::{self, MASK};
use crate::settings::table::{SETTINGS, Setting};
use crate::settings::{Merged, kafka};

#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Shown {
    pub name: String,
    pub value: String,
    pub source: String,
}

/// Every setting, then every named endpoint.
pub fn shown(merged: &Merged) -> Vec<Shown> {
    let mut lines: Vec<Shown> = SETTINGS
        .iter()
        .map(|setting| one(setting, merged))
        .collect();
    let file = merged
        .config
        .as_deref()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    for (name, table) in &merged.endpoints {
        for (key, value) in table {
            let plain = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let public = ["livemode", "account", "secret-file"].contains(&key.as_str());
            lines.push(Shown {
                name: format!("endpoint.{name}.{key}"),
                value: if public { plain } else { MASK.to_owned() },
                source: format!("file {file}"),
            });
        }
    }
    lines
}

fn one(setting: &Setting, merged: &Merged) -> Shown {
    let (value, source) = match merged.get(setting.name) {
        None => ("-".to_owned(), "unset".to_owned()),
        Some(found) => (text(setting, found), found.source.to_string()),
    };
    Shown {
        name: setting.name.to_owned(),
        value,
        source,
    }
}

fn text(setting: &Setting, value: &Value) -> String {
    if setting.is_secret() {
        return MASK.to_owned();
    }
    let texts = value.texts.iter().map(|text| match setting.name {
        "kafka-config" => kafka::shown(text),
        "schema-registry" => secret::without_credentials(text),
        _ => text.clone(),
    });
    let joined = texts.collect::<Vec<_>>().join(",");
    if joined.is_empty() {
        "\"\"".to_owned()
    } else {
        joined
    }
}
