//! The saga that has steps done, each when what it needs is done.

use std::collections::BTreeSet;

use nether::eventstore::Step;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

use crate::domain::plan::Plan;
use crate::domain::workflow::{Finished, GiveUp, Started, StepFinished};

/// Do a step. A system outside does it, and says so with [`FinishStep`](crate::domain::workflow::FinishStep).
#[command(name = "workflow.do_step")]
pub struct DoStep {
    /// The workflow.
    pub workflow_id: String,
    /// Which one.
    pub step: String,
}

/// Undo a step.
#[command(name = "workflow.undo_step")]
pub struct UndoStep {
    /// The workflow.
    pub workflow_id: String,
    /// Which one.
    pub step: String,
}

/// A workflow under way.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Conductor {
    plan: Plan,
    begun: BTreeSet<String>,
    done: BTreeSet<String>,
}

#[saga(
    key = workflow_id,
    handles = [Started, StepFinished, Finished],
    starts = [Started],
    ends = [Finished],
    sends = [DoStep, UndoStep, GiveUp]
)]
impl Conductor {
    fn started(&mut self, event: &Started, step: &mut Step<Self>) {
        self.plan = event.plan.clone();
        step.on_failure(GiveUp {
            workflow_id: event.workflow_id.clone(),
        });
        self.go_on(step);
    }

    fn step_finished(&mut self, event: &StepFinished, step: &mut Step<Self>) {
        self.done.insert(event.step.clone());
        self.go_on(step);
    }

    fn finished(&mut self, _: &Finished) {}

    /// Has all steps done that can be.
    fn go_on(&mut self, step: &mut Step<Self>) {
        let workflow_id = step.key().to_owned();
        for ready in self.plan.ready(&self.done, &self.begun) {
            self.begun.insert(ready.clone());
            step.send(DoStep {
                workflow_id: workflow_id.clone(),
                step: ready.clone(),
            })
            .compensate_with(UndoStep {
                workflow_id: workflow_id.clone(),
                step: ready,
            });
        }
    }
}
