//! This broker beside a real Kafka on one machine: produce, consume, the transactional loop, memory
//! and start-up, in interleaved pairs, as a Markdown table.
//!
//! `cargo run --release -p trueup-broker --example measure -- --help`

mod limits;
mod options;
mod pair;
mod probe;
mod process;
mod records;
mod report;
mod server;
mod summary;
mod transact;

use std::ffi::OsStr;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::options::Options;
use crate::server::{SERVE, serve};

/// What may go wrong here is told to a person, and nobody acts on its kind.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // The same program once more is the server, so that it is a process of its own.
    if let [_, word, address, directory] = arguments.as_slice()
        && word == OsStr::new(SERVE)
    {
        return told(serve(&address.to_string_lossy(), directory.as_ref()).map(|()| true));
    }
    told(measure(&Options::parse()))
}

fn told(outcome: Outcome<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("measure: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that was asked for holds.
fn measure(options: &Options) -> Outcome<bool> {
    let begun = Instant::now();
    let setting = report::Setting::of(options);
    let (figures, kafka_version) = pair::run(options)?;
    print!("{}", setting.head(&kafka_version));
    print!("{}", report::table(&figures));
    println!("\nMeasured in {:.0} s.", begun.elapsed().as_secs_f64());
    let missed = report::missed(&figures);
    for one in &missed {
        println!("Missed: {one}");
    }
    Ok(missed.is_empty() || !options.check)
}
