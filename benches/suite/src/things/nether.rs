//! Nether: a module with a value for each key, a module with a map, and subscriptions to one key.

use std::collections::HashMap;

use nether::prelude::*;

use crate::runtime::Flavour;
use crate::things::drive::{Contestant, State, WAIT};
use crate::things::handled;
use crate::things::rooms::{Chat, MEMBERS, ROOMS};

#[command(local, key = id)]
struct Hit {
    id: u64,
    amount: u64,
}

#[command(local, key = id)]
struct Wait {
    id: u64,
}

struct Player {
    state: State,
}

#[module(handles = [Hit, Wait], per = id)]
impl Player {
    #[init]
    fn new(id: &u64) -> Self {
        Player {
            state: State::of(*id),
        }
    }

    async fn hit(&mut self, hit: Hit) {
        self.state.hit(hit.amount);
    }

    async fn wait(&mut self, _: Wait) {
        tokio::time::sleep(WAIT).await;
        handled::count();
    }
}

/// A module with a value for each key.
pub(super) struct Keyed {
    ctx: Context,
    _system: System,
}

impl Contestant for Keyed {
    async fn start(_: Flavour, _: usize) -> Self {
        let system = System::builder().isolated().with::<Player>().start().await;
        let system = system.expect("the module starts");
        Keyed {
            ctx: system.context(),
            _system: system,
        }
    }

    async fn hit(&self, id: u64, amount: u64) {
        self.ctx
            .process(Hit { id, amount })
            .await
            .expect("accepted");
    }

    async fn wait(&self, id: u64) {
        self.ctx.process(Wait { id }).await.expect("accepted");
    }
}

#[command(local)]
struct HitInMap {
    id: u64,
    amount: u64,
}

#[derive(Default)]
struct Players {
    states: HashMap<u64, State>,
}

#[module(handles = HitInMap, manual)]
impl Players {
    async fn hit(&mut self, HitInMap { id, amount }: HitInMap) {
        let state = self.states.entry(id).or_insert_with(|| State::of(id));
        state.hit(amount);
    }
}

/// One module that has all things in a map.
pub(super) struct Map {
    ctx: Context,
    _system: System,
}

impl Contestant for Map {
    async fn start(_: Flavour, _: usize) -> Self {
        let system = System::builder().isolated().start().await;
        let system = system.expect("an empty system starts");
        system
            .attach(Players::default())
            .await
            .expect("it is alone");
        Map {
            ctx: system.context(),
            _system: system,
        }
    }

    async fn hit(&self, id: u64, amount: u64) {
        let hit = HitInMap { id, amount };
        self.ctx.process(hit).await.expect("accepted");
    }

    async fn wait(&self, _: u64) {
        unreachable!("one that waits holds up all others, so it has no part in this")
    }
}

#[event(local, key = room)]
struct Said {
    room: u64,
    text: String,
}

/// Each member subscribes to the events of its room, in a task.
pub(super) struct Rooms {
    ctx: Context,
    _system: System,
}

impl Chat for Rooms {
    async fn start(_: Flavour) -> Self {
        let system = System::builder().isolated().start().await;
        let system = system.expect("an empty system starts");
        for member in 0..ROOMS * MEMBERS {
            let mut said = system.subscribe::<Said>().of(member % ROOMS);
            tokio::spawn(async move {
                let mut read = 0;
                while let Some(said) = said.next().await {
                    read += said.text.len();
                    handled::count();
                }
                assert_eq!(said.missed(), 0);
                read
            });
        }
        Rooms {
            ctx: system.context(),
            _system: system,
        }
    }

    async fn say(&self, room: u64, text: String) {
        self.ctx
            .publish(Said { room, text })
            .await
            .expect("accepted");
    }
}
