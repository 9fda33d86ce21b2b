//! The gateway's endpoints: the unnamed one, and each `[endpoint.NAME]` table of the file.

use std::fmt;
use std::path::Path;

use super::fault::Faults;
use super::file;
use super::merge::{Merged, Source};
use super::secret;
use super::value;

/// The most named endpoints.
const MAX_ENDPOINTS: usize = 64;
/// The longest name of an endpoint, in bytes: it is a path segment.
const MAX_NAME_BYTES: usize = 64;
const KEYS: &[&str] = &["secret", "secret-file", "livemode", "account"];
pub const LIVEMODES: &[(&str, Option<bool>)] =
    &[("true", Some(true)), ("false", Some(false)), ("any", None)];

/// One endpoint, as `POST /webhooks/stripe[/name]` knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointSettings {
    pub name: Option<String>,
    /// At least one: all are tried.
    pub secrets: Vec<String>,
    /// `None` takes both.
    pub livemode: Option<bool>,
    pub account: Option<String>,
}

impl fmt::Debug for EndpointSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointSettings")
            .field("name", &self.name)
            .field("secrets", &self.secrets.len())
            .field("livemode", &self.livemode)
            .field("account", &self.account)
            .finish()
    }
}

/// The `[endpoint.NAME]` tables.
pub fn named(merged: &Merged, faults: &mut Faults) -> Vec<EndpointSettings> {
    let path = merged
        .config
        .as_deref()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    if merged.endpoints.len() > MAX_ENDPOINTS {
        let count = merged.endpoints.len();
        faults.add(
            format!("`endpoint` in {path}"),
            None,
            format!("has {count} tables, the limit is {MAX_ENDPOINTS}"),
        );
    }
    merged
        .endpoints
        .iter()
        .filter_map(|(name, table)| one(name, table, &path, faults))
        .collect()
}

fn one(
    name: &str,
    table: &toml::Table,
    path: &str,
    faults: &mut Faults,
) -> Option<EndpointSettings> {
    let place = |key: &str| format!("`endpoint.{name}.{key}` in {path}");
    let before = faults.0.len();
    let legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(legal) {
        let problem = format!(
            "an endpoint's name takes letters, digits, `_` and `-`, {MAX_NAME_BYTES} at most"
        );
        faults.add(format!("`endpoint.{name}` in {path}"), None, problem);
    }
    let known: Vec<String> = KEYS.iter().map(|key| (*key).to_owned()).collect();
    for key in table.keys().filter(|key| !known.contains(key)) {
        faults.add(place(key), None, file::unknown(key, &known));
    }
    let secrets = secrets(name, table, path, faults);
    let livemode = match table.get("livemode") {
        None => None,
        Some(value) => {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            match value::word(&text, LIVEMODES) {
                Ok(livemode) => livemode,
                Err(problem) => {
                    faults.add(place("livemode"), Some(text), problem);
                    None
                }
            }
        }
    };
    let account = table.get("account").and_then(|value| {
        let text = value.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            faults.add(place("account"), None, "write the account's id, `acct_…`");
        }
        text.map(str::to_owned)
    });
    let sound = faults.0.len() == before;
    sound.then(|| EndpointSettings {
        name: Some(name.to_owned()),
        secrets,
        livemode,
        account,
    })
}

fn secrets(name: &str, table: &toml::Table, path: &str, faults: &mut Faults) -> Vec<String> {
    let place = |key: &str| format!("`endpoint.{name}.{key}` in {path}");
    let (key, texts) = match (table.get("secret"), table.get("secret-file")) {
        (Some(_), Some(_)) => {
            faults.add(
                place("secret"),
                None,
                "is set, and so is `secret-file`; keep one of them",
            );
            return Vec::new();
        }
        (None, None) => {
            let problem = "missing; write `secret` or `secret-file`: an endpoint without a secret verifies nothing";
            faults.add(place("secret"), None, problem);
            return Vec::new();
        }
        (Some(value), None) => ("secret", plain(value)),
        (None, Some(value)) => {
            let file = value.as_str().map(Path::new);
            let read = file.and_then(|file| secret::from_file(&place("secret-file"), file, faults));
            match read {
                Some(read) if matches!(read.source, Source::SecretFile(_)) => {
                    ("secret-file", Some(read.texts))
                }
                Some(_) | None if value.as_str().is_some() => return Vec::new(),
                Some(_) | None => ("secret-file", None),
            }
        }
    };
    let members = texts.map_or_else(
        || Err("write a string".to_owned()),
        |texts| secret::members(&texts),
    );
    members.unwrap_or_else(|problem| {
        faults.add(place(key), None, problem);
        Vec::new()
    })
}

fn plain(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Array(members) => members
            .iter()
            .map(|member| member.as_str().map(str::to_owned))
            .collect(),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => None,
    }
}
