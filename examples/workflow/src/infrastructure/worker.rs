//! The worker, which does the steps.

use nether::prelude::*;

use crate::application::conductor::{DoStep, UndoStep};
use crate::domain::workflow::FinishStep;

/// Does each step, except for those that cannot be done.
#[derive(Debug, Default)]
pub struct Worker;

#[module(handles = [DoStep, UndoStep], calls = [FinishStep])]
impl Worker {
    async fn do_step(&self, work: DoStep, ctx: &Context<Self>) -> nether::Result<()> {
        let DoStep { workflow_id, step } = work;
        if step == "fly" {
            println!("  {step}: cannot be done");
            return Err(nether::Error::msg("nobody here can fly"));
        }
        println!("  {step}");
        ctx.send(FinishStep { workflow_id, step }).await?;
        Ok(())
    }

    async fn undo_step(&self, work: UndoStep) {
        println!("  undo {}", work.step);
    }
}
