//! actix: an actor for each thing; and a chat as its example has it, with an actor for each member.

use std::collections::HashMap;

use actix::{
    Actor, Addr, Arbiter, ArbiterHandle, AtomicResponse, Context, Handler, Message, Recipient,
    System, WrapFuture,
};

use crate::runtime::Flavour;
use crate::things::drive::{Contestant, State, WAIT};
use crate::things::handled;
use crate::things::rooms::{Chat, MEMBERS, ROOMS};

/// Where the actors live: beside the driver, or on a thread of their own.
fn arbiter(flavour: Flavour) -> ArbiterHandle {
    match flavour {
        Flavour::Multi => Arbiter::new().handle(),
        Flavour::Current => System::current().arbiter().clone(),
    }
}

struct Player {
    state: State,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Hit(u64);

#[derive(Message)]
#[rtype(result = "()")]
struct Wait;

impl Actor for Player {
    type Context = Context<Self>;
}

impl Handler<Hit> for Player {
    type Result = ();

    fn handle(&mut self, Hit(amount): Hit, _: &mut Context<Self>) {
        self.state.hit(amount);
    }
}

impl Handler<Wait> for Player {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Wait, _: &mut Context<Self>) -> Self::Result {
        let wait = async {
            tokio::time::sleep(WAIT).await;
            handled::count();
        };
        AtomicResponse::new(Box::pin(wait.into_actor(self)))
    }
}

pub(super) struct Actors(Vec<Addr<Player>>);

impl Contestant for Actors {
    async fn start(flavour: Flavour, things: usize) -> Self {
        let arbiter = arbiter(flavour);
        let player = |id| {
            Player::start_in_arbiter(&arbiter, move |_| Player {
                state: State::of(id),
            })
        };
        Actors((0..things as u64).map(player).collect())
    }

    async fn hit(&self, id: u64, amount: u64) {
        self.0[id as usize].do_send(Hit(amount));
    }

    async fn wait(&self, id: u64) {
        self.0[id as usize].do_send(Wait);
    }
}

/// A text, to a member.
#[derive(Message)]
#[rtype(result = "()")]
struct Text(String);

/// A text, to a room.
#[derive(Message)]
#[rtype(result = "()")]
struct Say {
    room: u64,
    text: String,
}

#[derive(Default)]
struct Member {
    read: usize,
}

impl Actor for Member {
    type Context = Context<Self>;
}

impl Handler<Text> for Member {
    type Result = ();

    fn handle(&mut self, Text(text): Text, _: &mut Context<Self>) {
        self.read += text.len();
        handled::count();
    }
}

struct Server {
    rooms: HashMap<u64, Vec<Recipient<Text>>>,
}

impl Actor for Server {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Context<Self>) {
        for member in 0..ROOMS * MEMBERS {
            let room = self.rooms.entry(member % ROOMS).or_default();
            room.push(Member::default().start().recipient());
        }
    }
}

impl Handler<Say> for Server {
    type Result = ();

    fn handle(&mut self, Say { room, text }: Say, _: &mut Context<Self>) {
        for member in self.rooms.get(&room).into_iter().flatten() {
            member.do_send(Text(text.clone()));
        }
    }
}

/// A server that knows who is in which room.
pub(super) struct Rooms(Addr<Server>);

impl Chat for Rooms {
    async fn start(flavour: Flavour) -> Self {
        Rooms(Server::start_in_arbiter(&arbiter(flavour), |_| Server {
            rooms: HashMap::new(),
        }))
    }

    async fn say(&self, room: u64, text: String) {
        self.0.do_send(Say { room, text });
    }
}
