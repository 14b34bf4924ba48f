//! What is not the time of a message: found by other programs, which are built and run from here.

mod cargo;
mod memory;
mod minimal;
mod start_up;

pub use self::memory::{Allocations, Memory};
pub use self::minimal::{Minimal, Row};
pub use self::start_up::StartUp;

use std::path::Path;

use crate::options::Options;
use crate::results::Results;

/// Finds what is asked for.
pub fn run(options: &Options, results: &mut Results) {
    if options.wants("memory") {
        println!("memory ..");
        results.memory = memory::measure();
    }
    if options.wants("startup") {
        println!("startup ..");
        results.start_up = start_up::measure(options.quick);
    }
    results.minimal = minimal::read(&benches());
}

/// The folder of the workspace that this is a package of.
pub fn benches() -> std::path::PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}
