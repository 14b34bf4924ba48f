//! Workflows: which plans can be done, and in which order they are.

use nether::eventstore::{Position, Store, given};
use nether::prelude::*;

use crate::application::conductor::Conductor;
use crate::domain::plan::{Plan, PlanError};
use crate::domain::workflow::{
    FinishStep, Finished, StartWorkflow, Started, StepFinished, Workflow,
};

fn start(plan: Plan) -> StartWorkflow {
    StartWorkflow {
        workflow_id: "w".to_owned(),
        plan,
    }
}

#[test]
fn steps_that_need_each_other_are_refused_by_name() {
    let plan = Plan::new([
        ("a", &["b"][..]),
        ("b", &["c"]),
        ("c", &["a"]),
        ("d", &["a"]),
    ]);
    let circle = ["a", "b", "c", "a"].map(str::to_owned);
    given::<Workflow, _>(())
        .when(start(plan))
        .then_error(PlanError::Circle(circle.to_vec()));
}

#[test]
fn a_step_that_needs_itself_is_a_circle() {
    let plan = Plan::new([("a", &["a"][..])]);
    let circle = ["a", "a"].map(str::to_owned);
    assert_eq!(plan.check(), Err(PlanError::Circle(circle.to_vec())));
}

#[test]
fn a_step_that_needs_what_is_not_there_is_refused() {
    let plan = Plan::new([("a", &["b"][..])]);
    let unknown = PlanError::Unknown {
        step: "a".to_owned(),
        needs: "b".to_owned(),
    };
    given::<Workflow, _>(())
        .when(start(plan))
        .then_error(unknown);
}

#[test]
fn the_last_step_finishes_the_workflow() {
    let workflow_id = || "w".to_owned();
    let step = || "a".to_owned();
    let plan = Plan::new([("a", &[][..])]);
    given([Started {
        workflow_id: workflow_id(),
        plan,
    }])
    .when(FinishStep {
        workflow_id: workflow_id(),
        step: step(),
    })
    .then((
        StepFinished {
            workflow_id: workflow_id(),
            step: step(),
        },
        Finished {
            workflow_id: workflow_id(),
        },
    ));
}

#[tokio::test]
async fn steps_are_done_when_what_they_need_is() -> nether::Result<()> {
    let store = Store::memory();
    let system = System::builder().provide(store.clone()).start().await?;
    let plan = Plan::new([("c", &["a", "b"][..]), ("b", &["a"]), ("a", &[])]);
    let ctx = system.context();
    ctx.send(start(plan)).await?;
    ctx.close().await?;
    store.saga::<Conductor>()?.settled().await?;
    let mut steps = Vec::new();
    for event in store.read_all(Position::START, 100).await? {
        steps.extend(event.read::<StepFinished>().map(|event| event.step));
    }
    assert_eq!(steps, ["a", "b", "c"]);
    system.shutdown().await;
    Ok(())
}

#[test]
fn what_is_stored_stays_readable() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/nether-schema.lock.json");
    nether::eventstore::check_schema(path).unwrap();
}
