//! The plots: which there are, and what is in them.

mod palette;

use std::path::Path;

use reporting::plots::{Bar, Bars, DrawingFailure, Line, Plot, RGBColor, bars, lines};

use crate::contestants;
use crate::results::Results;
use crate::runtime::Flavour;
use crate::scenario::Scenario;

/// A scenario at several sizes.
struct Growth {
    file: &'static str,
    title: &'static str,
    across: &'static str,
    up: &'static str,
    sizes: &'static [usize],
    scenario: fn(usize) -> Scenario,
}

const GROWTHS: [Growth; 3] = [
    Growth {
        file: "callers",
        title: "Concurrent callers of one module",
        across: "callers",
        up: "ns per call",
        sizes: &[1, 8, 64, 1000],
        scenario: Scenario::Callers,
    },
    Growth {
        file: "subscribers",
        title: "Publishing to more and more subscribers",
        across: "subscribers",
        up: "ns per delivery",
        sizes: &[1, 10, 100],
        scenario: Scenario::Publish,
    },
    Growth {
        file: "modules",
        title: "As many producers as modules",
        across: "modules",
        up: "ns per message",
        sizes: &[1, 2, 4, 8],
        scenario: Scenario::Pairs,
    },
];

/// Scenarios in which everybody stands beside everybody.
const COMPARED: [(&str, Scenario, &str); 4] = [
    ("process", Scenario::Process, "process: ns per message"),
    (
        "ask",
        Scenario::Ask,
        "Sequential ask of an exclusive module: ns per call",
    ),
    (
        "callers-64",
        Scenario::Callers(64),
        "64 concurrent callers: ns per call",
    ),
    (
        "publish-10",
        Scenario::Publish(10),
        "publish to 10: ns per delivery",
    ),
];

/// The two bars of each contestant.
const KEYS: [(&str, RGBColor); 2] = [
    ("multi-thread", RGBColor(31, 119, 180)),
    ("current_thread", RGBColor(255, 127, 14)),
];

/// Draws whatever there are figures for. Gives the names of the files, and what they show.
pub(super) fn draw(
    results: &Results,
    folder: &Path,
) -> Result<Vec<(String, &'static str)>, DrawingFailure> {
    let mut drawn = Vec::new();
    for growth in &GROWTHS {
        for (flavour, suffix) in [(Flavour::Multi, "multi"), (Flavour::Current, "current")] {
            let plot = growth.plot(results, flavour);
            let file = format!("{}-{suffix}.svg", growth.file);
            if !plot.lines.is_empty() {
                lines(&folder.join(&file), &plot)?;
                drawn.push((file, growth.title));
            }
        }
    }
    if let Some(plot) = start_up(results) {
        lines(&folder.join("messages.svg"), &plot)?;
        drawn.push((
            "messages.svg".into(),
            "Starting with more and more message types",
        ));
    }
    for (name, scenario, title) in COMPARED {
        let compared = compared(results, scenario);
        if !compared.is_empty() {
            let file = format!("{name}.svg");
            let plot = Bars {
                title,
                keys: &KEYS,
                bars: compared,
                figure: |nanos| format!("{nanos:.0}"),
                is_cut: true,
            };
            bars(&folder.join(&file), &plot)?;
            drawn.push((file, title));
        }
    }
    Ok(drawn)
}

impl Growth {
    fn plot(&self, results: &Results, flavour: Flavour) -> Plot {
        let line = |contestant: &contestants::Contestant| Line {
            name: contestant.id,
            color: palette::color(contestant.id),
            points: self.points(results, flavour, contestant.id),
        };
        Plot {
            title: format!("{} ({})", self.title, flavour.name()),
            across: self.across,
            up: self.up,
            lines: contestants::ALL
                .iter()
                .map(line)
                .filter(|line| line.points.len() > 1)
                .collect(),
        }
    }

    fn points(&self, results: &Results, flavour: Flavour, contestant: &str) -> Vec<(f64, f64)> {
        let point = |&size: &usize| {
            let nanos = results.nanos((self.scenario)(size), flavour, contestant)?;
            Some((size as f64, nanos.median))
        };
        self.sizes.iter().filter_map(point).collect()
    }
}

fn start_up(results: &Results) -> Option<Plot> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for starts in &results.start_up {
        let (of_first, of_second) = starts.medians()?;
        first.push((starts.messages as f64, of_first.median));
        second.push((starts.messages as f64, of_second.median));
    }
    let line = |name, as_of, points| Line {
        name,
        color: palette::color(as_of),
        points,
    };
    (first.len() > 1).then(|| Plot {
        title: "Starting with more and more message types".into(),
        across: "message types",
        up: "ms",
        lines: vec![
            line("first start", "nether", first),
            line("second start", "mpsc-unbounded", second),
        ],
    })
}

fn compared(results: &Results, scenario: Scenario) -> Vec<Bar<'static>> {
    let bar = |contestant: &contestants::Contestant| {
        let nanos = |flavour| results.nanos(scenario, flavour, contestant.id);
        Some(Bar {
            name: contestant.id,
            values: vec![Some(nanos(Flavour::Multi)?), Some(nanos(Flavour::Current)?)],
        })
    };
    contestants::ALL.iter().filter_map(bar).collect()
}
