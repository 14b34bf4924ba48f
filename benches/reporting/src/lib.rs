//! What the reports of several packages have in common: the median of measurements, tables and plots, the
//! machine, and programs that are built and run on the way.

pub mod locked;
pub mod machine;
pub mod plots;
pub mod programs;
pub mod statistics;
pub mod text;

use std::path::{Path, PathBuf};

/// The folder of the workspace that this is a package of.
pub fn benches() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}
