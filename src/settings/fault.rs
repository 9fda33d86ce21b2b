//! What is wrong with the configuration: collected, never one at a time, and never with a
//! secret in it.

use std::fmt;

/// One thing that is wrong: which setting, what it holds, the limit and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `--grace (TRUEUP_GRACE)`: the setting and where its value came from.
    pub setting: String,
    /// What it holds; `None` for what is missing, a mask for a secret.
    pub value: Option<String>,
    /// What is wrong with it, and the way out.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} is `{value}`: {}", self.setting, self.problem),
            None => write!(f, "{}: {}", self.setting, self.problem),
        }
    }
}

/// Everything wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    pub fn add(
        &mut self,
        setting: impl Into<String>,
        value: Option<String>,
        problem: impl Into<String>,
    ) {
        let fault = Fault {
            setting: setting.into(),
            value,
            problem: problem.into(),
        };
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.0.len() == 1 { "fault" } else { "faults" };
        write!(f, "{} {noun} in the configuration", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}
