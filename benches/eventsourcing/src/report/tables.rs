//! The tables: what holds, the times of each scenario, and the memory.

use reporting::text::{digits, or_dash, ratio, table, time};

use crate::results::Results;
use crate::scenario::{Contestant, Scenario, Synchronous};

/// A ratio that is held.
struct Held {
    scenario: Scenario,
    of: Contestant,
    /// At least so many times the time of ours.
    least: f64,
}

const HELD: [Held; 2] = [
    Held {
        scenario: Scenario::Together(Synchronous::Full),
        of: Contestant::Single,
        least: 11.0,
    },
    Held {
        scenario: Scenario::Together(Synchronous::Normal),
        of: Contestant::CqrsEs,
        least: 30.0,
    },
];

/// Each ratio of the run, and whether it holds where a figure is held.
pub fn standings(results: &Results) -> String {
    let mut rows = Vec::new();
    for scenario in Scenario::ALL {
        for of in &scenario.contestants()[1..] {
            let Some(measured) = results.ratio(scenario, *of) else {
                continue;
            };
            let held = HELD
                .iter()
                .find(|held| held.scenario == scenario && held.of == *of);
            let standing = held.map(|held| {
                if measured.median >= held.least {
                    "holds"
                } else {
                    "does not hold"
                }
            });
            rows.push(vec![
                scenario.title().to_owned(),
                format!("`{}`", of.name()),
                ratio(measured),
                or_dash(held.map(|held| format!("≥ {}", held.least))),
                or_dash(standing.map(str::to_owned)),
            ]);
        }
    }
    let head = ["", "of", "measured", "held", ""];
    format!(
        "## Ratios\n\nThe time of the other divided by that of ours in the same round: above one, ours is faster. Median \
         over the rounds, quartiles in brackets.\n\n{}",
        table(&head, rows)
    )
}

/// All scenarios that were run.
pub(super) fn scenarios(results: &Results) -> String {
    let is_there = |it: &Scenario| results.nanos(*it, Contestant::Nether).is_some();
    let tables: Vec<String> = Scenario::ALL
        .into_iter()
        .filter(is_there)
        .map(|it| scenario(results, it))
        .collect();
    format!("## Times\n\n{}", tables.join("\n"))
}

/// The times of one scenario.
pub fn scenario(results: &Results, scenario: Scenario) -> String {
    let rows = scenario.contestants().iter().filter_map(|of| {
        let nanos = results.nanos(scenario, *of)?;
        Some(vec![
            format!("`{}`", of.name()),
            time(nanos),
            digits(1e9 / nanos.median),
            or_dash(results.ratio(scenario, *of).map(ratio)),
        ])
    });
    let unit = scenario.unit();
    let (per_unit, per_second) = (format!("per {unit}"), format!("{unit}s per second"));
    let head = ["", &per_unit, &per_second, "× ours"];
    format!("### {}\n\n{}", scenario.title(), table(&head, rows))
}

/// What aggregates keep in memory, if that was measured.
pub fn memory(results: &Results) -> Option<String> {
    let (first, last) = (results.megabytes.first()?, results.megabytes.last()?);
    let touched = results.touched;
    Some(format!(
        "### Memory\n\nOne command each to {touched} aggregates, of which 10,000 are kept: the process has {first:.0} MiB \
         after a tenth of them, and {last:.0} MiB after all.\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::standings;
    use crate::results::{Cell, Results};
    use crate::scenario::{Contestant, Scenario, Synchronous};

    #[test]
    fn a_held_ratio_is_judged_by_the_median_of_the_rounds() {
        let scenario = Scenario::Together(Synchronous::Full);
        let mut results = Results::default();
        for (contestant, nanos) in [
            (Contestant::Nether, vec![1.0, 2.0, 1.0]),
            (Contestant::Single, vec![10.0, 24.0, 12.0]),
        ] {
            results.cells.push(Cell::new(scenario, contestant));
            results.cell_mut(scenario, contestant).nanos = nanos;
        }
        let text = standings(&results);
        assert!(
            text.contains("**12.0** (11.0–12.0) | ≥ 11 | holds"),
            "{text}"
        );
        assert!(!text.contains("cqrs-es"), "{text}");
    }
}
