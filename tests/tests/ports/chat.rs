//! A chat with rooms, after the example `websockets/chat` of actix: visitors join rooms, hear what others say
//! there, and are announced. A room is a value of a keyed module, and a session is a task that subscribes to
//! one room; there is no address of either.

use std::collections::BTreeSet;

use nether::prelude::*;
use nether::{Subscription, TestSystem};

#[command(key = room)]
struct Join {
    room: String,
    visitor: u64,
}

#[command(key = room)]
struct Leave {
    room: String,
    visitor: u64,
}

/// Refused unless the visitor is in the room.
#[command(key = room, error = NotHere)]
struct Say {
    room: String,
    visitor: u64,
    line: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("visitor {0} is not in this room")]
struct NotHere(u64);

/// A line of a room; those of the server have no speaker.
#[event(key = room)]
struct Said {
    room: String,
    speaker: Option<u64>,
    line: String,
}

#[event]
struct Opened(String);

#[event]
struct Emptied(String);

#[query(reply = Vec<String>)]
struct Rooms;

#[query(reply = usize)]
struct Visitors;

struct Room {
    name: String,
    visitors: BTreeSet<u64>,
}

#[module(handles = [Join, Leave, Say], emits = [Said, Opened, Emptied, Entered, Gone], per = room)]
impl Room {
    #[init]
    async fn open(room: &str) -> Self {
        Room {
            name: room.to_owned(),
            visitors: BTreeSet::new(),
        }
    }

    async fn join(&mut self, join: Join, ctx: &Context<Self>) -> nether::Result<()> {
        if self.visitors.is_empty() {
            ctx.publish(Opened(self.name.clone())).await?;
        }
        if self.visitors.insert(join.visitor) {
            ctx.publish(Entered).await?;
            self.announce(ctx, "someone joined").await?;
        }
        Ok(())
    }

    async fn leave(&mut self, leave: Leave, ctx: &Context<Self>) -> nether::Result<()> {
        if self.visitors.remove(&leave.visitor) {
            ctx.publish(Gone).await?;
            self.announce(ctx, "someone left").await?;
        }
        if self.visitors.is_empty() {
            ctx.publish(Emptied(self.name.clone())).await?;
            ctx.forget();
        }
        Ok(())
    }

    async fn say(&mut self, say: Say, ctx: &Context<Self>) -> Result<(), NotHere> {
        if !self.visitors.contains(&say.visitor) {
            return Err(NotHere(say.visitor));
        }
        let said = Said {
            room: say.room,
            speaker: Some(say.visitor),
            line: say.line,
        };
        // What a room says is lost only with the system.
        let _ = ctx.publish(said).await;
        Ok(())
    }

    async fn announce(&self, ctx: &Context<Self>, line: &str) -> nether::Result<()> {
        let said = Said {
            room: self.name.clone(),
            speaker: None,
            line: line.to_owned(),
        };
        Ok(ctx.publish(said).await?)
    }
}

#[event]
struct Entered;

#[event]
struct Gone;

/// Knows which rooms there are, and how many visitors.
#[derive(Default)]
struct Lobby {
    rooms: BTreeSet<String>,
    visitors: usize,
}

#[module(handles = [Opened, Emptied, Entered, Gone, Rooms, Visitors])]
impl Lobby {
    async fn opened(&mut self, opened: &Opened) {
        self.rooms.insert(opened.0.clone());
    }

    async fn emptied(&mut self, emptied: &Emptied) {
        self.rooms.remove(&emptied.0);
    }

    async fn entered(&mut self, _: &Entered) {
        self.visitors += 1;
    }

    async fn gone(&mut self, _: &Gone) {
        self.visitors -= 1;
    }

    async fn rooms(&self, _: Rooms) -> Vec<String> {
        self.rooms.iter().cloned().collect()
    }

    async fn visitors(&self, _: Visitors) -> usize {
        self.visitors
    }
}

/// What the task of a connection does.
struct Session<'s> {
    system: &'s System,
    visitor: u64,
    room: String,
    lines: Subscription<Said>,
}

impl<'s> Session<'s> {
    async fn begin(system: &'s System, visitor: u64) -> nether::Result<Self> {
        let room = "main".to_owned();
        let lines = system.subscribe::<Said>().of(room.clone());
        let session = Session {
            system,
            visitor,
            room: room.clone(),
            lines,
        };
        system
            .scope(async |ctx| Ok(ctx.send(Join { room, visitor }).await?))
            .await?;
        Ok(session)
    }

    /// The command `/join`.
    async fn go_to(&mut self, room: &str) -> nether::Result<()> {
        let (from, visitor) = (
            std::mem::replace(&mut self.room, room.to_owned()),
            self.visitor,
        );
        self.lines = self.system.subscribe::<Said>().of(room.to_owned());
        let room = room.to_owned();
        let moved = async |ctx: &Context| {
            ctx.send(Leave {
                room: from,
                visitor,
            })
            .await?;
            Ok(ctx.send(Join { room, visitor }).await?)
        };
        self.system.scope(moved).await?;
        Ok(())
    }

    async fn say(&self, line: &str) -> nether::Result<()> {
        let (room, visitor, line) = (self.room.clone(), self.visitor, line.to_owned());
        let said = async |ctx: &Context| {
            Ok(ctx
                .send(Say {
                    room,
                    visitor,
                    line,
                })
                .await?)
        };
        self.system.scope(said).await?;
        Ok(())
    }

    /// The next line that is not the visitor's own.
    async fn hears(&mut self) -> String {
        loop {
            let said = self.lines.next().await.expect("the system runs");
            if said.speaker != Some(self.visitor) {
                return said.line.clone();
            }
        }
    }

    async fn end(self) -> nether::Result<()> {
        let (room, visitor) = (self.room.clone(), self.visitor);
        self.system
            .scope(async |ctx| Ok(ctx.send(Leave { room, visitor }).await?))
            .await?;
        Ok(())
    }
}

#[nether::test(only = [Room, Lobby])]
async fn what_is_said_in_a_room_is_heard_there_alone(system: TestSystem) -> nether::Result<()> {
    let mut ann = Session::begin(&system, 1).await?;
    let mut bob = Session::begin(&system, 2).await?;
    let mut carl = Session::begin(&system, 3).await?;
    for expected in ["someone joined", "someone joined", "someone joined"] {
        assert_eq!(ann.hears().await, expected);
    }
    carl.go_to("tea").await?;
    assert_eq!(ann.hears().await, "someone left");
    ann.say("hello").await?;
    carl.say("milk, please").await?;
    bob.say("hello, ann").await?;
    assert_eq!(ann.hears().await, "hello, ann");
    for expected in ["someone joined", "someone joined", "someone left", "hello"] {
        assert_eq!(bob.hears().await, expected);
    }
    assert_eq!(carl.hears().await, "someone joined");
    let silence = tokio::time::timeout(std::time::Duration::from_secs(60), carl.hears());
    assert!(
        silence.await.is_err(),
        "carl hears another room, or himself"
    );
    Ok(())
}

#[nether::test(only = [Room, Lobby])]
async fn rooms_and_visitors_are_counted_and_an_empty_room_is_gone(
    system: TestSystem,
) -> nether::Result<()> {
    let ann = Session::begin(&system, 1).await?;
    let mut bob = Session::begin(&system, 2).await?;
    bob.go_to("tea").await?;
    let ctx = system.context();
    assert_eq!(ctx.ask(Rooms).await?, ["main", "tea"]);
    assert_eq!(ctx.ask(Visitors).await?, 2);
    ann.end().await?;
    assert_eq!(ctx.ask(Rooms).await?, ["tea"]);
    assert_eq!(ctx.ask(Visitors).await?, 1);
    let refused = Say {
        room: "main".into(),
        visitor: 1,
        line: "still here?".into(),
    };
    let refused = ctx.send(refused).await.expect_err("she has left");
    assert!(
        matches!(refused, CallError::Handler(NotHere(1))),
        "{refused}"
    );
    ctx.close().await?;
    Ok(())
}
