//! What the smallest program costs: how many crates it needs, how long a clean build takes, and how large it
//! is.
//!
//! ```sh
//! cargo run --release --manifest-path benches/Cargo.toml -p minimal
//! ```
//!
//! The programs are in the folders beside `src`. They do the same: a message to an actor, and its reply
//! printed. Each has what its framework has by default or needs for that, but Nether has its default features
//! off; `kameo-lean` is kameo with its own off, so without its macros. A folder's lock file is refreshed by
//! `cargo build` in it. What is measured is written to `results.json`; it fails if Nether needs more crates
//! than kameo, or longer to build.

mod app;
mod results;

use std::process::ExitCode;

use self::app::App;
use self::results::{Row, missed, write};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const APPS: [App; 8] = [
    App("nether"),
    App("kameo"),
    App("kameo-lean"),
    App("ractor"),
    App("actix"),
    App("xtra"),
    App("coerce"),
    App("tokio"),
];

/// How often each is built. Odd, so that there is a median.
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    match measure() {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            eprintln!("\n{}", problems.join("\n"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("\n{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures everything and writes it down. Gives the targets that were missed.
fn measure() -> Result<Vec<String>> {
    for app in &APPS {
        app.fetch()?;
    }
    let mut seconds = vec![Vec::new(); APPS.len()];
    for round in 1..=ROUNDS {
        // In turn, so that what else the machine does in the meantime hits all of them.
        for (app, seconds) in APPS.iter().zip(&mut seconds) {
            eprintln!("round {round}: {}", app.0);
            seconds.push(app.clean_build()?);
        }
    }
    let mut rows = Vec::new();
    for (app, seconds) in APPS.iter().zip(seconds) {
        eprintln!("release: {}", app.0);
        rows.push(Row {
            name: app.0.to_owned(),
            crates: app.crates()?,
            clean_seconds: median(seconds),
            binary_bytes: app.binary_bytes()?,
        });
    }
    write(&rows)?;
    Ok(missed(&rows))
}

/// The one in the middle, to a tenth of a second.
fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    (seconds[seconds.len() / 2] * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 2.26]), 2.3);
    }
}
