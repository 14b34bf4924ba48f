//! The times of a run, and what they say of each other.

use reporting::statistics::Spread;
use serde::Serialize;

use crate::scenario::{Contestant, Scenario};

/// Everything that a run found: `results.json`.
#[derive(Default, Serialize)]
pub struct Results {
    pub rounds: usize,
    pub cells: Vec<Cell>,
    /// How many aggregates were sent one command each, and the MiB of the process after each tenth of them.
    pub touched: u64,
    pub megabytes: Vec<f64>,
}

/// The times of one contestant in one scenario, a value for each round.
#[derive(Serialize)]
pub struct Cell {
    scenario: &'static str,
    contestant: &'static str,
    /// Nanoseconds per operation.
    pub nanos: Vec<f64>,
}

impl Cell {
    pub fn new(scenario: Scenario, contestant: Contestant) -> Self {
        Cell {
            scenario: scenario.id(),
            contestant: contestant.name(),
            nanos: Vec::new(),
        }
    }

    fn is_of(&self, scenario: Scenario, contestant: Contestant) -> bool {
        self.scenario == scenario.id() && self.contestant == contestant.name()
    }
}

impl Results {
    pub fn cell(&self, scenario: Scenario, contestant: Contestant) -> Option<&Cell> {
        let mut cells = self.cells.iter();
        cells.find(|cell| cell.is_of(scenario, contestant))
    }

    /// The cell of a scenario that runs.
    pub fn cell_mut(&mut self, scenario: Scenario, contestant: Contestant) -> &mut Cell {
        let mut cells = self.cells.iter_mut();
        let cell = cells.find(|cell| cell.is_of(scenario, contestant));
        cell.expect("it was added when the scenario began")
    }

    pub fn nanos(&self, scenario: Scenario, contestant: Contestant) -> Option<Spread> {
        Spread::of(self.cell(scenario, contestant)?.nanos.iter().copied())
    }

    /// How many times as long as ours it takes: above one, ours is faster. Divided round by round, so that
    /// what slows the whole machine down for a while slows both.
    pub fn ratio(&self, scenario: Scenario, contestant: Contestant) -> Option<Spread> {
        let theirs = self.cell(scenario, contestant)?;
        let ours = self.cell(scenario, Contestant::Nether)?;
        let rounds = theirs.nanos.iter().zip(&ours.nanos);
        Spread::of(rounds.map(|(theirs, ours)| theirs / ours))
    }
}
