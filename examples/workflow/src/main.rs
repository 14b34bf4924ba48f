//! Steps that need each other: `cargo run -p workflow`.
//!
//! `domain` is what a workflow is: a plan of steps and what they need, refused if they need each other in a
//! circle. `application` is the saga that has them done in order, and undone in reverse if one fails.
//! `infrastructure` does them.

pub mod application;
pub mod domain;
pub mod infrastructure;

#[cfg(test)]
mod tests;

use nether::eventstore::Store;
use nether::prelude::*;

use crate::application::conductor::Conductor;
use crate::domain::plan::Plan;
use crate::domain::workflow::StartWorkflow;

/// Starts a workflow, and waits until it is over.
async fn run(system: &System, store: &Store, name: &str, plan: Plan) -> nether::Result<()> {
    println!("{name}:");
    let workflow_id = name.to_owned();
    let ctx = system.context();
    let started = ctx.send(StartWorkflow { workflow_id, plan }).await;
    ctx.close().await?;
    if let Err(error) = started {
        println!("  refused: {error}");
    }
    store.saga::<Conductor>()?.settled().await
}

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let store = Store::memory();
    let system = builder.provide(store.clone()).start().await?;
    let breakfast = Plan::new([
        ("eat", &["boil eggs", "make tea", "lay the table"][..]),
        ("boil eggs", &["heat water"]),
        ("make tea", &["heat water"]),
        ("heat water", &[]),
        ("lay the table", &[]),
    ]);
    run(&system, &store, "breakfast", breakfast).await?;
    let journey = Plan::new([
        ("pack", &[][..]),
        ("lock the door", &["pack"]),
        ("fly", &["lock the door"]),
        ("rest", &["fly"]),
    ]);
    run(&system, &store, "journey", journey).await?;
    let riddle = Plan::new([
        ("hatch", &["lay an egg"][..]),
        ("grow up", &["hatch"]),
        ("lay an egg", &["grow up"]),
    ]);
    run(&system, &store, "riddle", riddle).await?;
    system.shutdown().await;
    Ok(())
}
