//! Commands that start sagas, while an older program that does not know them runs the sagas.

use std::time::Duration;

use nether::CallError;
use nether::eventstore::{CommandId, Sagas, Store};
use nether::prelude::*;
use nether_tests::Folder;
use tokio::time::timeout;

use crate::processes::shared;

#[event(name = "versions.planned")]
pub struct Planned {
    pub voyage: u32,
}

#[event(name = "versions.arrived")]
pub struct Arrived {
    pub voyage: u32,
}

#[command(name = "versions.fly", key = voyage)]
pub struct Fly {
    pub voyage: u32,
}

mod older {
    use nether::saga;
    use serde::{Deserialize, Serialize};

    use super::{Arrived, Planned};

    #[derive(Default, Serialize, Deserialize)]
    pub struct Voyage {}

    #[saga(name = "voyage", key = voyage, handles = [Planned, Arrived], starts = [Planned], ends = [Arrived])]
    impl Voyage {
        fn planned(&mut self, _: &Planned) {}
        fn arrived(&mut self, _: &Arrived) {}
    }
}

mod newer {
    use nether::eventstore::Step;
    use nether::saga;
    use serde::{Deserialize, Serialize};

    use super::{Arrived, Fly, Planned};

    #[derive(Default, Serialize, Deserialize)]
    pub struct Voyage {}

    #[saga(name = "voyage", key = voyage, handles = [Planned, Arrived], starts = [Planned, Fly], ends = [Arrived])]
    impl Voyage {
        fn planned(&mut self, _: &Planned) {}
        fn arrived(&mut self, _: &Arrived) {}

        fn fly(&mut self, _: &Fly, step: &mut Step<Self>) {
            step.end();
        }
    }
}

async fn started<S: nether::eventstore::Saga>(store: &Store) -> System {
    let builder = System::builder().isolated().with::<Sagas<S>>();
    builder.provide(store.clone()).start().await.unwrap()
}

/// Sends the command, whose answer does not wait for another program.
async fn fly(ctx: &Context, voyage: u32) -> Result<(), CallError<nether::Error>> {
    let answer = timeout(Duration::from_secs(60), ctx.send(Fly { voyage }));
    answer.await.expect("it is answered")
}

fn why(answer: Result<(), CallError<nether::Error>>) -> String {
    match answer {
        Err(CallError::Unavailable(unavailable)) => unavailable.error.to_string(),
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_command_that_the_running_program_does_not_know_begins_its_saga_in_the_next_one() {
    let folder = Folder::new("saga_versions");
    let (old_store, new_store) = (shared(&folder), shared(&folder));
    let old = started::<older::Voyage>(&old_store).await;
    let running = old_store.saga::<older::Voyage>().unwrap();
    let planned = [Planned { voyage: 2 }];
    old_store.append_events("plans/1", planned).await.unwrap();
    running.settled().await.unwrap();
    let new = started::<newer::Voyage>(&new_store).await;
    let ctx = new.context().with(CommandId::new(1));
    let text = why(fly(&ctx, 1).await);
    assert!(
        text.contains("does not list the command `versions.fly` in `starts`"),
        "{text}"
    );
    // A saga that is under way goes on.
    let text = why(fly(&ctx, 2).await);
    assert!(
        text.contains("a saga with the key `2` is under way"),
        "{text}"
    );
    let arrived = [Arrived { voyage: 2 }];
    old_store.append_events("plans/1", arrived).await.unwrap();
    running.settled().await.unwrap();
    assert!(running.active().is_empty());
    let parked = running.parked();
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].key, "1");
    old.shutdown().await;
    new_store
        .saga::<newer::Voyage>()
        .unwrap()
        .settled()
        .await
        .unwrap();
    fly(&ctx, 1).await.unwrap();
    assert!(
        new_store
            .saga::<newer::Voyage>()
            .unwrap()
            .parked()
            .is_empty()
    );
    drop(ctx.close().await);
    new.shutdown().await;
}

#[tokio::test]
async fn a_command_that_the_running_program_does_not_know_is_answered_when_it_is_skipped() {
    let folder = Folder::new("saga_versions");
    let (old_store, new_store) = (shared(&folder), shared(&folder));
    let old = started::<older::Voyage>(&old_store).await;
    let running = old_store.saga::<older::Voyage>().unwrap();
    running.settled().await.unwrap();
    let new = started::<newer::Voyage>(&new_store).await;
    let ctx = new.context().with(CommandId::new(1));
    why(fly(&ctx, 1).await);
    assert!(running.skip_parked("1").await.unwrap());
    old.shutdown().await;
    new_store
        .saga::<newer::Voyage>()
        .unwrap()
        .settled()
        .await
        .unwrap();
    let text = why(fly(&ctx, 1).await);
    assert!(
        text.contains("an operator has skipped the command"),
        "{text}"
    );
    drop(ctx.close().await);
    new.shutdown().await;
}
