//! Event sourcing beside what it costs without, and beside published crates:
//! `cargo run --release --manifest-path benches/Cargo.toml -p eventsourcing` writes `REPORT.md`; with `-- 1`
//! it does a fraction of the work in one round, and writes nothing.

use std::path::Path;
use std::process::ExitCode;

use eventsourcing::options::Options;
use eventsourcing::{report, rounds};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    let results = rounds::run(&options, |results, scenario| {
        println!("{}", report::scenario(results, scenario));
    });
    println!("{}", report::standings(&results));
    if let Some(memory) = report::memory(&results) {
        println!("{memory}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    if options.writes
        && let Err(error) = report::write(&results, folder)
    {
        eprintln!("the report cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
