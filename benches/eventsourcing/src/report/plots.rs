//! The plots: one for each scenario, and one of the memory.

use std::path::Path;

use reporting::plots::{Bar, Bars, DrawingFailure, RGBColor, bars};
use reporting::statistics::Spread;
use reporting::text::digits;

use crate::results::Results;
use crate::scenario::{Contestant, Scenario};

const TIME: RGBColor = RGBColor(31, 119, 180);
const MEMORY: RGBColor = RGBColor(30, 140, 30);

/// Draws whatever there are figures for. Gives the names of the files, and what they show.
pub(super) fn draw(
    results: &Results,
    folder: &Path,
) -> Result<Vec<(String, String)>, DrawingFailure> {
    let mut drawn = Vec::new();
    for scenario in Scenario::ALL {
        let key = format!("µs per {}", scenario.unit());
        let plot = Bars {
            title: &scenario.title().replace('`', ""),
            keys: &[(&key, TIME)],
            bars: times(results, scenario),
            figure: |nanos| digits(nanos / 1e3),
            is_cut: false,
        };
        save(folder, scenario.id(), &plot, &mut drawn)?;
    }
    let touched = touched(results);
    let megabytes = results.megabytes.iter().zip(&touched);
    let plot = Bars {
        title: "Memory after commands to so many aggregates, of which 10,000 are kept",
        keys: &[("MiB", MEMORY)],
        bars: megabytes
            .map(|(megabytes, touched)| Bar {
                name: touched,
                values: vec![Spread::of([*megabytes])],
            })
            .collect(),
        figure: digits,
        is_cut: false,
    };
    save(folder, "memory", &plot, &mut drawn)?;
    Ok(drawn)
}

fn save(
    folder: &Path,
    name: &str,
    plot: &Bars<'_>,
    drawn: &mut Vec<(String, String)>,
) -> Result<(), DrawingFailure> {
    if plot.bars.is_empty() {
        return Ok(());
    }
    let file = format!("{name}.svg");
    bars(&folder.join(&file), plot)?;
    drawn.push((file, plot.title.to_owned()));
    Ok(())
}

/// A bar for each contestant that has a time.
fn times(results: &Results, scenario: Scenario) -> Vec<Bar<'static>> {
    let bar = |contestant: &Contestant| {
        Some(Bar {
            name: contestant.name(),
            values: vec![Some(results.nanos(scenario, *contestant)?)],
        })
    };
    scenario.contestants().iter().filter_map(bar).collect()
}

/// How many aggregates had been touched when the memory was read.
fn touched(results: &Results) -> Vec<String> {
    let parts = 1..=results.megabytes.len() as u64;
    parts
        .map(|part| (results.touched / 10 * part).to_string())
        .collect()
}
