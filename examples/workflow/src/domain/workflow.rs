//! Workflows: a plan, and what of it is done.

use std::collections::BTreeSet;

use nether::eventstore::Events;
use nether::prelude::*;

use crate::domain::plan::{Plan, PlanError};

/// Do what a plan says.
#[command(key = workflow_id, error = PlanError)]
pub struct StartWorkflow {
    /// Its name.
    pub workflow_id: String,
    /// What to do.
    pub plan: Plan,
}

/// Write down that a step is done.
#[command(key = workflow_id)]
pub struct FinishStep {
    /// The workflow.
    pub workflow_id: String,
    /// Which one.
    pub step: String,
}

/// Write down that a workflow was given up.
#[command(name = "workflow.give_up", key = workflow_id)]
pub struct GiveUp {
    /// Which one.
    pub workflow_id: String,
}

/// A workflow was started.
#[event(name = "workflow.started")]
pub struct Started {
    /// Its name.
    pub workflow_id: String,
    /// The plan to follow.
    pub plan: Plan,
}

/// A step is done.
#[event(name = "workflow.step_finished")]
pub struct StepFinished {
    /// The workflow.
    pub workflow_id: String,
    /// Which one.
    pub step: String,
}

/// All steps are done.
#[event(name = "workflow.finished")]
pub struct Finished {
    /// The workflow.
    pub workflow_id: String,
}

/// A workflow was given up.
#[event(name = "workflow.given_up")]
pub struct GivenUp {
    /// Which one.
    pub workflow_id: String,
}

/// A workflow.
#[derive(Debug, Default)]
pub struct Workflow {
    plan: Plan,
    done: BTreeSet<String>,
    is_over: bool,
}

#[aggregate(
    handles = [StartWorkflow, FinishStep, GiveUp],
    events = [Started, StepFinished, Finished, GivenUp]
)]
impl Workflow {
    fn start(&self, start: StartWorkflow) -> Result<Started, PlanError> {
        let StartWorkflow { workflow_id, plan } = start;
        plan.check()?;
        Ok(Started { workflow_id, plan })
    }

    fn finish(&self, finish: FinishStep) -> Events<Self> {
        let FinishStep { workflow_id, step } = finish;
        let mut done = self.done.clone();
        if self.is_over || !done.insert(step.clone()) {
            return Events::none();
        }
        let mut events = Events::of(StepFinished {
            workflow_id: workflow_id.clone(),
            step,
        });
        if self.plan.is_done(&done) {
            events.push(Finished { workflow_id });
        }
        events
    }

    fn give_up(&self, give_up: GiveUp) -> Option<GivenUp> {
        let workflow_id = give_up.workflow_id;
        (!self.is_over).then_some(GivenUp { workflow_id })
    }

    fn started(&mut self, event: &Started) {
        self.plan = event.plan.clone();
    }

    fn step_finished(&mut self, event: &StepFinished) {
        self.done.insert(event.step.clone());
    }

    fn finished(&mut self, _: &Finished) {
        self.is_over = true;
    }

    fn given_up(&mut self, _: &GivenUp) {
        self.is_over = true;
    }
}
