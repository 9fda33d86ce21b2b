//! `check`: the merged settings, then one line for each of configuration, brokers, store, topics
//! and clock. Changes nothing, and goes on after what fails.

mod settings;

mod services;

mod audit;

use serde::Serialize;
use serde_json::json;

use crate::config::{IngestConfig, LedgerConfig, ProcessConfig, TopicsConfig};
use crate::failure::Failure;
use crate::output;
use crate::settings::{Faults, Merged, Reader};

/// One line: what was checked, how it went, and what to do about it.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Finding {
    pub check: &'static str,
    pub ok: bool,
    pub detail: String,
}

impl Finding {
    pub fn new(check: &'static str, result: Result<String, String>) -> Self {
        let ok = result.is_ok();
        let (Ok(detail) | Err(detail)) = result;
        Self { check, ok, detail }
    }
}

pub fn run(merged: &Merged, faults: Faults, host_name: Option<&str>) -> Result<(), Failure> {
    let mut reader = Reader::new(merged, faults.clone());
    let as_json = reader.switch("json");
    if reader.switch("audit") {
        return audit::run(merged, faults, as_json);
    }
    let shown = settings::shown(merged);
    if !as_json {
        for line in &shown {
            output::line(&format!(
                "{:<22} {}  ({})",
                line.name, line.value, line.source
            ))?;
        }
        output::line("")?;
    }
    let configuration = configuration(merged, faults, host_name);
    let mut findings = vec![Finding::new(
        "configuration",
        if configuration.is_empty() {
            Ok("no fault".to_owned())
        } else {
            Err(one_line(&configuration))
        },
    )];
    findings.extend(services::findings(merged));
    let failed = findings.iter().any(|finding| !finding.ok);
    if as_json {
        let faults: Vec<String> = configuration.0.iter().map(ToString::to_string).collect();
        output::json(&json!({"settings": shown, "faults": faults, "checks": findings}))?;
    } else {
        print(&findings, &configuration)?;
    }
    if failed { Err(Failure::Said) } else { Ok(()) }
}

fn one_line(faults: &Faults) -> String {
    let noun = if faults.0.len() == 1 {
        "fault"
    } else {
        "faults"
    };
    format!("{} {noun}", faults.0.len())
}

/// What is wrong for any command.
fn configuration(merged: &Merged, faults: Faults, host_name: Option<&str>) -> Faults {
    let all = [
        IngestConfig::read(merged, faults.clone()).err(),
        ProcessConfig::read(merged, faults.clone(), host_name).err(),
        TopicsConfig::read(merged, faults.clone()).err(),
        LedgerConfig::read(merged, faults).err(),
    ];
    let mut together = Faults::default();
    for fault in all.into_iter().flatten().flat_map(|faults| faults.0) {
        together.add(fault.setting, fault.value, fault.problem);
    }
    together
}

fn print(findings: &[Finding], configuration: &Faults) -> Result<(), Failure> {
    for finding in findings {
        let word = if finding.ok { "ok" } else { "FAIL" };
        output::line(&format!(
            "{word:<5} {:<14} {}",
            finding.check, finding.detail
        ))?;
        if finding.check == "configuration" {
            for fault in &configuration.0 {
                output::line(&format!("      - {fault}"))?;
            }
        }
    }
    Ok(())
}
