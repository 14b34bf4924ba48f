//! Which value leaves first: the one that was used the longest ago, also while events for all values, which
//! do not count as a use, are handled.

use std::sync::Arc;
use std::time::Duration;

use nether::Result;
use nether::prelude::*;
use tokio::time::sleep;

use crate::support::{Diary, Gate};

#[command(key = id)]
struct Use {
    id: u64,
}

/// Waits at the gate.
#[command(key = id)]
struct Occupy {
    id: u64,
}

/// Waits at the gate in the value with this number.
#[event]
struct Inspected {
    waits: u64,
}

struct Desk {
    id: u64,
    diary: Resource<Arc<Diary>>,
    gate: Resource<Arc<Gate>>,
}

#[module(handles = [Use, Occupy, Inspected], per = id, keep = 2, idle = "1m")]
impl Desk {
    #[init]
    fn new(id: &u64, diary: Resource<Arc<Diary>>, gate: Resource<Arc<Gate>>) -> Self {
        let id = *id;
        Desk { id, diary, gate }
    }

    async fn used(&mut self, _: Use) {}

    async fn occupy(&mut self, _: Occupy) {
        self.gate.pass().await;
    }

    #[handler(all)]
    async fn inspected(&mut self, inspected: &Inspected) {
        if self.id == inspected.waits {
            self.gate.pass().await;
        }
    }

    #[on_idle]
    async fn leave(self) {
        self.diary.note(format!("left {}", self.id));
    }
}

struct Office {
    system: System,
    diary: Arc<Diary>,
    gate: Arc<Gate>,
}

impl Office {
    async fn new() -> Result<Self> {
        let (diary, gate) = (Arc::<Diary>::default(), Arc::<Gate>::default());
        let builder = System::builder().isolated().with::<Desk>();
        let builder = builder.provide(Arc::clone(&diary));
        let system = builder.provide(Arc::clone(&gate)).start().await?;
        Ok(Office {
            system,
            diary,
            gate,
        })
    }

    async fn use_desk(&self, id: u64) -> Result<()> {
        Ok(self.system.context().send(Use { id }).await?)
    }

    /// An event for all, whose handler in the value 1 waits for so long, and ends last.
    async fn inspect_for(&self, time: Duration) -> Result<()> {
        let ctx = self.system.context();
        ctx.publish(Inspected { waits: 1 }).await?;
        self.gate.arrived(1).await;
        sleep(time).await;
        self.gate.open(1);
        ctx.close().await?;
        Ok(())
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_handler_of_an_event_for_all_that_waits_does_not_delay_that_its_value_leaves()
-> Result<()> {
    let office = Office::new().await?;
    office.use_desk(1).await?;
    sleep(50 * SECOND).await;
    office.use_desk(2).await?;
    office.inspect_for(5 * SECOND).await?;
    // 80 s after the use of the first one, and 30 s after that of the other.
    sleep(25 * SECOND).await;
    assert_eq!(office.diary.take(), ["left 1"]);
    sleep(60 * SECOND).await;
    assert_eq!(office.diary.take(), ["left 2"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_of_an_event_for_all_that_waits_does_not_make_its_value_the_last_used()
-> Result<()> {
    let office = Office::new().await?;
    office.use_desk(1).await?;
    sleep(SECOND).await;
    office.use_desk(2).await?;
    office.inspect_for(SECOND).await?;
    office.use_desk(3).await?;
    office.diary.has(1).await;
    assert_eq!(office.diary.take(), ["left 1"]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_value_was_last_used_when_its_last_message_ended_and_not_the_event_for_all_behind_it()
-> Result<()> {
    let office = Office::new().await?;
    office.use_desk(2).await?;
    let ctx = office.system.context();
    ctx.process(Occupy { id: 1 }).await?;
    office.gate.arrived(1).await;
    ctx.publish(Inspected { waits: 1 }).await?;
    sleep(SECOND).await;
    office.gate.open(1);
    office.gate.arrived(1).await;
    // The message of the first one has ended, and the event has not.
    sleep(SECOND).await;
    office.use_desk(2).await?;
    office.gate.open(1);
    ctx.close().await?;
    office.use_desk(3).await?;
    office.diary.has(1).await;
    assert_eq!(office.diary.take(), ["left 1"]);
    Ok(())
}
