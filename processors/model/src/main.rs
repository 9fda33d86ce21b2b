//! Runs the model and prints how many states it tried and, for each broken property, a history.
//!
//! `trueup-model [plant] [small|full|repeated] [group|log] [resets] [crashes]`

use std::process::ExitCode;
use std::time::Instant;

use trueup_model::facts::Inputs;
use trueup_model::plants::Plant;
use trueup_model::protocol::{Model, Positions};
use trueup_model::search::{Until, search};

fn main() -> ExitCode {
    let mut model = Model::of(Inputs::FULL, Positions::Log);
    for word in std::env::args().skip(1) {
        match (word.as_str(), Plant::named(&word)) {
            (_, Some(plant)) => model = model.with_plant(plant),
            ("small", None) => model.inputs = Inputs::SMALL,
            ("full", None) => model.inputs = Inputs::FULL,
            ("repeated", None) => model.inputs = Inputs::REPEATED,
            ("group", None) => model.positions = Positions::Group,
            ("log", None) => model.positions = Positions::Log,
            ("resets", None) => model = model.with_resets(1),
            ("crashes", None) => model = model.with_crashes(1),
            (_, None) => return usage(&word),
        }
    }
    let begin = Instant::now();
    let report = search(&model, Until::Exhausted);
    print!("{report}");
    println!("{:.1} s", begin.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

fn usage(word: &str) -> ExitCode {
    let plants: Vec<_> = Plant::ALL.iter().map(|(name, _)| *name).collect();
    eprintln!("`{word}` is not one of: small, full, repeated, group, log, resets, crashes");
    eprintln!("nor a planted bug: {}", plants.join(", "));
    ExitCode::FAILURE
}
