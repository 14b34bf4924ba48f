//! [`App`]: one of the programs, built by cargo in a package of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::Result;

/// What the program prints.
const OUTPUT: &str = "42\n";

/// A program by the name of its folder.
pub(crate) struct App(pub(crate) &'static str);

impl App {
    /// Downloads what it needs, so that no network is measured.
    pub(crate) fn fetch(&self) -> Result<()> {
        self.cargo(&["fetch", "--locked"]).map(drop)
    }

    /// How many crates are compiled for it, its own left out.
    pub(crate) fn crates(&self) -> Result<usize> {
        let tree = self.cargo(&["tree", "--locked", "--edges=normal,build", "--prefix=none"])?;
        Ok(packages(&tree) - 1)
    }

    /// How many seconds a debug build takes from nothing.
    pub(crate) fn clean_build(&self) -> Result<f64> {
        let target = tempfile::tempdir()?;
        let begun = Instant::now();
        self.build(target.path(), &[])?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// How large it is when built for release, with symbols but without debug information, as cargo does by
    /// default.
    pub(crate) fn binary_bytes(&self) -> Result<u64> {
        let target = tempfile::tempdir()?;
        self.build(target.path(), &["--release"])?;
        let binary = target.path().join(format!("release/minimal-{}", self.0));
        let said = Command::new(&binary).output()?;
        if said.stdout != OUTPUT.as_bytes() {
            return Err(format!("`{}` does not do what it should: {said:?}", self.0).into());
        }
        Ok(fs::metadata(binary)?.len())
    }

    fn build(&self, target: &Path, arguments: &[&str]) -> Result<()> {
        let target = target.to_str().ok_or("a folder without a name")?;
        let build = [
            "build",
            "--locked",
            "--offline",
            "--jobs=2",
            "--target-dir",
            target,
        ];
        self.cargo(&[&build, arguments].concat()).map(drop)
    }

    /// What cargo prints when run in the program's folder.
    fn cargo(&self, arguments: &[&str]) -> Result<String> {
        let ran = Command::new("cargo")
            .args(arguments)
            .arg("--quiet")
            .env("CARGO_INCREMENTAL", "0")
            .env_remove("RUSTFLAGS")
            .current_dir(self.folder())
            .output()?;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr);
            return Err(format!("`{}`: cargo {arguments:?} failed:\n{said}", self.0).into());
        }
        Ok(String::from_utf8(ran.stdout)?)
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.0)
    }
}

/// How many packages there are in what `cargo tree` prints: a name and a version a line, several times if
/// needed by several.
fn packages(tree: &str) -> usize {
    let names = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    names.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::packages;

    #[test]
    fn each_version_of_a_package_counts_once() {
        let tree = "app v0.0.0 (/app)\nsyn v2.0.1\n\nsyn v3.0.1\nquote v1.0.0\nsyn v2.0.1 (*)\n";
        assert_eq!(packages(tree), 4);
    }
}
