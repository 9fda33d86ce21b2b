//! The `trueup` binary: parse, telemetry, build, run, drain. Wiring only.
#![expect(
    unreachable_pub,
    reason = "a binary has no users: `pub` is for the modules beside"
)]

mod cli;

mod settings;

mod config;

mod telemetry;

mod clock;

mod shutdown;

mod ready;

mod ops;

mod lookup;

mod letters;

mod summary;

mod audit;

mod sender;

mod demo;

mod commands;

mod output;

mod human;

mod failure;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use failure::Failure;
use settings::{Environment, Faults, Merged, value};
use telemetry::LogFormat;

/// A third of a processor's time went into glibc's allocator: ledgers are copied for each batch, and
/// what one thread allocates another frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let invocation = match cli::parse(arguments) {
        Ok(invocation) => invocation,
        Err(usage) => {
            // Help and version are answers, not faults: clap knows which is which.
            let code = u8::try_from(usage.exit_code()).unwrap_or(2);
            let _ = usage.print();
            return ExitCode::from(code);
        }
    };
    let environment: Environment = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .collect();

    let mut faults = Faults::default();
    let merged = Merged::new(&invocation.flags, &environment, &mut faults);
    telemetry::log(
        log_format(&merged, &mut faults),
        environment.get("RUST_LOG").map(String::as_str),
        invocation.command == cli::Command::Dev,
    );

    match commands::run(&invocation.command, &merged, faults) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::Said) {
                let _ = writeln!(std::io::stderr(), "error: {failure}");
            }
            failure.exit_code()
        }
    }
}

/// Text on a terminal, else JSON, unless somebody said.
fn log_format(merged: &Merged, faults: &mut Faults) -> LogFormat {
    let natural = if std::io::stderr().is_terminal() {
        LogFormat::Text
    } else {
        LogFormat::Json
    };
    let Some(text) = merged
        .get("log-format")
        .and_then(|value| value.texts.last())
    else {
        return natural;
    };
    match value::word(
        text,
        &[("json", LogFormat::Json), ("text", LogFormat::Text)],
    ) {
        Ok(format) => format,
        Err(problem) => {
            faults.add(merged.place("log-format"), Some(text.clone()), problem);
            natural
        }
    }
}
