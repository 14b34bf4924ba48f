//! What was measured: `results.json` for the report, a table for the terminal.

use std::fs;

use serde::Serialize;

use crate::Result;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results.json");

#[derive(Serialize)]
struct Results<'a> {
    rows: &'a [Row],
}

/// One program.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) crates: usize,
    pub(crate) clean_seconds: f64,
    pub(crate) binary_bytes: u64,
}

pub(crate) fn write(rows: &[Row]) -> Result<()> {
    println!(
        "{:<12}{:>8}{:>15}{:>14}",
        "", "crates", "clean build", "release"
    );
    for row in rows {
        let kilobytes = row.binary_bytes / 1024;
        println!(
            "{:<12}{:>8}{:>13.1} s{kilobytes:>10} KiB",
            row.name, row.crates, row.clean_seconds
        );
    }
    fs::write(
        FILE,
        serde_json::to_string_pretty(&Results { rows })? + "\n",
    )?;
    println!("\nwritten to {FILE}");
    Ok(())
}

/// In what Nether costs more than kameo.
pub(crate) fn missed(rows: &[Row]) -> Vec<String> {
    let row = |name| rows.iter().find(|row| row.name == name);
    let (Some(nether), Some(kameo)) = (row("nether"), row("kameo")) else {
        return vec!["Nether and kameo were not both measured".to_owned()];
    };
    let mut missed = Vec::new();
    if nether.crates > kameo.crates {
        missed.push("Nether needs more crates than kameo".to_owned());
    }
    if nether.clean_seconds > kameo.clean_seconds {
        missed.push("Nether takes longer to build than kameo".to_owned());
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::{Row, missed};

    fn row(name: &str, crates: usize, clean_seconds: f64) -> Row {
        Row {
            name: name.to_owned(),
            crates,
            clean_seconds,
            binary_bytes: 0,
        }
    }

    #[test]
    fn as_much_as_kameo_is_not_too_much() {
        assert!(missed(&[row("nether", 30, 9.0), row("kameo", 30, 9.0)]).is_empty());
    }

    #[test]
    fn more_than_kameo_is_told() {
        let missed = missed(&[row("nether", 31, 9.1), row("kameo", 30, 9.0)]);
        assert_eq!(missed.len(), 2, "{missed:?}");
    }
}
