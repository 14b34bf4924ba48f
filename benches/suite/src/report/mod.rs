//! The report of a run: `REPORT.md`, its plots, and `results.json`, all made by the program.

mod extras;
mod method;
mod parts;
mod plots;
mod scenarios;
mod standings;

use std::fs;
use std::io;
use std::path::Path;

use reporting::machine::machine;

use crate::results::Results;

pub use self::scenarios::scenario;
pub use self::standings::standings;

/// Writes everything: the report into the folder, the rest into `report` in it.
///
/// # Errors
/// If something cannot be written or drawn.
pub fn write(results: &Results, folder: &Path) -> io::Result<()> {
    let beside = folder.join("report");
    fs::create_dir_all(&beside)?;
    fs::write(
        beside.join("results.json"),
        serde_json::to_string_pretty(results)?,
    )?;
    let plots = plots::draw(results, &beside).map_err(io::Error::other)?;
    let argued = fs::read_to_string(beside.join("argued.md")).ok();
    let sections = [
        heading(results),
        Some(standings(results)),
        argued,
        Some(parts::plots(&plots)),
        Some(scenarios::all(results)),
        extras::start_up(results),
        extras::memory(results),
        extras::minimal(results),
        extras::things(results),
        Some(parts::contestants()),
        Some(method::method(results)),
    ];
    let report: Vec<String> = sections.into_iter().flatten().collect();
    fs::write(folder.join("REPORT.md"), report.join("\n"))
}

fn heading(results: &Results) -> Option<String> {
    let mut text = String::from("# Nether beside its peers\n\n");
    text += "Written by `cargo run --release --manifest-path benches/Cargo.toml -p suite`; do not edit.\n";
    text += "What is argued by hand stands in `report/argued.md`, and is part of this text.\n\n";
    if results.quick {
        text +=
            "**This is a `--quick` run: it shows what runs, not how fast. Do not quote it.**\n\n";
    }
    text += &machine(&[("`tracing`", tracing())]);
    Some(text)
}

fn tracing() -> &'static str {
    if cfg!(feature = "peer-tracing") {
        "compiled in, as Nether and the peers come by default; no subscriber"
    } else {
        "not compiled into kameo, no spans carried along by ractor (`--no-default-features`); no subscriber"
    }
}
