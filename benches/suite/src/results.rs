//! The times of a run, and what they say of each other.

use reporting::statistics::Spread;
use serde::{Deserialize, Serialize};

use crate::extras::{Extras, Memory, Minimal, StartUp};
use crate::runtime::Flavour;
use crate::scenario::Scenario;
use crate::things::Things;

/// Everything that a run found: `results.json`.
#[derive(Default, Serialize, Deserialize)]
pub struct Results {
    pub rounds: usize,
    pub quick: bool,
    pub cells: Vec<Cell>,
    pub left_out: Vec<LeftOut>,
    /// Who panicked, or had a wrong sum, in this run.
    pub failed: Vec<LeftOut>,
    pub start_up: Vec<StartUp>,
    pub memory: Option<Memory>,
    pub minimal: Option<Minimal>,
    #[serde(default)]
    pub things: Vec<Things>,
}

/// The times of one contestant in one scenario on one runtime, a value for each round.
#[derive(Serialize, Deserialize)]
pub struct Cell {
    pub scenario: String,
    pub flavour: Flavour,
    pub contestant: String,
    /// Nanoseconds per operation.
    pub nanos: Vec<f64>,
    /// Nanoseconds that one operation in a hundred takes longer than.
    pub p99: Vec<f64>,
}

/// Who has no part in a scenario, and why.
#[derive(Serialize, Deserialize)]
pub struct LeftOut {
    pub scenario: String,
    pub contestant: String,
    pub reason: String,
}

impl Results {
    /// Adds what other programs found.
    pub fn add(&mut self, extras: Extras) {
        let Extras {
            start_up,
            memory,
            minimal,
            things,
        } = extras;
        (self.start_up, self.memory, self.minimal) = (start_up, memory, minimal);
        self.things = things;
    }

    pub fn cell(&self, scenario: Scenario, flavour: Flavour, contestant: &str) -> Option<&Cell> {
        let scenario = scenario.id();
        self.cells.iter().find(|cell| {
            cell.scenario == scenario && cell.flavour == flavour && cell.contestant == contestant
        })
    }

    pub fn nanos(&self, scenario: Scenario, flavour: Flavour, contestant: &str) -> Option<Spread> {
        Spread::of(
            self.cell(scenario, flavour, contestant)?
                .nanos
                .iter()
                .copied(),
        )
    }

    pub fn p99(&self, scenario: Scenario, flavour: Flavour, contestant: &str) -> Option<Spread> {
        Spread::of(
            self.cell(scenario, flavour, contestant)?
                .p99
                .iter()
                .copied(),
        )
    }

    /// How many times as long it takes as the scenario's baseline. Divided round by round, so that what slows
    /// the whole machine down for a while slows both.
    pub fn ratio(&self, scenario: Scenario, flavour: Flavour, contestant: &str) -> Option<Spread> {
        let ours = self.cell(scenario, flavour, contestant)?;
        let base = self.cell(scenario, flavour, scenario.baseline())?;
        Spread::of(
            ours.nanos
                .iter()
                .zip(&base.nanos)
                .map(|(ours, base)| ours / base),
        )
    }
}
