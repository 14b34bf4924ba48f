//! Counts the instructions of one path: this same program, run under callgrind.

use std::fs;
use std::process::Command;

use crate::Result;
use crate::paths::Path;

/// The C library picks its `memcpy` by processor; without these there is one choice on all of them.
///
/// Nor does it take another way through the allocator because a list of free blocks happened to be full when
/// the program began.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-ERMS,-FSRM:\
    glibc.malloc.tcache_count=100";

/// How many instructions one operation of this path takes. What it takes once cancels out.
pub(crate) fn instructions(path: &Path) -> Result<u64> {
    let (once, twice) = (total(path, path.count)?, total(path, 2 * path.count)?);
    let spent = twice.checked_sub(once).ok_or("twice the work took less")?;
    Ok((spent + path.count / 2) / path.count)
}

/// How many instructions the whole program takes that does this path so often.
fn total(path: &Path, count: u64) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("callgrind.out");
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--cache-sim=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(["run", path.name, &count.to_string()])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GLIBC_TUNABLES", TUNABLES)
        .output()
        .map_err(|error| format!("valgrind does not start ({error}): apt-get install valgrind"))?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr);
        return Err(format!("`{}` failed under callgrind:\n{said}", path.name).into());
    }
    totals(&fs::read_to_string(out)?).ok_or_else(|| "callgrind wrote no totals".into())
}

/// What the last line of callgrind's output says.
fn totals(out: &str) -> Option<u64> {
    let line = out
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::totals;

    #[test]
    fn the_total_is_what_the_last_line_says() {
        assert_eq!(
            totals("events: Ir\nfn=(1) main\n1 20\ntotals: 4711\n"),
            Some(4711)
        );
        assert_eq!(totals("events: Ir\n"), None);
    }
}
