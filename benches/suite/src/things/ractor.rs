//! ractor: an actor for each thing.

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::runtime::Flavour;
use crate::things::drive::{Contestant, State, WAIT};
use crate::things::handled;

struct Player;

enum Message {
    Hit(u64),
    Wait,
}

impl Actor for Player {
    type Msg = Message;
    type State = State;
    type Arguments = u64;

    async fn pre_start(&self, _: ActorRef<Message>, id: u64) -> Result<State, ActorProcessingErr> {
        Ok(State::of(id))
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Message::Hit(amount) => state.hit(amount),
            Message::Wait => {
                tokio::time::sleep(WAIT).await;
                handled::count();
            }
        }
        Ok(())
    }
}

pub(super) struct Actors(Vec<ActorRef<Message>>);

impl Contestant for Actors {
    async fn start(_: Flavour, things: usize) -> Self {
        let mut actors = Vec::with_capacity(things);
        for id in 0..things as u64 {
            let (actor, _) = Actor::spawn(None, Player, id).await.expect("it starts");
            actors.push(actor);
        }
        Actors(actors)
    }

    async fn hit(&self, id: u64, amount: u64) {
        self.0[id as usize]
            .cast(Message::Hit(amount))
            .expect("accepted");
    }

    async fn wait(&self, id: u64) {
        self.0[id as usize].cast(Message::Wait).expect("accepted");
    }
}
