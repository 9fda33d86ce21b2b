//! The merge: flag before variable before file before default. Knows where each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::fault::Faults;
use super::file::{self, FileSettings};
use super::secret;
use super::table::{self, SETTINGS, Setting, Shape};

/// The values of flags by setting name, a switch as `true`.
pub type Flags = BTreeMap<String, Vec<String>>;
/// The variables of the process, handed in.
pub type Environment = BTreeMap<String, String>;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Flag,
    Variable(String),
    File(PathBuf),
    /// A file that holds one secret.
    SecretFile(PathBuf),
    Default,
}

impl Source {
    /// The larger, the nearer to the command line: the order of precedence.
    pub fn nearness(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File(_) => 1,
            Self::Variable(_) => 2,
            // Only secrets have one, and no secret's place is compared.
            Self::SecretFile(_) => 2,
            Self::Flag => 3,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(name) => write!(f, "env {name}"),
            Self::File(path) | Self::SecretFile(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting's value, as text.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    pub texts: Vec<String>,
    pub source: Source,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} from {})", self.texts.len(), self.source)
    }
}

/// Every setting that somebody set or that has a default.
#[derive(Debug, Default)]
pub struct Merged {
    values: BTreeMap<&'static str, Value>,
    pub endpoints: BTreeMap<String, toml::Table>,
    pub config: Option<PathBuf>,
}

impl Merged {
    /// Merges, and adds what cannot be read to `faults`. An empty variable counts as unset.
    pub fn new(flags: &Flags, environment: &Environment, faults: &mut Faults) -> Self {
        let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let config = flags
            .get("config")
            .and_then(|values| values.last())
            .or_else(|| variable("TRUEUP_CONFIG"))
            .map(PathBuf::from);
        let mut read = config
            .as_deref()
            .map_or_else(FileSettings::default, |path| file::read(path, faults));
        let mut merged = Self {
            endpoints: std::mem::take(&mut read.endpoints),
            config,
            ..Self::default()
        };
        for setting in SETTINGS {
            let found = from_flag(setting, flags, faults)
                .or_else(|| from_variable(setting, &variable, faults))
                .or_else(|| from_file(setting, &read, merged.config.as_deref(), faults))
                .or_else(|| from_default(setting));
            if let Some(value) = found {
                merged.values.insert(setting.name, value);
            }
        }
        merged
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The setting with the place its value came from, as faults name it.
    pub fn place(&self, name: &str) -> String {
        match self.values.get(name).map(|value| &value.source) {
            None | Some(Source::Flag | Source::Default) => match table::find(name) {
                Some(setting) if setting.shape == Shape::Secret => setting.variable(),
                _ => format!("--{name}"),
            },
            Some(Source::Variable(variable)) => variable.clone(),
            Some(Source::File(path) | Source::SecretFile(path)) => {
                format!("`{name}` in {}", path.display())
            }
        }
    }
}

fn from_flag(setting: &Setting, flags: &Flags, faults: &mut Faults) -> Option<Value> {
    let plain = flags.get(setting.name);
    let named = setting
        .file
        .and_then(|file| Some((file, flags.get(file)?.last()?)));
    if let Some((file, path)) = named {
        if plain.is_some() {
            let problem = format!("is given, and so is --{file}; keep one of them");
            faults.add(format!("--{}", setting.name), None, problem);
        }
        return secret::from_file(&format!("--{file}"), Path::new(path), faults);
    }
    Some(Value {
        texts: plain?.clone(),
        source: Source::Flag,
    })
}

fn from_variable<'a>(
    setting: &Setting,
    variable: &impl Fn(&str) -> Option<&'a String>,
    faults: &mut Faults,
) -> Option<Value> {
    let name = setting.variable();
    let plain = variable(&name);
    if setting.is_secret() {
        let file = format!("{name}_FILE");
        if let Some(path) = variable(&file) {
            if plain.is_some() {
                faults.add(
                    name,
                    None,
                    format!("is set, and so is {file}; keep one of them"),
                );
                return None;
            }
            return secret::from_file(&file, Path::new(path), faults);
        }
    }
    let text = plain?;
    let texts = match setting.shape {
        Shape::Many => text.split(',').map(|part| part.trim().to_owned()).collect(),
        Shape::One | Shape::Switch | Shape::Secret | Shape::SecretFlag => vec![text.clone()],
    };
    Some(Value {
        texts,
        source: Source::Variable(name),
    })
}

fn from_file(
    setting: &Setting,
    read: &FileSettings,
    path: Option<&Path>,
    faults: &mut Faults,
) -> Option<Value> {
    let path = path?;
    let plain = read.values.get(setting.name);
    let held = setting
        .file
        .and_then(|file| Some((file, read.values.get(file)?.first()?)));
    if let Some((file, held)) = held {
        let place = format!("`{file}` in {}", path.display());
        if plain.is_some() {
            faults.add(
                place,
                None,
                format!("is set, and so is `{}`; keep one of them", setting.name),
            );
            return None;
        }
        return secret::from_file(&place, Path::new(held), faults);
    }
    let texts = plain?.clone();
    Some(Value {
        texts,
        source: Source::File(path.to_owned()),
    })
}

fn from_default(setting: &Setting) -> Option<Value> {
    let texts = vec![setting.default?.to_owned()];
    Some(Value {
        texts,
        source: Source::Default,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(flags: &[(&str, &str)], variables: &[(&str, &str)], faults: &mut Faults) -> Merged {
        let flags = flags
            .iter()
            .map(|(k, v)| ((*k).into(), vec![(*v).into()]))
            .collect();
        let variables = variables
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        Merged::new(&flags, &variables, faults)
    }

    #[test]
    fn a_flag_beats_a_variable_and_a_variable_beats_the_default() {
        let mut faults = Faults::default();
        let all = merged(
            &[("grace", "1m")],
            &[("TRUEUP_GRACE", "2m"), ("TRUEUP_KEYSPACE", "shop")],
            &mut faults,
        );
        assert_eq!(all.get("grace").unwrap().texts, ["1m"]);
        assert_eq!(all.get("keyspace").unwrap().texts, ["shop"]);
        assert_eq!(all.get("http").unwrap().source, Source::Default);
        assert!(faults.is_empty());
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let all = merged(&[], &[("TRUEUP_HTTP", "")], &mut Faults::default());
        assert_eq!(all.get("http").unwrap().source, Source::Default);
    }

    #[test]
    fn a_repeatable_flags_variable_separates_its_values_by_commas() {
        let all = merged(
            &[],
            &[("TRUEUP_KAFKA_CONFIG", "a=1, b=2")],
            &mut Faults::default(),
        );
        assert_eq!(all.get("kafka-config").unwrap().texts, ["a=1", "b=2"]);
    }

    #[test]
    fn a_secret_and_a_file_for_it_are_a_fault() {
        let mut faults = Faults::default();
        let twice = [
            ("TRUEUP_OPS_TOKEN", "0123456789abcdef"),
            ("TRUEUP_OPS_TOKEN_FILE", "/x"),
        ];
        assert!(merged(&[], &twice, &mut faults).get("ops-token").is_none());
        assert!(
            faults.to_string().contains("TRUEUP_OPS_TOKEN_FILE"),
            "{faults}"
        );
    }
}
