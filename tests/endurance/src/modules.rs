//! The modules of the world: exclusive and shared ones, pools, some that are tried again, some with breakers,
//! some that come and go; and the monitor, which sees the reports.

use std::sync::Arc;
use std::thread::panicking;

use nether::prelude::*;
use nether::{DeadLetter, HandlerFailed};

use crate::acting::{act, act_and_send, act_in_query};
use crate::ledger::Ledger;
use crate::messages::{
    Answer, Call, Count, Flow, Fragile, Keyed, Look, Loose, Mute, Narrow, Patient, Play, Reel,
    Ride, Speak, Spread, Told, Visit,
};
use crate::streaming::stream;
use crate::ticket::Draw;

/// The books, as a resource.
pub(crate) struct Shelf(pub(crate) Arc<Ledger>);

/// What stands for the message in the report of a task.
const TASK: &str = "Context::spawn";

/// Sees each report. It starts first and stops last, so it misses none.
struct Monitor(Arc<Ledger>);

#[module(handles = [DeadLetter, HandlerFailed])]
impl Monitor {
    #[init]
    fn new(shelf: Resource<Shelf>) -> Self {
        Monitor(Arc::clone(&shelf.0))
    }

    async fn dead_letter(&mut self, letter: &DeadLetter) {
        let number = letter.json.as_deref().and_then(ticket_in);
        let module = last_of(&letter.module).to_owned();
        let mut books = self.0.books();
        books.reports.dead_letters += 1;
        let mut is_known = false;
        if let Some(number) = number {
            let bit = bit_of(&module);
            let dead = books.dead.entry(number).or_default();
            is_known = *dead & (1 << bit) != 0;
            *dead |= 1 << bit;
        }
        let account = books.accounts.entry(letter.context).or_default();
        account.failed.push((letter.sequence, module));
        drop(books);
        if is_known {
            self.0
                .accuse(format_args!("reported twice: {:?}", letter.json));
        }
    }

    async fn failed(&mut self, failed: &HandlerFailed) {
        let mut books = self.0.books();
        if failed.message == TASK {
            books.reports.tasks += 1;
        } else {
            books.reports.failures += 1;
        }
        let account = books.accounts.entry(failed.context).or_default();
        let module = last_of(&failed.module).to_owned();
        account.failed.push((failed.sequence, module));
    }
}

/// The ticket in a message's JSON.
fn ticket_in(json: &str) -> Option<u64> {
    let (_, rest) = json.split_once("\"ticket\":")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// The name of a module without its path.
fn last_of(name: &str) -> &str {
    name.rsplit([':', '.']).next().unwrap_or(name)
}

/// The modules that handle events, by the bit of each; bit 0 is that of any other module.
const LISTENERS: [&str; 5] = ["Loud", "Open", "Slow", "Guest", "Caller"];

/// The bits of the modules that handle events and never stop.
pub(crate) const ALWAYS_THERE: u32 = 0b1110;

/// The bit of a module.
fn bit_of(module: &str) -> u32 {
    let position = LISTENERS.iter().position(|listener| *listener == module);
    position.map_or(0, |position| position as u32 + 1)
}

/// Declares modules that handle one command.
macro_rules! modules {
    ($($(#[$doc:meta])* $module:ident $command:ident ($($key:tt)*) $is_retried:literal [$($receiver:tt)*] |$ctx:ident, $draw:ident| $act:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $module;

        #[module(
            handles = $command, after = Monitor, mailbox = 16, timeout = "20ms", $($key)*
        )]
        impl $module {
            async fn handle($($receiver)*, message: $command, $ctx: &Context<Self>) -> nether::Result<()> {
                message.draw.begin(0, $is_retried);
                let $draw = &message.draw;
                $act.await
            }
        }
    )*};
}

modules! {
    /// Its instances are stopped by a crash, so in the end none is left.
    Crowd Loose (instances = 4, restart = "never") false [&mut self] |_ctx, draw| act(draw);
    Stubborn Patient (retry = 2, backoff = "1ms..4ms", max_restarts = "1000000 in 1ms") true [&mut self]
        |ctx, draw| act_and_send(ctx, draw);
    Everywhere Spread (retry = 1, backoff = "1ms..4ms") true [&self] |ctx, draw| act_and_send(ctx, draw);
    Glass Fragile (breaker = "20 in 1s, probe after 20ms", max_restarts = "1000000 in 1ms") false [&mut self]
        |_ctx, draw| act(draw);
    Gate Narrow (breaker = "20 in 1s, probe after 20ms", restart = "always", max_restarts = "1000000 in 1ms")
        false [&self] |_ctx, draw| act(draw);
}

/// A pool by key. The instance of one account crashes more often than it may.
#[derive(Default)]
pub(crate) struct Pool;

#[module(
    handles = Keyed, after = Monitor, mailbox = 16, timeout = "20ms", instances = 4,
    max_restarts = "3 in 10s"
)]
impl Pool {
    async fn handle(&mut self, message: Keyed, ctx: &Context<Self>) -> nether::Result<()> {
        message.draw.begin(0, false);
        assert!(message.account != 7, "the account is broken");
        act_and_send(ctx, &message.draw).await
    }
}

/// Has a value for each key: some are made while others leave. One key crashes more often than it may.
struct Player;

#[module(
    handles = Play, after = Monitor, mailbox = 16, timeout = "20ms", per = player, keep = 3,
    idle = "200ms", max_restarts = "3 in 10s"
)]
impl Player {
    #[init]
    async fn new(_player: &u8) -> Self {
        tokio::task::yield_now().await;
        Player
    }

    async fn play(&mut self, message: Play, ctx: &Context<Self>) -> nether::Result<()> {
        message.draw.begin(0, false);
        assert!(message.player != 7, "the player is broken");
        let mut luck = message.draw.luck();
        if luck.one_in(8) {
            ctx.forget();
        }
        act_and_send(ctx, &message.draw).await
    }

    #[on_idle]
    async fn leave(self) {
        tokio::task::yield_now().await;
    }
}

/// Replies with what may not be dropped, and fails without a text.
#[derive(Default)]
struct Speaker;

#[module(
    handles = [Speak, Count], after = Monitor, mailbox = 16, timeout = "20ms",
    max_restarts = "1000000 in 1ms"
)]
impl Speaker {
    async fn speak(&mut self, message: Speak) -> Result<Answer, Mute> {
        message.draw.begin(0, false);
        let mut luck = message.draw.luck();
        let acted = act(&message.draw).await;
        acted.map_err(|_| Mute {
            is_mute: luck.one_in(4),
        })?;
        Ok(Answer {
            is_sticky: luck.one_in(64),
        })
    }

    async fn count(&self, message: Count) -> nether::Result<u64> {
        message.draw.begin(0, false);
        act_in_query(&message.draw).await
    }
}

/// Answers a query. It has no `timeout`, so a handler that does not return was dropped with its caller.
#[derive(Default)]
struct Oracle;

#[module(handles = Look, after = Monitor, mailbox = 8)]
impl Oracle {
    async fn look(&self, message: Look) -> nether::Result<u64> {
        message.draw.begin(0, false);
        let looking = Looking(&message.draw);
        let looked = act_in_query(&message.draw).await;
        std::mem::forget(looking);
        looked
    }
}

/// A query that is being answered. Dropped without a panic, it does not count, as its caller has gone.
struct Looking<'a>(&'a Draw);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if !panicking() {
            self.0.unbegin();
        }
    }
}

/// Uses streams, one handler at a time.
#[derive(Default)]
struct Projector;

#[module(
    handles = Reel, after = Monitor, mailbox = 16, timeout = "200ms", instances = 2,
    max_restarts = "1000000 in 1ms"
)]
impl Projector {
    async fn reel(&mut self, message: Reel, ctx: &Context<Self>) -> nether::Result<()> {
        message.draw.begin(0, false);
        stream(ctx, &message.draw).await
    }
}

/// Uses streams, many handlers at once.
#[derive(Default)]
pub(crate) struct River;

#[module(handles = Flow, after = Monitor, mailbox = 16, timeout = "200ms")]
impl River {
    async fn flow(&self, message: Flow, ctx: &Context<Self>) -> nether::Result<()> {
        message.draw.begin(0, false);
        stream(ctx, &message.draw).await
    }
}

/// Declares modules that handle the event, and guests, which handle a command too.
macro_rules! listeners {
    ($($(#[$doc:meta])* $module:ident [$($receiver:tt)*] ($($key:tt)*) $bit:literal $is_retried:literal)*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $module;

        #[module(handles = Told, after = Monitor, mailbox = 16, timeout = "20ms", $($key)*)]
        impl $module {
            async fn told($($receiver)*, event: &Told) -> nether::Result<()> {
                event.draw.begin($bit, $is_retried);
                act(&event.draw).await
            }
        }
    )*};
    (guests $($(#[$doc:meta])* $module:ident $command:ident [$($receiver:tt)*] ($($key:tt)*) $bit:literal)*) => {$(
        $(#[$doc])*
        pub(crate) struct $module;

        #[module(handles = [Told, $command], manual, mailbox = 16, timeout = "20ms", $($key)*)]
        impl $module {
            async fn told($($receiver)*, event: &Told, ctx: &Context<Self>) -> nether::Result<()> {
                event.draw.begin($bit, false);
                act_and_send(ctx, &event.draw).await
            }

            async fn handle($($receiver)*, message: $command, ctx: &Context<Self>) -> nether::Result<()> {
                message.draw.begin(0, false);
                act_and_send(ctx, &message.draw).await
            }
        }
    )*};
}

listeners! {
    /// A pool that hears each event once.
    Loud [&mut self] (instances = 3, max_restarts = "1000000 in 1ms") 1 false
    Open [&self] () 2 false
    Slow [&mut self] (retry = 1, backoff = "1ms..4ms", max_restarts = "1000000 in 1ms") 3 true
}

listeners! {
    guests
    /// Goes on after a crash.
    Guest Visit [&mut self] (restart = "resume") 4
    Caller Call [&self] () 5
}

/// An exclusive guest that a crash stops.
pub(crate) struct Passenger;

#[module(handles = Ride, manual, mailbox = 16, timeout = "20ms")]
impl Passenger {
    async fn ride(&mut self, message: Ride) -> nether::Result<()> {
        message.draw.begin(0, false);
        act(&message.draw).await
    }
}
