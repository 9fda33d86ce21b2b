//! The TOML file: keys are the flags without dashes in front; refuses keys it does not know.

use std::collections::BTreeMap;
use std::path::Path;

use super::fault::Faults;
use super::table::{self, Shape};

/// The most a configuration file may hold, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Names that differ in more letters than this are not offered as what was meant.
const MAX_DISTANCE: usize = 3;

/// What the file says.
#[derive(Debug, Default)]
pub struct FileSettings {
    pub values: BTreeMap<String, Vec<String>>,
    /// The `[endpoint.NAME]` tables, by name.
    pub endpoints: BTreeMap<String, toml::Table>,
}

/// Reads a file no larger than [`MAX_FILE_BYTES`].
pub fn read_bounded(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path)
        .map_err(|fault| format!("cannot be read: {fault}"))?
        .len();
    if size > MAX_FILE_BYTES {
        return Err(format!("holds {size} bytes, the limit is {MAX_FILE_BYTES}"));
    }
    std::fs::read_to_string(path).map_err(|fault| format!("cannot be read: {fault}"))
}

/// Reads the settings at `path`, adding what is wrong to `faults`.
pub fn read(path: &Path, faults: &mut Faults) -> FileSettings {
    let shown = Some(path.display().to_string());
    let text = match read_bounded(path) {
        Ok(text) => text,
        Err(problem) => {
            faults.add("--config", shown, problem);
            return FileSettings::default();
        }
    };
    match text.parse::<toml::Table>() {
        Ok(table) => take(table, &path.display().to_string(), faults),
        Err(fault) => {
            // The parser's own display quotes the line, and with it perhaps a secret.
            let start = fault.span().map_or(0, |span| span.start);
            let line = text
                .bytes()
                .take(start)
                .filter(|byte| *byte == b'\n')
                .count()
                + 1;
            let reason = fault
                .message()
                .lines()
                .next()
                .unwrap_or("not TOML")
                .to_owned();
            faults.add(
                "--config",
                shown,
                format!("line {line} is not TOML; {}", quiet(&reason)),
            );
            FileSettings::default()
        }
    }
}

/// What the parser says, without anything it quotes.
fn quiet(reason: &str) -> &str {
    reason
        .split(['`', '"', '\''])
        .next()
        .unwrap_or_default()
        .trim_end()
}

fn take(table: toml::Table, path: &str, faults: &mut Faults) -> FileSettings {
    let known = table::known_keys();
    let mut settings = FileSettings::default();
    for (key, value) in table {
        let place = format!("`{key}` in {path}");
        if key == "endpoint" {
            take_endpoints(value, path, &mut settings, faults);
        } else if key == "config" {
            faults.add(
                place,
                None,
                "a file cannot name another file; remove the key",
            );
        } else if known.contains(&key) {
            match texts(value, shape_of(&key)) {
                Ok(values) => {
                    settings.values.insert(key, values);
                }
                Err(problem) => faults.add(place, None, problem),
            }
        } else {
            faults.add(place, None, unknown(&key, &known));
        }
    }
    settings
}

fn shape_of(key: &str) -> Shape {
    table::find(key).map_or(Shape::One, |setting| setting.shape)
}

fn take_endpoints(
    value: toml::Value,
    path: &str,
    settings: &mut FileSettings,
    faults: &mut Faults,
) {
    let toml::Value::Table(endpoints) = value else {
        faults.add(
            format!("`endpoint` in {path}"),
            None,
            "write a table `[endpoint.NAME]`",
        );
        return;
    };
    for (name, endpoint) in endpoints {
        if let toml::Value::Table(endpoint) = endpoint {
            settings.endpoints.insert(name, endpoint);
        } else {
            let place = format!("`endpoint.{name}` in {path}");
            faults.add(place, None, "write a table `[endpoint.NAME]`");
        }
    }
}

/// A key nobody knows, with the name that was probably meant.
pub fn unknown(key: &str, known: &[String]) -> String {
    match nearest(key, known) {
        Some(name) => format!("no such setting; did you mean `{name}`?"),
        None => "no such setting; remove it, `trueup check` lists all there are".to_owned(),
    }
}

/// Of `known`, the name that differs from `key` in the fewest letters, if in few.
pub fn nearest<'a>(key: &str, known: &'a [String]) -> Option<&'a str> {
    let key = key.replace('_', "-");
    known
        .iter()
        .map(|name| (distance(&key, name), name.as_str()))
        .filter(|(distance, name)| *distance <= MAX_DISTANCE.min(name.len() / 2))
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, from) in left.chars().enumerate() {
        let mut diagonal = above;
        let mut before = above + 1;
        let mut next = vec![before];
        for (to, up) in right.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(*to != from);
            before = replaced.min(before + 1).min(up + 1);
            diagonal = *up;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// The value as a flag would have said it.
fn texts(value: toml::Value, shape: Shape) -> Result<Vec<String>, String> {
    match (value, shape) {
        (toml::Value::Array(members), Shape::Many | Shape::Secret) => {
            members.into_iter().map(text).collect()
        }
        (toml::Value::Array(_), Shape::One | Shape::Switch | Shape::SecretFlag) => {
            Err("takes one value, not a list".to_owned())
        }
        (value, _) => text(value).map(|value| vec![value]),
    }
}

fn text(value: toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(yes) => Ok(yes.to_string()),
        toml::Value::Float(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => Err("write a string, a whole number or true / false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest_known_one() {
        let known = table::known_keys();
        assert_eq!(nearest("kafak", &known), Some("kafka"));
        assert_eq!(nearest("topic_prefix", &known), Some("topic-prefix"));
        assert_eq!(nearest("colour-of-the-bikeshed", &known), None);
    }

    #[test]
    fn what_the_parser_quotes_is_never_repeated() {
        assert_eq!(
            quiet("invalid string `whsec_very_secret`"),
            "invalid string"
        );
    }
}
