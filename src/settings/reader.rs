//! Reads merged settings as what they mean, collecting every fault on the way.

use super::fault::Faults;
use super::merge::{Merged, Value};
use super::secret;
use super::table;

/// Reads settings; what is wrong is kept until [`Reader::finish`].
#[derive(Debug)]
pub struct Reader<'a> {
    pub merged: &'a Merged,
    pub faults: Faults,
}

impl<'a> Reader<'a> {
    pub fn new(merged: &'a Merged, faults: Faults) -> Self {
        Self { merged, faults }
    }

    /// The setting as `parse` reads it; `None` when nobody set it or it is wrong.
    pub fn optional<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.merged.get(name)?.texts.last()?.clone();
        match parse(&text) {
            Ok(value) => Some(value),
            Err(problem) => {
                let hidden = table::find(name).is_some_and(table::Setting::is_secret);
                let shown = if hidden {
                    secret::MASK.to_owned()
                } else {
                    // A URL that is refused may carry a password all the same.
                    secret::without_credentials(&text)
                };
                self.faults
                    .add(self.merged.place(name), Some(shown), problem);
                None
            }
        }
    }

    /// As [`Reader::optional`], and a fault when nobody set it.
    pub fn required<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.merged.get(name).is_none() {
            self.missing(name);
        }
        self.optional(name, parse)
    }

    /// Every value of a repeatable setting.
    pub fn each<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let texts = self
            .merged
            .get(name)
            .map(|value| value.texts.clone())
            .unwrap_or_default();
        let mut values = Vec::new();
        for text in texts {
            match parse(&text) {
                Ok(value) => values.push(value),
                Err(problem) => self
                    .faults
                    .add(self.merged.place(name), Some(text), problem),
            }
        }
        values
    }

    /// Whether a switch is on.
    pub fn switch(&mut self, name: &str) -> bool {
        let words = [("true", true), ("1", true), ("false", false), ("0", false)];
        self.optional(name, |text| super::value::word(text, &words))
            .unwrap_or(false)
    }

    /// A list of secrets; `None` when there is none or one of them is wrong.
    pub fn secrets(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.merged.get(name)?;
        match secret::members(&value.texts) {
            Ok(members) => Some(members),
            Err(problem) => {
                self.secret_fault(name, value, problem);
                None
            }
        }
    }

    /// One secret that may hold any character.
    pub fn secret(&mut self, name: &str) -> Option<String> {
        let value = self.merged.get(name)?;
        let text = value.texts.last()?.clone();
        match secret::long_enough(&text) {
            Ok(()) => Some(text),
            Err(problem) => {
                self.secret_fault(name, value, problem);
                None
            }
        }
    }

    /// A password that somebody else's system chose, of whatever length.
    pub fn password(&mut self, name: &str) -> Option<String> {
        self.merged.get(name)?.texts.last().cloned()
    }

    fn secret_fault(&mut self, name: &str, value: &Value, problem: String) {
        let place = match &value.source {
            super::merge::Source::SecretFile(path) => {
                format!("{} ({})", self.merged.place(name), path.display())
            }
            _ => self.merged.place(name),
        };
        self.faults
            .add(place, Some(secret::MASK.to_owned()), problem);
    }

    /// Says that nobody set `name`, and where it can be set.
    pub fn missing(&mut self, name: &str) {
        let Some(setting) = table::find(name) else {
            return;
        };
        let variable = setting.variable();
        let problem = if setting.is_secret() {
            format!(
                "missing: {}; set {variable} or {variable}_FILE",
                setting.help
            )
        } else {
            format!(
                "missing; give --{name} {} or set {variable}",
                setting.placeholder
            )
        };
        let place = if setting.is_secret() {
            variable
        } else {
            format!("--{name}")
        };
        self.faults.add(place, None, problem);
    }
}
