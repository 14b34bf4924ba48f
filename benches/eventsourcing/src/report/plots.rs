//! The plots: which there are, and what is in them.

use std::path::Path;

use reporting::plots::{Bar, Bars, DrawingFailure, Line, Plot, RGBColor, bars, lines};

use crate::results::Results;
use crate::scenario::{Scenario, Synchronous};

const FULL: RGBColor = RGBColor(31, 119, 180);
const NORMAL: RGBColor = RGBColor(255, 127, 14);
const NETHER: RGBColor = RGBColor(214, 39, 40);

/// Draws whatever there are figures for. Gives the names of the files, and what they show.
pub(super) fn draw(
    results: &Results,
    folder: &Path,
) -> Result<Vec<(String, String)>, DrawingFailure> {
    let mut drawn = Vec::new();
    let durabilities = [("FULL", FULL), ("NORMAL", NORMAL)];
    let of_both = |scenario: fn(Synchronous) -> Scenario| {
        [Synchronous::Full, Synchronous::Normal].map(scenario)
    };
    for (name, title, scenarios) in [
        (
            "together",
            "64 aggregates at the same time: µs per command",
            of_both(Scenario::Together),
        ),
        (
            "one-by-one",
            "One command after the other: µs per command",
            of_both(Scenario::OneByOne),
        ),
    ] {
        let plot = plot(results, title, &durabilities, &scenarios);
        save(folder, name, &plot, &mut drawn)?;
    }
    for (name, title, scenario) in [
        (
            "in-memory",
            "A command in memory, on one thread: µs per command",
            Scenario::InMemory,
        ),
        (
            "rebuild",
            "A projection rebuilt: µs per event",
            Scenario::Rebuild,
        ),
    ] {
        let key = [(scenario.title(), FULL)];
        save(
            folder,
            name,
            &plot(results, title, &key, &[scenario]),
            &mut drawn,
        )?;
    }
    if let Some(plot) = memory(results) {
        lines(&folder.join("memory.svg"), &plot)?;
        drawn.push(("memory.svg".to_owned(), plot.title));
    }
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

/// A bar for each contestant in each of the scenarios, which have the same ones.
fn plot<'a>(
    results: &Results,
    title: &'a str,
    keys: &'a [(&'a str, RGBColor)],
    scenarios: &[Scenario],
) -> Bars<'a> {
    let bar = |contestant: &crate::scenario::Contestant| {
        let values = scenarios.iter();
        let values: Vec<_> = values.map(|it| results.nanos(*it, *contestant)).collect();
        values.iter().any(Option::is_some).then(|| Bar {
            name: contestant.name(),
            values,
        })
    };
    Bars {
        title,
        keys,
        bars: scenarios[0].contestants().iter().filter_map(bar).collect(),
        figure: |nanos| reporting::text::digits(nanos / 1e3),
    }
}

fn memory(results: &Results) -> Option<Plot> {
    let tenth = results.touched as f64 / 10.0;
    let points = results.megabytes.iter().enumerate();
    let points: Vec<_> = points
        .map(|(place, megabytes)| (tenth * (place + 1) as f64, *megabytes))
        .collect();
    (!points.is_empty()).then(|| Plot {
        title: "Memory of the process, with 10,000 aggregates kept".to_owned(),
        across: "aggregates touched",
        up: "MiB",
        lines: vec![Line {
            name: "nether",
            color: NETHER,
            points,
        }],
    })
}
