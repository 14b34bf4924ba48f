//! [`Step`]: the reaction of a saga to an event.

use std::fmt;
use std::marker::PhantomData;

use crate::error::Error;
use crate::eventstore::origin::SagaCause;
use crate::eventstore::saga::Saga;
use crate::eventstore::saga::outgoing::{Outgoing, StoredCommand};
use crate::eventstore::stored::Keeping;
use crate::message::Message;

/// A command that the saga lists. Made by [`#[saga]`](macro@crate::saga).
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{S}` does not list `{Self}` in `sends`",
    label = "not in the saga's `sends`",
    note = "add it: `#[saga(.., sends = [.., {Self}])]`, since a saga finds the commands that it has written down by that list"
)]
pub trait SentBy<S>: Sized {
    /// How it is written down.
    const KEPT: Keeping<Self>;
}

/// The reaction of a saga to an event. It is stored together with the saga's state, and carried out
/// afterwards, even if the process ends in between.
pub struct Step<S> {
    key: String,
    /// The event that the saga reacts to, or that its time-out counts from.
    pub(super) cause: Option<SagaCause>,
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) compensations: Vec<StoredCommand>,
    pub(super) ends: bool,
    pub(super) failed: Option<String>,
    /// Why a command cannot be written down, if so. It fails the step.
    pub(super) broken: Option<Error>,
    saga: PhantomData<fn() -> S>,
}

impl<S: Saga> Step<S> {
    pub(super) fn of(key: &str, cause: Option<SagaCause>) -> Self {
        Step {
            key: key.to_owned(),
            cause,
            outgoing: Vec::new(),
            compensations: Vec::new(),
            ends: false,
            failed: None,
            broken: None,
            saga: PhantomData,
        }
    }

    /// The key of the saga, as text.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Sends a command, after the commands that were sent before. The command is sent until its handler
    /// answers, each time with the same [`CommandId`](crate::eventstore::CommandId), so that an aggregate
    /// decides upon it once. The reply is dropped: the saga learns of results by events. If the handler
    /// returns an error, the saga [fails](Step::fail).
    pub fn send<C>(&mut self, command: C) -> Sent<'_, S>
    where
        C: Message + SentBy<S>,
    {
        if let Some(command) = self.written(&command) {
            self.outgoing.push(Outgoing::new(command, self.cause));
        }
        Sent { step: self }
    }

    /// Registers a compensation: a command that is sent if the saga fails. Compensations run in reverse order
    /// of registration.
    pub fn on_failure<C>(&mut self, command: C)
    where
        C: Message + SentBy<S>,
    {
        let command = self.written(&command);
        self.compensations.extend(command);
    }

    /// Ends the saga, once all its commands are done. Their effects stay.
    pub fn end(&mut self) {
        self.ends = true;
    }

    /// Fails the saga: commands that are done are compensated, in reverse order, and commands that are not
    /// sent yet are dropped. Then the saga ends.
    pub fn fail(&mut self, reason: impl fmt::Display) {
        self.failed.get_or_insert(reason.to_string());
    }

    fn written<C: Message + SentBy<S>>(&mut self, command: &C) -> Option<StoredCommand> {
        match StoredCommand::of::<S, C>(command) {
            Ok(command) => Some(command),
            Err(error) => {
                self.broken.get_or_insert(error);
                None
            }
        }
    }
}

impl<S> fmt::Debug for Step<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("key", &self.key)
            .field("commands", &self.outgoing.len())
            .field("ends", &self.ends)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// A command that is about to be sent.
#[derive(Debug)]
pub struct Sent<'a, S> {
    step: &'a mut Step<S>,
}

impl<S: Saga> Sent<'_, S> {
    /// Sets the command that compensates it: sent if the saga fails after this one was done.
    pub fn compensate_with<C>(self, command: C)
    where
        C: Message + SentBy<S>,
    {
        let command = self.step.written(&command);
        if let Some(outgoing) = self.step.outgoing.last_mut() {
            outgoing.compensation = command;
        }
    }
}
