//! Programs of this workspace, built by the same cargo.

use std::path::PathBuf;
use std::process::Command;

use crate::extras::benches;

/// Builds a program, and says where it is. `None` if it does not build; cargo has then said why.
pub(super) fn build(arguments: &[&str], environment: &[(&str, &str)]) -> Option<PathBuf> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--message-format=json",
            "--manifest-path",
        ])
        .arg(benches().join("Cargo.toml"))
        .args(arguments)
        .envs(environment.iter().copied())
        .stderr(std::process::Stdio::inherit())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let lines = String::from_utf8(output.stdout).ok()?;
    lines.lines().rev().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(line.get("executable")?.as_str()?.into())
    })
}

/// What a program prints. `None` if it fails.
pub(super) fn run(program: &PathBuf) -> Option<String> {
    let output = Command::new(program)
        .stderr(std::process::Stdio::inherit())
        .output()
        .ok()?;
    output.status.success().then_some(())?;
    String::from_utf8(output.stdout).ok()
}
