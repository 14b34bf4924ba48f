//! Runs the contestants in turn, round after round, so that none has the machine's good minutes to itself.

use crate::contestants::{self, Contestant};
use crate::load::Load;
use crate::options::Options;
use crate::results::{Cell, LeftOut, Results};
use crate::runtime::{Engine, Flavour};
use crate::scenario::Scenario;

/// Runs every scenario that is asked for, and calls `done` after each.
pub fn run(options: &Options, results: &mut Results, done: impl Fn(&Results, Scenario)) {
    for scenario in Scenario::ALL {
        if !options.wants(&scenario.id()) {
            continue;
        }
        let partakers = partakers(options, scenario, &mut results.left_out);
        for flavour in Flavour::BOTH {
            results
                .cells
                .extend(cells(options, scenario, flavour, &partakers));
        }
        done(results, scenario);
    }
}

fn partakers(
    options: &Options,
    scenario: Scenario,
    left_out: &mut Vec<LeftOut>,
) -> Vec<Contestant> {
    let mut partakers = Vec::new();
    for contestant in contestants::ALL {
        match (contestant.run)(scenario, Flavour::Current, Load::timed(1)) {
            Err(contestants::NOT_MEANT) => {}
            Err(reason) => left_out.push(LeftOut {
                scenario: scenario.id(),
                contestant: contestant.id.into(),
                reason: reason.into(),
            }),
            Ok(_) if options.admits(contestant.id) || contestant.id == scenario.baseline() => {
                partakers.push(contestant);
            }
            Ok(_) => {}
        }
    }
    partakers
}

fn cells(
    options: &Options,
    scenario: Scenario,
    flavour: Flavour,
    partakers: &[Contestant],
) -> Vec<Cell> {
    let mut cells: Vec<Cell> = partakers
        .iter()
        .map(|contestant| Cell {
            scenario: scenario.id(),
            flavour,
            contestant: contestant.id.into(),
            nanos: Vec::new(),
            p99: Vec::new(),
        })
        .collect();
    for _ in 0..options.rounds {
        for (contestant, cell) in partakers.iter().zip(&mut cells) {
            let load = load(options, scenario, flavour, contestant.engine);
            let Ok(drive) = (contestant.run)(scenario, flavour, load) else {
                continue;
            };
            let sample = contestant.engine.run(flavour, drive);
            cell.nanos.push(sample.nanos);
            cell.p99.extend(sample.p99);
        }
    }
    cells
}

/// A call from one arbiter of actix to another wakes a sleeping thread each time, some hundred times what the others take
/// within a runtime: there are fewer of them, so that the run ends.
fn load(options: &Options, scenario: Scenario, flavour: Flavour, engine: Engine) -> Load {
    let operations = scenario.operations(options.quick);
    let wakes_threads =
        engine == Engine::Actix && flavour == Flavour::Multi && scenario.is_sequential();
    Load::timed(if wakes_threads {
        operations / 20
    } else {
        operations
    })
}
