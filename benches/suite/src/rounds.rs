//! Runs the contestants in turn, round after round, so that none has the machine's good minutes to itself.

use std::time::Duration;

use crate::contestants::{self, Contestant};
use crate::load::{Load, Sample};
use crate::options::Options;
use crate::results::{Cell, LeftOut, Results};
use crate::runtime::Flavour;
use crate::scenario::Scenario;

/// Runs every scenario that is asked for, and calls `done` after each.
pub fn run(options: &Options, results: &mut Results, done: impl Fn(&Results, Scenario)) {
    for scenario in Scenario::ALL {
        if !options.wants(&scenario.id()) {
            continue;
        }
        let partakers = partakers(options, scenario, &mut results.left_out);
        for flavour in Flavour::BOTH {
            let (cells, failed) = cells(options, scenario, flavour, &partakers);
            results.cells.extend(cells);
            results.failed.extend(failed);
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

/// The times of all, and who failed.
fn cells(
    options: &Options,
    scenario: Scenario,
    flavour: Flavour,
    partakers: &[Contestant],
) -> (Vec<Cell>, Vec<LeftOut>) {
    let mut failed = Vec::new();
    let mut seats: Vec<Seat> = partakers
        .iter()
        .map(|contestant| Seat::new(*contestant, scenario, flavour))
        .collect();
    let operations = scenario.operations(options.quick);
    seats.retain_mut(|seat| kept(seat.pilot(operations / PILOT), &mut failed));
    for _ in 0..options.rounds {
        seats.retain_mut(|seat| kept(seat.timed(operations), &mut failed));
    }
    (seats.into_iter().map(|seat| seat.cell).collect(), failed)
}

/// A contestant that fails once has no more turns, and no times: they would be of work that was not done.
fn kept(turn: Result<(), LeftOut>, failed: &mut Vec<LeftOut>) -> bool {
    turn.map_err(|left_out| failed.push(left_out)).is_ok()
}

/// The part of a turn's work that is done once before, to see how long it takes.
const PILOT: u64 = 50;

/// What a turn may take: a call that wakes a sleeping thread takes a hundred times as long as one that does
/// not, and who has to do that has fewer operations instead of most of the run.
const TURN: Duration = Duration::from_millis(150);

/// Below this, a turn says little.
const LEAST: u64 = 1000;

/// A contestant at work in a scenario on a runtime.
struct Seat {
    contestant: Contestant,
    scenario: Scenario,
    flavour: Flavour,
    /// The longest that an operation took, on average over a turn, in nanoseconds.
    slowest: f64,
    cell: Cell,
}

impl Seat {
    fn new(contestant: Contestant, scenario: Scenario, flavour: Flavour) -> Self {
        Seat {
            contestant,
            scenario,
            flavour,
            slowest: 0.0,
            cell: Cell {
                scenario: scenario.id(),
                flavour,
                contestant: contestant.id.into(),
                nanos: Vec::new(),
                p99: Vec::new(),
            },
        }
    }

    /// As many operations as fit into a turn.
    fn affordable(&self, operations: u64) -> u64 {
        let fit = TURN.as_nanos() as f64 / self.slowest.max(1.0);
        operations.min(LEAST.max(fit as u64))
    }

    /// A turn that does not count.
    fn pilot(&mut self, operations: u64) -> Result<(), LeftOut> {
        self.turn(operations).map(|_| ())
    }

    /// A turn that counts.
    fn timed(&mut self, operations: u64) -> Result<(), LeftOut> {
        let sample = self.turn(self.affordable(operations))?;
        self.cell.nanos.push(sample.nanos);
        self.cell.p99.extend(sample.p99);
        Ok(())
    }

    fn turn(&mut self, operations: u64) -> Result<Sample, LeftOut> {
        let load = Load::timed(operations);
        let left_out = |reason: String| LeftOut {
            scenario: self.cell.scenario.clone(),
            contestant: self.cell.contestant.clone(),
            reason,
        };
        let drive = (self.contestant.run)(self.scenario, self.flavour, load)
            .map_err(|reason| left_out(reason.into()))?;
        let sample = self
            .contestant
            .engine
            .run(self.flavour, drive)
            .map_err(|error| left_out(error.to_string()))?;
        self.slowest = self.slowest.max(sample.nanos);
        Ok(sample)
    }
}
