//! Many small things with state: what the program `things` prints.

use reporting::{benches, programs};

use crate::things::Things;

/// One round says what runs.
const QUICK: &[&str] = &["1"];

pub(super) fn measure(quick: bool) -> Vec<Things> {
    let arguments = if quick { QUICK } else { &[] };
    let program = programs::build(
        &benches().join("Cargo.toml"),
        &["--release", "-p", "suite", "--bin", "things"],
        &[],
    );
    let printed = program.and_then(|program| programs::run(&program, arguments));
    let things = printed.and_then(|text| serde_json::from_str(&text).ok());
    things.unwrap_or_default()
}
