//! What the smallest program takes to build, which `benches/minimal` measures, if it has.

use std::path::Path;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Minimal {
    pub rows: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
pub struct Row {
    pub name: String,
    pub crates: u64,
    pub clean_seconds: f64,
    pub binary_bytes: u64,
}

pub(super) fn read(benches: &Path) -> Option<Minimal> {
    let text = std::fs::read_to_string(benches.join("minimal/results.json")).ok()?;
    match serde_json::from_str(&text) {
        Ok(minimal) => Some(minimal),
        Err(error) => {
            eprintln!("minimal/results.json is not what is expected: {error}");
            None
        }
    }
}
