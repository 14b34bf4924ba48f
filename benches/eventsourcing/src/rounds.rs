//! Everybody has a turn, then everybody has the next one.

use std::path::PathBuf;

use crate::folder::Folder;
use crate::options::Options;
use crate::programs::Programs;
use crate::results::{Cell, Results};
use crate::scale::Scale;
use crate::scenario::{Contestant, Scenario};
use crate::turn;

/// Runs what is asked for. Calls `finished` after each scenario.
pub fn run(options: &Options, mut finished: impl FnMut(&Results, Scenario)) -> Results {
    let scale = &options.scale;
    let mut results = Results {
        rounds: scale.rounds,
        ..Results::default()
    };
    let wanted = |scenario: &Scenario| options.wants(scenario.id());
    let is_with_others = |scenario: &Scenario| *scenario != Scenario::InMemory;
    let wants_memory = options.wants("memory");
    let mut scenarios = Scenario::ALL.into_iter().filter(wanted);
    let programs = (wants_memory || scenarios.any(|it| is_with_others(&it)))
        .then(|| Programs::build().expect("the programs build"));
    for scenario in Scenario::ALL.into_iter().filter(wanted) {
        let turns = Turns::prepare(scenario, scale, programs.as_ref());
        for contestant in scenario.contestants() {
            results.cells.push(Cell::new(scenario, *contestant));
        }
        for _ in 0..scale.rounds {
            for contestant in scenario.contestants() {
                let nanos = turns.take(*contestant);
                results.cell_mut(scenario, *contestant).nanos.push(nanos);
            }
        }
        finished(&results, scenario);
    }
    if let Some(programs) = programs
        && wants_memory
    {
        results.touched = scale.touched;
        results.megabytes = programs.memory(scale.touched);
    }
    results
}

/// The turns of a scenario.
struct Turns<'a> {
    scenario: Scenario,
    scale: &'a Scale,
    programs: Option<&'a Programs>,
    folder: Folder,
}

impl<'a> Turns<'a> {
    fn prepare(scenario: Scenario, scale: &'a Scale, programs: Option<&'a Programs>) -> Self {
        let turns = Turns {
            scenario,
            scale,
            programs,
            folder: Folder::new(scenario.id()),
        };
        if scenario == Scenario::Rebuild {
            for contestant in scenario.contestants() {
                let file = turns.filled(*contestant);
                turns.programs().fill(*contestant, &file, scale);
            }
        }
        turns
    }

    fn programs(&self) -> &Programs {
        self.programs
            .expect("they are built if a scenario needs them")
    }

    /// The file with the events that a contestant replays.
    fn filled(&self, contestant: Contestant) -> PathBuf {
        self.folder.file(&format!("{}.db", contestant.name()))
    }

    /// The nanoseconds of one operation.
    fn take(&self, contestant: Contestant) -> f64 {
        let scale = self.scale;
        match self.scenario {
            Scenario::Together(sync) | Scenario::OneByOne(sync) => {
                let is_together = matches!(self.scenario, Scenario::Together(_));
                let callers = if is_together { scale.aggregates } else { 1 };
                match contestant {
                    Contestant::CqrsEs | Contestant::Eventcore => {
                        self.programs().commands(contestant, sync, callers, scale)
                    }
                    _ => {
                        let is_single = contestant == Contestant::Single;
                        turn::on_disk(scale, callers, sync, is_single)
                    }
                }
            }
            Scenario::InMemory if contestant == Contestant::Plain => turn::in_memory_plainly(scale),
            Scenario::InMemory => turn::in_memory(scale),
            Scenario::Rebuild => {
                let file = self.filled(contestant);
                self.programs().replay(contestant, &file, scale)
            }
        }
    }
}
