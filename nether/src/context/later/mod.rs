//! [`Context::later`]: a message that is sent after a while, apart from the unit of work.

mod driver;
mod entry;

pub(crate) use self::driver::{ModuleDelays, end_delayed};

use std::any::TypeId;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use self::driver::{lose_all, notice_first};
use self::entry::{Delayable, DelayedEntry};
use crate::context::Context;
use crate::context::proof::ByEmits;
use crate::escaped::Escaped;
use crate::guarded::{catch_now, said_last};
use crate::instants::in_future;
use crate::mediator::{DelayedMessage, Mediator};
use crate::message::{KeyValue, Message};
use crate::routing::{Caller, Emits, ModuleSender};
use crate::timetable::{DueSlot, EntryName};

impl<S: Caller> Context<S> {
    /// Sends a command or publishes an event after `delay`, apart from this unit of work: heartbeats,
    /// time-outs, another attempt, a program that goes on forever. See [the manual](crate::later).
    ///
    /// The message begins a chain of causes and a correlation of its own; it inherits no deadline, principal
    /// or baggage. [`close`](Context::close) does not wait for it, and it is sent also if this unit of work
    /// is cancelled or fails. Its failures are reported as those of a `#[background]` task are.
    ///
    /// The delayed message belongs to the module: to all its instances, keys and attached values together. It
    /// is still sent if the module crashes and is restarted. If the last value of the module is detached or
    /// stopped, or the system stops, before the message is due, it is not sent, and becomes a
    /// [`DeadLetter`](crate::DeadLetter). So does a message that is refused when it is due.
    ///
    /// Messages are sent in the order in which they are due, never early, and late by about a millisecond,
    /// plus the time that those due before it take to send. In a test with virtual time, the delay is
    /// virtual.
    ///
    /// A delayed message takes a few hundred bytes besides its content, and no task. Nothing bounds their
    /// number but the program; a message that is [named](Delayed::named) replaces the one before it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use nether::prelude::*;
    ///
    /// #[command]
    /// pub struct Tick;
    ///
    /// #[derive(Default)]
    /// pub struct Clock {
    ///     ticks: u64,
    /// }
    ///
    /// #[module(handles = Tick)]
    /// impl Clock {
    ///     async fn tick(&mut self, _: Tick, ctx: &Context<Self>) {
    ///         self.ticks += 1;
    ///         ctx.later(Duration::from_secs(1), Tick);
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// It takes a [`Duration`], not a text as attributes do: a text may be wrong, which is seen while
    /// compiling there, but would be an error while the program runs here.
    #[doc(
        alias = "delay",
        alias = "schedule",
        alias = "send_after",
        alias = "timer"
    )]
    pub fn later<M, I, TheOneHandler, P>(&self, delay: Duration, message: M) -> Delayed
    where
        M: Message<Itself = I, Parcel = P> + Send,
        P: Delayable<M>,
        S: ModuleSender + Emits<I, S::Rule, TheOneHandler>,
    {
        let scope = &self.handle().scope;
        let (mediator, owner) = (&scope.mediator, TypeId::of::<S>());
        let due = in_future(delay);
        let key = key_of(&message);
        let send = P::send_now::<ByEmits<S, I, S::Rule, TheOneHandler>>;
        let module = S::declaration().name;
        let entry = DelayedEntry::new(module, scope.kind_apart(), due, message, send);
        let message: Arc<dyn DelayedMessage> = Arc::new(entry);
        let added = mediator
            .delayed
            .timetable
            .add(owner, due, Arc::clone(&message));
        let slot = match added {
            Ok(added) => {
                if added.is_first {
                    notice_first(mediator);
                }
                Some(added.slot)
            }
            Err(message) => {
                lose_all(mediator, vec![message]);
                None
            }
        };
        Delayed {
            mediator: Arc::downgrade(mediator),
            message,
            owner,
            slot,
            key,
        }
    }
}

/// The key of a message, if it has one.
///
/// # Errors
/// What the code of the key panicked with: what has this key cannot be distinguished from what has another
/// one.
fn key_of<M: Message>(message: &M) -> Result<Option<KeyValue>, Box<str>> {
    let mut key = None;
    match catch_now(&mut || key = message.key_value()) {
        Ok(()) => Ok(key),
        Err(panic) => Err(said_last(panic).into()),
    }
}

/// A message that is sent later; see [`Context::later`]. Dropped, the message is still sent.
pub struct Delayed {
    mediator: Weak<Mediator>,
    message: Arc<dyn DelayedMessage>,
    owner: TypeId,
    /// Where it is in the timetable; `None` if its module had ended.
    slot: Option<DueSlot<Instant>>,
    /// The key of the message, or why it is not known.
    key: Result<Option<KeyValue>, Box<str>>,
}

impl Delayed {
    /// Names the message, and cancels the delayed message of the module with the same name. A message with a
    /// key replaces only one of the same key, so that in a [keyed module](crate::keyed) each key has names of
    /// its own. The types of the messages do not matter: a message may replace one of another type.
    ///
    /// Keys are the same if their types are and they are equal (`Eq`). Those of a type that is not `Clone`
    /// and `Eq` are the same if their hashes are. A message whose key panics is sent without a name.
    ///
    /// ```
    /// use std::time::Duration;
    /// use nether::prelude::*;
    ///
    /// #[command(key = room)]
    /// pub struct Enter { pub room: u64 }
    ///
    /// #[command(key = room)]
    /// pub struct TurnOff { pub room: u64 }
    ///
    /// #[derive(Default)]
    /// pub struct Lights;
    ///
    /// #[module(handles = [Enter, TurnOff])]
    /// impl Lights {
    ///     async fn enter(&mut self, Enter { room }: Enter, ctx: &Context<Self>) {
    ///         // Ten minutes after the last person has entered the room.
    ///         ctx.later(Duration::from_secs(600), TurnOff { room }).named("turn off");
    ///     }
    ///
    ///     async fn turn_off(&mut self, _: TurnOff) {}
    /// }
    /// # fn main() {}
    /// ```
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        let key = match &self.key {
            Ok(key) => key.clone(),
            Err(panic) => {
                let (module, message) = self.message.names();
                tracing::error!(message, module, panic, name = %Escaped(&name), "a delayed message has no name: its key panicked");
                return self;
            }
        };
        if let (Some(slot), Some(mediator)) = (self.slot, self.mediator.upgrade()) {
            let name = EntryName {
                owner: self.owner,
                name,
                key,
            };
            if let Some(replaced) = mediator.delayed.timetable.name(slot, name) {
                replaced.discard();
            }
        }
        self
    }

    /// Sets how long after its due time the message may still be handled. If no handler has taken it by then,
    /// because its module is busy, paused or restarting, it becomes a [`DeadLetter`](crate::DeadLetter) when
    /// its turn comes ([`FailureKind::Expired`](crate::FailureKind::Expired)). An event that one module has
    /// taken in time goes to all others too.
    pub fn expires(self, within: Duration) -> Self {
        self.message.expire(within);
        self
    }

    /// Cancels the message; `true` if it had not been sent. A message that is cancelled is never sent, and is
    /// neither a failure nor a dead letter. `false` if it was sent, replaced, cancelled or lost before.
    pub fn cancel(&self) -> bool {
        let (Some(slot), Some(mediator)) = (self.slot, self.mediator.upgrade()) else {
            return false;
        };
        let cancelled = mediator.delayed.timetable.cancel(slot);
        cancelled.inspect(|message| message.discard()).is_some()
    }
}

impl fmt::Debug for Delayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (module, message) = self.message.names();
        f.debug_struct("Delayed")
            .field("message", &message)
            .field("module", &module)
            .finish_non_exhaustive()
    }
}
