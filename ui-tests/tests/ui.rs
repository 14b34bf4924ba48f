//! Every mistake in `cases/` has exactly the error that its `.stderr` file shows.

use std::env;
use std::process::Command;

/// The compiler whose words are in the `.stderr` files.
const COMPILER: &str = "rustc 1.95.";

const REFRESH: &str = "refresh with `TRYBUILD=overwrite cargo test -p nether-ui-tests`";

#[test]
fn every_mistake_has_its_error() {
    check_compiler();
    trybuild::TestCases::new().compile_fail("cases/*/*.rs");
}

/// Compilers word and cut their errors differently: with another one, every case would differ for no reason
/// of ours.
fn check_compiler() {
    let is_refresh = env::var_os("TRYBUILD").is_some_and(|value| value == "overwrite");
    let running = running_compiler();
    assert!(
        is_refresh || running.starts_with(COMPILER),
        "the `.stderr` files are made by {COMPILER}x, but this is {running}: {REFRESH}, \
         read the diff, and change `COMPILER` in `ui-tests/tests/ui.rs`",
    );
}

fn running_compiler() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .arg("--version")
        .output()
        .expect("cargo and rustc come together");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
