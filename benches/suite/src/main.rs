//! Runs the comparison, prints it, and writes `benches/REPORT.md`.

use std::process::ExitCode;

use reporting::benches;
use suite::options::Options;
use suite::results::Results;
use suite::{extras, report, rounds};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    let mut results = Results {
        rounds: options.rounds,
        quick: options.quick,
        ..Results::default()
    };
    rounds::run(&options, &mut results, |results, scenario| {
        println!("{}", report::scenario(results, scenario));
    });
    results.add(extras::run(&options));
    println!("{}", report::standings(&results));
    if !options.is_partial()
        && let Err(error) = report::write(&results, &benches())
    {
        eprintln!("the report cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    if results.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
