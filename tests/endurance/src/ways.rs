//! The ways to send a command or query: with or without waiting for its reply or for room, as one future.

use std::future::ready;
use std::pin::Pin;

use nether::{CallError, Context, SendError, Unlisted};

use crate::luck::Luck;
use crate::messages::{
    Answer, Call, Count, Flow, Fragile, Keyed, Look, Loose, Narrow, Patient, Play, Reel, Ride,
    Speak, Spread, Visit,
};
use crate::ticket::Draw;

/// How a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `send` or `ask`.
    Call,
    Process,
    /// Queries have none, and are processed.
    TrySend,
    TryProcess,
}

/// What the sender gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is accepted, and nothing is wrong.
    Accepted,
    /// It is accepted, and its handler failed.
    Failed,
    /// It is refused, or a dead letter, or its sender does not wait any more.
    Doubtful,
    /// It was never accepted.
    Refused,
}

/// What is being sent. Nothing is sent before it is polled, except by `try_send` and `try_process`.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Heard> + Send + 'a>>;

/// A reply, which may have to be dropped with care.
trait Reply {
    fn put_away(self);
}

impl Reply for () {
    fn put_away(self) {}
}

impl Reply for u64 {
    fn put_away(self) {}
}

impl Reply for Answer {
    fn put_away(mut self) {
        self.is_sticky = false;
    }
}

// These take futures that are the same for every sender, so that the compiler makes them once.

async fn of_call<T: Reply, E>(call: impl Future<Output = Result<T, CallError<E>>>) -> Heard {
    match call.await {
        Ok(reply) => {
            reply.put_away();
            Heard::Accepted
        }
        Err(
            CallError::Handler(_)
            | CallError::Panicked(_)
            | CallError::TimedOut(_)
            | CallError::Unavailable(_),
        ) => Heard::Failed,
        Err(_) => Heard::Doubtful,
    }
}

pub(crate) async fn of_post(post: impl Future<Output = Result<(), SendError>>) -> Heard {
    match post.await {
        Ok(()) => Heard::Accepted,
        Err(_) => Heard::Refused,
    }
}

fn heard<'a>(heard: Heard) -> Sending<'a> {
    Box::pin(ready(heard))
}

/// A message, on its way.
macro_rules! command {
    ($ctx:ident, $way:ident, $message:expr) => {{
        let message = $message;
        match $way {
            Way::Call => Box::pin(of_call($ctx.send(message))),
            Way::Process => Box::pin(of_post($ctx.process(message))),
            Way::TrySend => match $ctx.try_send(message) {
                Ok(call) => Box::pin(of_call(call)),
                Err(mut refused) => {
                    refused.message.draw.disarm();
                    heard(Heard::Refused)
                }
            },
            Way::TryProcess => match $ctx.try_process(message) {
                Ok(()) => heard(Heard::Accepted),
                Err(mut refused) => {
                    refused.message.draw.disarm();
                    heard(Heard::Refused)
                }
            },
        }
    }};
}

macro_rules! query {
    ($ctx:ident, $way:ident, $message:expr) => {{
        let message = $message;
        match $way {
            Way::Call => Box::pin(of_call($ctx.ask(message))),
            _ => Box::pin(of_post($ctx.process(message))),
        }
    }};
}

/// How many kinds of messages `prepare` knows, some of them twice.
pub(crate) const KINDS: u64 = 17;

/// A message of a kind, in a way.
pub(crate) fn prepare<'a, S: Unlisted>(
    ctx: &'a Context<S>,
    (kind, way): (u64, Way),
    luck: &mut Luck,
    draw: Draw,
) -> Sending<'a> {
    match kind {
        0 | 1 => {
            let account = luck.below(15) as u8 / 2;
            command!(ctx, way, Keyed { account, draw })
        }
        2 => command!(ctx, way, Loose { draw }),
        3 => command!(ctx, way, Patient { draw }),
        4 | 5 => command!(ctx, way, Spread { draw }),
        6 => command!(ctx, way, Fragile { draw }),
        7 => command!(ctx, way, Narrow { draw }),
        8 => command!(ctx, way, Visit { draw }),
        9 => command!(ctx, way, Call { draw }),
        10 => command!(ctx, way, Ride { draw }),
        11 => command!(ctx, way, Speak { draw }),
        12 => query!(ctx, way, Count { draw }),
        13 => query!(ctx, way, Look { draw }),
        14 => {
            let player = luck.below(15) as u8 / 2;
            command!(ctx, way, Play { player, draw })
        }
        15 => command!(ctx, way, Reel { draw }),
        _ => command!(ctx, way, Flow { draw }),
    }
}
