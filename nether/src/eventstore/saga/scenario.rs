//! [`SagaScenario`]: when this has happened to a saga, it sends these commands, ends or fails. For tests.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use crate::error::Error;
use crate::eventstore::backend::{EventId, RecordedEvent};
use crate::eventstore::finished::finished;
use crate::eventstore::history::{History, Recording};
use crate::eventstore::saga::answer::SagaAnswer;
use crate::eventstore::saga::failure::StepFailed;
use crate::eventstore::saga::instance::{SagaInstance, SagaStage};
use crate::eventstore::saga::outgoing::{Outgoing, StoredCommand};
use crate::eventstore::saga::stepping::{stepped, timed_out};
use crate::eventstore::saga::{Saga, SentBy, StartedBy};
use crate::message::Message;

/// A saga that is shown events by a test, and whose commands are carried out by none; see [`given_saga`].
#[must_use]
pub struct SagaScenario<S> {
    recording: Recording,
    /// The saga with its key, until it is over.
    known: Option<(String, SagaInstance)>,
    /// Why the last one that is over had failed, if it had.
    over: Option<Option<String>>,
    /// The answer to the command that has started it.
    answer: Option<SagaAnswer>,
    /// The commands that were sent before the last step.
    seen: HashSet<EventId>,
    saga: PhantomData<fn() -> S>,
}

/// A saga to which these events have happened, without a store or a system: to test what it does next. Its
/// events and commands are written and read as a store does it. Each command succeeds before the next event
/// comes, unless the test says that it [fails](SagaScenario::when_fails).
///
/// ```
/// use nether::eventstore::{Step, given_saga};
/// use nether::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[event(name = "order.placed")]
/// pub struct Placed { pub order: u32, pub cents: u64 }
///
/// #[event(name = "order.paid")]
/// pub struct Paid { pub order: u32 }
///
/// #[command(name = "stock.reserve")]
/// pub struct Reserve { pub order: u32 }
///
/// #[command(name = "stock.release")]
/// pub struct Release { pub order: u32 }
///
/// #[command(name = "card.charge")]
/// pub struct Charge { pub order: u32, pub cents: u64 }
///
/// #[derive(Default, Serialize, Deserialize)]
/// pub struct Fulfilment { order: u32 }
///
/// #[saga(
///     key = order,
///     starts = [Placed],
///     handles = [Placed, Paid],
///     ends = [Paid],
///     sends = [Reserve, Release, Charge]
/// )]
/// impl Fulfilment {
///     fn placed(&mut self, event: &Placed, step: &mut Step<Self>) {
///         let order = event.order;
///         self.order = order;
///         step.send(Reserve { order }).compensate_with(Release { order });
///         step.send(Charge { order, cents: event.cents });
///     }
///
///     fn paid(&mut self, _: &Paid, _: &mut Step<Self>) {}
///
///     #[timeout("30m")]
///     fn unpaid(&mut self, step: &mut Step<Self>) { step.fail("not paid in time"); }
/// }
///
/// # #[derive(Default)] pub struct Shop;
/// # #[module(handles = [Reserve, Release, Charge], manual)]
/// # impl Shop {
/// #     async fn reserve(&self, _: Reserve) {}
/// #     async fn release(&self, _: Release) {}
/// #     async fn charge(&self, _: Charge) {}
/// # }
/// let placed = || Placed { order: 1, cents: 7 };
/// given_saga::<Fulfilment>(())
///     .when(placed())
///     .then_sends((Reserve { order: 1 }, Charge { order: 1, cents: 7 }))
///     .when_done()
///     .when_fails(nether::Error::msg("the card is stolen"))
///     .then_sends(Release { order: 1 })
///     .then_fails("the card is stolen");
/// given_saga::<Fulfilment>(placed()).when(Paid { order: 1 }).then_ends();
/// given_saga::<Fulfilment>(placed())
///     .when_times_out("unpaid")
///     .then_sends(Release { order: 1 })
///     .then_fails("not paid in time");
/// ```
///
/// # Panics
/// If an event cannot be stored, or could not be read again; or if the saga cannot handle one.
#[track_caller]
pub fn given_saga<S: Saga>(history: impl History) -> SagaScenario<S> {
    let mut scenario = SagaScenario {
        recording: Recording::default(),
        known: None,
        over: None,
        answer: None,
        seen: HashSet::new(),
        saga: PhantomData,
    };
    scenario.show(history);
    scenario.carry_out();
    scenario
}

impl<S: Saga> SagaScenario<S> {
    /// Carries out the commands of before, and shows the saga further events: one, several in a tuple or an
    /// array. Events that its type does not handle are passed over, and so are those that start none while
    /// there is no saga.
    ///
    /// # Panics
    /// As [`given_saga`]; or if an event is for another saga than those before.
    #[track_caller]
    pub fn when(mut self, events: impl History) -> Self {
        self.carry_out();
        self.show(events);
        self
    }

    /// Starts the saga by a command.
    ///
    /// # Panics
    /// If a saga is under way; or if the command cannot be stored, or could not be read again.
    #[track_caller]
    pub fn when_sent<C>(mut self, command: C) -> Self
    where
        S: StartedBy<C, Itself = C>,
    {
        self.carry_out();
        assert!(self.known.is_none(), "`{}` is under way already", S::NAME);
        let written = (S::command().save)(&command);
        let written = written
            .unwrap_or_else(|error| panic!("`{}` cannot be stored: {error}", S::COMMAND_NAME));
        let event = self.recording.command("test", S::COMMAND_NAME, &written);
        self.step(&event);
        self
    }

    /// The command that is in flight succeeds: the first one that was not carried out yet.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn when_done(mut self) -> Self {
        self.answer(Ok(()));
        self
    }

    /// The command that is in flight fails with that error: the saga fails, and what is done is compensated.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn when_fails(mut self, error: impl Into<Error>) -> Self {
        self.answer(Err(error.into()));
        self
    }

    /// Carries out the commands of before, and then that time-out fires, named as its method is.
    ///
    /// # Panics
    /// If no such time-out is set, or its method fails.
    #[track_caller]
    pub fn when_times_out(mut self, name: &str) -> Self {
        self.carry_out();
        let Some((key, mut instance)) = self.known.take() else {
            panic!("`{}`: no saga is under way, and none times out", S::NAME);
        };
        let due = instance.timers.iter().position(|timer| timer.name == name);
        let Some(due) = due else {
            let set: Vec<_> = instance.timers.iter().map(|it| &*it.name).collect();
            panic!(
                "`{}`: no time-out `{name}` is set; set are {set:?}",
                S::NAME
            );
        };
        let timer = instance.timers.remove(due);
        let of_timer = (name, timer.cause, None);
        let step = timed_out::<S>(instance, of_timer, &key, false);
        let stepped = finished(step);
        let instance = stepped.unwrap_or_else(|failure| {
            panic!(
                "`{}`: the time-out `{name}` failed: {}",
                S::NAME,
                failure.text
            )
        });
        self.known = Some((key, instance));
        self.note_answer();
        self
    }

    /// Asserts that exactly these commands were sent by the last step, in this order, and are not carried out
    /// yet: one, several in a tuple or an array. They are compared as they are written.
    ///
    /// # Panics
    /// If other commands were sent, or a command cannot be written down; the message says which.
    #[track_caller]
    pub fn then_sends(self, commands: impl SentCommands<S>) -> Self {
        let mut expected = WrittenCommands::default();
        commands.write(&mut expected);
        let outgoing = self.known.iter().flat_map(|(_, saga)| &saga.outgoing);
        let new = outgoing.filter(|it| !self.seen.contains(&it.id));
        let sent: Vec<_> = new.map(|it| text(&it.command)).collect();
        assert_eq!(sent, expected.0, "`{}` sends other commands", S::NAME);
        self
    }

    /// Asserts that the last step has sent no command.
    ///
    /// # Panics
    /// If it has; the message says which.
    #[track_caller]
    pub fn then_sends_nothing(self) -> Self {
        self.then_sends(())
    }

    /// Asserts that the saga is over once its commands are done, without having failed.
    ///
    /// # Panics
    /// If it goes on, has failed, or has not begun.
    #[track_caller]
    pub fn then_ends(mut self) {
        self.carry_out();
        match (&self.known, &self.over) {
            (None, Some(None)) => {}
            (None, Some(Some(reason))) => panic!("`{}` has failed: {reason}", S::NAME),
            (Some(_), _) => panic!("`{}` goes on", S::NAME),
            (None, None) => panic!("`{}` has not begun", S::NAME),
        }
    }

    /// Asserts that the saga goes on: it is neither over, nor ending, nor failed.
    ///
    /// # Panics
    /// If it is one of these.
    #[track_caller]
    pub fn then_goes_on(self) -> Self {
        let stage = self.known.as_ref().map(|(_, saga)| &saga.stage);
        assert_eq!(stage, Some(&SagaStage::Running), "`{}`", S::NAME);
        self
    }

    /// Asserts that the saga has failed, for a reason that contains this text, and is over once its
    /// compensations are done.
    ///
    /// # Panics
    /// If it has not failed, or for another reason.
    #[track_caller]
    pub fn then_fails(mut self, reason: &str) {
        self.carry_out();
        match (&self.known, &self.over) {
            (None, Some(Some(found))) => assert!(
                found.contains(reason),
                "`{}` has failed for another reason: {found}",
                S::NAME
            ),
            _ => panic!("`{}` has not failed", S::NAME),
        }
    }

    /// Asserts that the saga is over once its commands are done, and that the command `C` that has started it
    /// is answered with this reply. They are compared as they are written.
    ///
    /// # Panics
    /// If it goes on, or the command is answered with something else.
    #[track_caller]
    pub fn then_replies<C>(mut self, reply: C::Reply)
    where
        C: Message,
        S: StartedBy<C, Itself = C, Reply = C::Reply>,
    {
        self.carry_out();
        let expected = (S::reply_kept().save)(&reply);
        let expected = expected.unwrap_or_else(|error| panic!("the reply: {error}"));
        self.assert_answer(&SagaAnswer::Reply(expected));
    }

    /// Asserts that the saga is over once its compensations are done, and that the command `C` that has
    /// started it is answered with this error. They are compared as they are written.
    ///
    /// # Panics
    /// If it goes on, or the command is answered with something else.
    #[track_caller]
    pub fn then_error<C>(mut self, error: C::Error)
    where
        C: Message,
        S: StartedBy<C, Itself = C, Error = C::Error>,
    {
        self.carry_out();
        let expected = (S::error_kept().save)(&error);
        let expected = expected.unwrap_or_else(|error| panic!("the error: {error}"));
        self.assert_answer(&SagaAnswer::Error(expected));
    }

    #[track_caller]
    fn assert_answer(&self, expected: &SagaAnswer) {
        let Some(answer) = &self.answer else {
            panic!("`{}` has not answered a command", S::NAME);
        };
        let written = |answer| serde_json::to_string(answer).expect("it is made of JSON");
        assert_eq!(
            written(answer),
            written(expected),
            "`{}` answers something else",
            S::NAME
        );
    }

    /// The state of the saga that is under way; `None` if there is none.
    ///
    /// # Panics
    /// If it could not be read.
    #[track_caller]
    pub fn state(&self) -> Option<S> {
        let (_, instance) = self.known.as_ref()?;
        let state = instance.state::<S>();
        Some(state.unwrap_or_else(|error| panic!("the state of `{}`: {error}", S::NAME)))
    }

    #[track_caller]
    fn show(&mut self, history: impl History) {
        self.note_sent();
        for event in self.recording.events("test", history) {
            self.step(&event);
        }
    }

    /// Shows the saga one event.
    #[track_caller]
    fn step(&mut self, event: &RecordedEvent) {
        let Some(key) = S::key(event) else {
            return;
        };
        let key = key.unwrap_or_else(|error| panic!("the key of `{}`: {error}", event.name));
        match &self.known {
            None if !S::starts(&event.name) => return,
            Some((of, _)) => assert_eq!(*of, key, "`{}` is for another saga", event.name),
            None => (self.over, self.answer) = (None, None),
        }
        let known = self.known.as_ref().map(|(_, saga)| saga);
        let events = std::slice::from_ref(event);
        let stepped = finished(stepped::<S>(known, events, &key, false));
        let instance = stepped.unwrap_or_else(|failure| {
            let text = failure.text;
            panic!(
                "`{}` cannot handle the event `{}`: {text}",
                S::NAME,
                event.name
            )
        });
        self.known = Some((key, instance));
        self.note_answer();
    }

    /// Notes the answer to the command that has started the saga, once it is made.
    fn note_answer(&mut self) {
        if let Some((_, saga)) = &mut self.known
            && let Some((_, answer)) = saga.answered::<S>()
        {
            self.answer = Some(answer);
        }
    }

    /// The commands so far are not those of the next step.
    fn note_sent(&mut self) {
        let sent = self.known.iter().flat_map(|(_, saga)| &saga.outgoing);
        self.seen.extend(sent.map(|it| it.id));
    }

    /// Lets all commands succeed.
    fn carry_out(&mut self) {
        self.note_sent();
        while let Some((_, saga)) = &mut self.known
            && let Some(&Outgoing { id, .. }) = saga.outgoing.front()
        {
            self.seen.insert(id);
            saga.sent(id, Ok(()));
        }
        self.note_answer();
        self.end();
    }

    #[track_caller]
    fn answer(&mut self, result: Result<(), Error>) {
        self.note_sent();
        let Some((_, saga)) = &mut self.known else {
            panic!("`{}`: no saga is under way", S::NAME);
        };
        let Some(&Outgoing { id, .. }) = saga.outgoing.front() else {
            panic!("`{}`: no command is in flight", S::NAME);
        };
        let name = saga.outgoing[0].command.name.clone();
        let failed = |error: Error| {
            let reason = error.to_string();
            StepFailed::of_handler(reason, error).named(&name)
        };
        saga.sent(id, result.map_err(failed));
        self.note_answer();
    }

    /// Notes how the saga has ended, if it is over.
    fn end(&mut self) {
        if let Some((_, saga)) = self.known.take_if(|(_, saga)| saga.is_over()) {
            self.over = Some(match saga.stage {
                SagaStage::Compensating(reason) => Some(reason),
                SagaStage::Running | SagaStage::Ending => None,
            });
        }
    }
}

/// A command as it is written down.
fn text(command: &StoredCommand) -> String {
    format!("{} {}", command.name, command.content)
}

/// The commands that a test expects.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct WrittenCommands(Vec<String>);

/// Commands that a saga may send: one, several in a tuple, an array or a `Vec`, `()` for none.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{S}` cannot send `{Self}`",
    label = "neither a command of its `sends` nor several",
    note = "give a command that the saga lists in `sends`, several in a tuple, an array or a `Vec`, or `()` for none"
)]
pub trait SentCommands<S> {
    #[track_caller]
    fn write(self, to: &mut WrittenCommands);
}

#[diagnostic::do_not_recommend]
impl<S, C: Message + SentBy<S>> SentCommands<S> for C {
    #[track_caller]
    fn write(self, to: &mut WrittenCommands) {
        match StoredCommand::of::<S, C>(&self) {
            Ok(command) => to.0.push(text(&command)),
            Err(error) => panic!("{error}"),
        }
    }
}

impl<S> SentCommands<S> for () {
    fn write(self, _: &mut WrittenCommands) {}
}

#[diagnostic::do_not_recommend]
impl<S, C: SentCommands<S>> SentCommands<S> for Vec<C> {
    #[track_caller]
    fn write(self, to: &mut WrittenCommands) {
        for one in self {
            one.write(to);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<S, C: SentCommands<S>, const N: usize> SentCommands<S> for [C; N] {
    #[track_caller]
    fn write(self, to: &mut WrittenCommands) {
        for one in self {
            one.write(to);
        }
    }
}

macro_rules! tuples {
    ($($commands:ident $index:tt),+) => {
        #[diagnostic::do_not_recommend]
        impl<S, $($commands: SentCommands<S>),+> SentCommands<S> for ($($commands,)+) {
            #[track_caller]
            fn write(self, to: &mut WrittenCommands) {
                $(self.$index.write(to);)+
            }
        }
    };
}

tuples!(C0 0);
tuples!(C0 0, C1 1);
tuples!(C0 0, C1 1, C2 2);
tuples!(C0 0, C1 1, C2 2, C3 3);
tuples!(C0 0, C1 1, C2 2, C3 3, C4 4);
tuples!(C0 0, C1 1, C2 2, C3 3, C4 4, C5 5);

impl<S> fmt::Debug for SagaScenario<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SagaScenario").finish_non_exhaustive()
    }
}
