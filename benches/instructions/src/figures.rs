//! [`Figures`]: what is kept in the repository.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::Result;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/figures.json");

/// What one operation of each path takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// The compiler that the figures hold for.
    pub(crate) toolchain: String,
    /// By the path's name.
    pub(crate) instructions: BTreeMap<String, u64>,
}

impl Figures {
    pub(crate) fn read() -> Result<Figures> {
        let text = fs::read_to_string(FILE)
            .map_err(|error| format!("{FILE}: {error}; `--update` writes it"))?;
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) fn write(&self) -> Result<()> {
        fs::write(FILE, serde_json::to_string_pretty(self)? + "\n")?;
        println!("\nwritten to {FILE}");
        Ok(())
    }
}
