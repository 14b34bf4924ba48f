//! What everybody allocates: what the program `memory` prints.

use reporting::{benches, programs};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Memory {
    pub contestants: Vec<Allocations>,
    /// Bytes of an open context.
    pub open_context: f64,
}

/// What one contestant allocates for an operation, as a number of allocations and of bytes.
#[derive(Serialize, Deserialize)]
pub struct Allocations {
    pub contestant: String,
    pub process: Option<(f64, f64)>,
    pub send: Option<(f64, f64)>,
    pub ask: Option<(f64, f64)>,
    pub shared_ask: Option<(f64, f64)>,
    /// One event to ten.
    pub publish: Option<(f64, f64)>,
    /// A unit of work: a command and three events.
    pub context: Option<(f64, f64)>,
    /// Bytes of one more that has handled a message and is idle.
    pub idle: Option<f64>,
}

pub(super) fn measure() -> Option<Memory> {
    let program = programs::build(
        &benches().join("Cargo.toml"),
        &["--release", "-p", "suite", "--bin", "memory"],
        &[],
    )?;
    serde_json::from_str(&programs::run(&program, [""; 0])?).ok()
}
