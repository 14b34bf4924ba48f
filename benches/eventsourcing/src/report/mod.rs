//! The report of a run: `REPORT.md`, its plots, and `results.json`, all made by the program.

mod method;
mod plots;
mod tables;

use std::fs;
use std::io;
use std::path::Path;

use reporting::machine::machine;

use crate::options::ROUNDS;
use crate::results::Results;

pub use self::tables::{memory, scenario, standings};

/// Writes the report into the folder, the rest into `report` in it.
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
        Some(heading(results)),
        Some(standings(results)),
        argued,
        Some(shown(&plots)),
        Some(tables::scenarios(results)),
        memory(results),
        Some(method::alike(folder)),
        Some(method::method(results)),
    ];
    let report: Vec<String> = sections.into_iter().flatten().collect();
    fs::write(folder.join("REPORT.md"), report.join("\n"))
}

fn heading(results: &Results) -> String {
    let warning = if results.rounds < ROUNDS {
        "**This is a run of few rounds: it shows what runs, not how fast. Do not quote it.**\n\n"
    } else {
        ""
    };
    format!(
        "# Event sourcing beside one transaction per event, and beside other crates\n\n\
         Written by `cargo run --release --manifest-path benches/Cargo.toml -p eventsourcing`; do not edit.\n\
         What is argued by hand stands in `report/argued.md`, and is part of this text.\n\n{warning}{}",
        machine(&[])
    )
}

/// The plots, by the names of their files.
fn shown(plots: &[(String, String)]) -> String {
    let mut text = String::from("## Plots\n");
    for (file, title) in plots {
        text += &format!("\n![{title}](report/{file})\n");
    }
    text
}
