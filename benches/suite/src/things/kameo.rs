//! kameo: an actor for each thing.

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::message::{Context, Message};

use crate::runtime::Flavour;
use crate::things::drive::{Contestant, State, WAIT};
use crate::things::handled;

#[derive(Actor)]
struct Player {
    state: State,
}

struct Hit(u64);

struct Wait;

impl Message<Hit> for Player {
    type Reply = ();

    async fn handle(&mut self, Hit(amount): Hit, _: &mut Context<Self, ()>) {
        self.state.hit(amount);
    }
}

impl Message<Wait> for Player {
    type Reply = ();

    async fn handle(&mut self, _: Wait, _: &mut Context<Self, ()>) {
        tokio::time::sleep(WAIT).await;
        handled::count();
    }
}

pub(super) struct Actors(Vec<ActorRef<Player>>);

impl Contestant for Actors {
    async fn start(_: Flavour, things: usize) -> Self {
        let player = |id| {
            Player::spawn(Player {
                state: State::of(id),
            })
        };
        Actors((0..things as u64).map(player).collect())
    }

    async fn hit(&self, id: u64, amount: u64) {
        self.0[id as usize]
            .tell(Hit(amount))
            .await
            .expect("accepted");
    }

    async fn wait(&self, id: u64) {
        self.0[id as usize].tell(Wait).await.expect("accepted");
    }
}
