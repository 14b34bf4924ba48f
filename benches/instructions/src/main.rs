//! A guard against going backwards: how many instructions the core paths take, compared with `figures.json`.
//!
//! ```sh
//! cargo run --profile guard -p instructions # fails if a path takes over 5 % more than its figure cargo run
//! --profile guard -p instructions -- --update # takes what it counts as the figures, on purpose
//! ```
//!
//! Times are noise on a shared machine; instructions are the same from run to run. Each path runs under
//! callgrind twice, the second time twice as often: the difference is the path alone, without start-up.
//! Figures hold for one compiler, one `Cargo.lock` and one C library (its allocator is part of each path).
//!
//! Gungraun (formerly iai-callgrind) counts the same way. With its runner, to be installed in precisely the
//! library's version, it is a tree of 180 crates; and it compares with the dumps of an earlier run on the
//! same machine instead of with figures that a review can see. What is needed of it is `callgrind.rs`.

mod callgrind;
mod figures;
mod paths;
mod program;
mod requests;
mod toolchain;
mod verdict;

use std::process::ExitCode;

use self::figures::Figures;
use self::paths::PATHS;
use self::verdict::compare;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => guard(),
        ["--update"] => update(),
        // What callgrind runs.
        ["run", path, count] => paths::run(path, count),
        _ => Err("usage: instructions [--update]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error}");
            ExitCode::FAILURE
        }
    }
}

/// Counts everything and compares it with the figures.
fn guard() -> Result<()> {
    let (kept, counted) = (Figures::read()?, count()?);
    let verdict = compare(&kept, &counted);
    print!("{}", verdict.table);
    match verdict.problems[..] {
        [] => Ok(()),
        _ => Err(verdict.problems.join("\n").into()),
    }
}

/// Counts everything and keeps it.
fn update() -> Result<()> {
    let counted = count()?;
    if let Ok(kept) = Figures::read() {
        print!("{}", compare(&kept, &counted).table);
    }
    counted.write()
}

fn count() -> Result<Figures> {
    let counts = PATHS.iter().map(|path| {
        let instructions = callgrind::instructions(path)?;
        Ok((path.name.to_owned(), instructions))
    });
    Ok(Figures {
        toolchain: toolchain::name()?,
        instructions: counts.collect::<Result<_>>()?,
    })
}
