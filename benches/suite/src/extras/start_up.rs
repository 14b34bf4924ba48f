//! How long programs of many message types take to start: what the program `startup` prints.

use reporting::statistics::Spread;
use reporting::{benches, programs};
use serde::{Deserialize, Serialize};

/// The starts of one program.
#[derive(Serialize, Deserialize)]
pub struct StartUp {
    pub messages: u64,
    pub modules: u64,
    /// Milliseconds of the first start of each process.
    pub first: Vec<f64>,
    /// Milliseconds of a second start in the same process.
    pub second: Vec<f64>,
}

impl StartUp {
    pub fn medians(&self) -> Option<(Spread, Spread)> {
        let of = |times: &[f64]| Spread::of(times.iter().copied());
        Some((of(&self.first)?, of(&self.second)?))
    }
}

/// Ten messages each.
const MODULES: [u64; 3] = [10, 100, 1000];
const RUNS: usize = 11;

pub(super) fn measure(quick: bool) -> Vec<StartUp> {
    let modules = if quick { &MODULES[..2] } else { &MODULES };
    modules
        .iter()
        .filter_map(|&modules| starts(modules))
        .collect()
}

fn starts(modules: u64) -> Option<StartUp> {
    let size = modules.to_string();
    // A folder for each size, so that cargo builds one again only if Nether has changed: the largest takes
    // minutes.
    let target = benches().join("target/startup").join(&size);
    let program = programs::build(
        &benches().join("Cargo.toml"),
        &[
            "-p",
            "startup",
            "--profile",
            "startup",
            "--target-dir",
            &target.display().to_string(),
        ],
        &[("MODULES", &size), ("CARGO_INCREMENTAL", "0")],
    )?;
    let mut starts = StartUp {
        messages: 0,
        modules,
        first: Vec::new(),
        second: Vec::new(),
    };
    for _ in 0..RUNS {
        let (messages, first, second) = read(&programs::run(&program, [""; 0])?)?;
        starts.messages = messages;
        starts.first.push(first);
        starts.second.push(second);
    }
    Some(starts)
}

/// Reads `10 messages and 1 modules started in 1.5ms, a second time in 900µs`.
fn read(line: &str) -> Option<(u64, f64, f64)> {
    let (messages, rest) = line.split_once(" messages and ")?;
    let (_, times) = rest.split_once(" started in ")?;
    let (first, second) = times.trim().split_once(", a second time in ")?;
    Some((messages.parse().ok()?, millis(first)?, millis(second)?))
}

fn millis(time: &str) -> Option<f64> {
    let units = [("ns", 1e-6), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3)];
    units.iter().find_map(|(unit, millis)| {
        let number: f64 = time.strip_suffix(unit)?.parse().ok()?;
        Some(number * millis)
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn times_are_read_in_any_unit() {
        let line = "10 messages and 1 modules started in 1.5s, a second time in 900µs\n";
        assert_eq!(read(line), Some((10, 1500.0, 0.9)));
    }
}
