//! How much memory the process has.

use std::fs::read_to_string;

/// Resident memory, in KiB; `None` where the system does not tell it as Linux does.
pub fn resident() -> Option<u64> {
    let status = read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
