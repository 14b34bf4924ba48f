//! What decisions give back: [`Events`], and all that can be turned into them; and what commands are answered
//! with.

use std::fmt;

use crate::eventstore::aggregate::Parts;

/// An event that the aggregate `A` lists.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event of `{A}`",
    label = "not in its `events`",
    note = "list it: `#[aggregate(.., events = [..])]`, and say in the block how the state evolves by it"
)]
pub trait EventOf<A: Parts> {
    #[doc(hidden)]
    fn into_event(self) -> A::Event;
}

/// The events of a decision, in order: the return type for decisions that a tuple or a list cannot express.
///
/// ```
/// # use nether::prelude::*;
/// # use nether::eventstore::Events;
/// # #[derive(Debug, thiserror::Error)] #[error("no")] pub struct Refused;
/// # #[event(name = "tank.filled")] pub struct Filled { pub tank: u8 }
/// # #[event(name = "tank.full")] pub struct Full { pub tank: u8 }
/// #[command(key = tank, error = Refused)]
/// pub struct Fill { pub tank: u8 }
///
/// #[derive(Default)]
/// pub struct Tank { times: u8 }
///
/// #[aggregate(handles = [Fill], events = [Filled, Full])]
/// impl Tank {
///     fn fill(&self, fill: Fill) -> Result<Events<Self>, Refused> {
///         let mut events = Events::of(Filled { tank: fill.tank });
///         if self.times == 9 {
///             events.push(Full { tank: fill.tank });
///         }
///         Ok(events)
///     }
///
///     fn filled(&mut self, _: &Filled) { self.times += 1; }
///     fn full(&mut self, _: &Full) {}
/// }
/// ```
pub struct Events<A: Parts>(pub(in crate::eventstore) Vec<A::Event>);

impl<A: Parts> Events<A> {
    /// None yet.
    pub fn none() -> Self {
        Events(Vec::new())
    }

    /// One.
    pub fn of(event: impl EventOf<A>) -> Self {
        Events(vec![event.into_event()])
    }

    /// Adds one.
    pub fn push(&mut self, event: impl EventOf<A>) {
        self.0.push(event.into_event());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<A: Parts> Default for Events<A> {
    fn default() -> Self {
        Events::none()
    }
}

impl<A: Parts> fmt::Debug for Events<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("count", &self.len())
            .finish()
    }
}

/// What a decision may give back, or the `Ok` of it: an event, several in a tuple, an array or a `Vec`, an
/// `Option` of one, [`Events`], or `()` for none. `Kind` is inferred.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a decision of `{A}` cannot give back `{Self}`",
    label = "neither events of `{A}` nor a `Result` of them",
    note = "return an event that `{A}` lists in `events`, several in a tuple or a `Vec`, an `Option` of one, `Events<Self>`, or `()` for none"
)]
pub trait IntoEvents<A: Parts, Kind> {
    #[doc(hidden)]
    fn into_events(self) -> Events<A>;
}

/// The kinds of what can be turned into events.
#[doc(hidden)]
pub(in crate::eventstore) mod kinds {
    #[derive(Debug)]
    pub enum Already {}
    #[derive(Debug)]
    pub enum Nothing {}
    #[derive(Debug)]
    pub enum One {}
    #[derive(Debug)]
    pub enum Maybe {}
    #[derive(Debug)]
    pub enum List {}
    #[derive(Debug)]
    pub enum Tuple {}
}

impl<A: Parts> IntoEvents<A, kinds::Already> for Events<A> {
    fn into_events(self) -> Events<A> {
        self
    }
}

impl<A: Parts> IntoEvents<A, kinds::Nothing> for () {
    fn into_events(self) -> Events<A> {
        Events::none()
    }
}

#[diagnostic::do_not_recommend]
impl<A: Parts, E: EventOf<A>> IntoEvents<A, kinds::One> for E {
    fn into_events(self) -> Events<A> {
        Events::of(self)
    }
}

impl<A: Parts, E: EventOf<A>> IntoEvents<A, kinds::Maybe> for Option<E> {
    fn into_events(self) -> Events<A> {
        Events(self.into_iter().map(EventOf::into_event).collect())
    }
}

impl<A: Parts, E: EventOf<A>> IntoEvents<A, kinds::List> for Vec<E> {
    fn into_events(self) -> Events<A> {
        Events(self.into_iter().map(EventOf::into_event).collect())
    }
}

impl<A: Parts, E: EventOf<A>, const N: usize> IntoEvents<A, kinds::List> for [E; N] {
    fn into_events(self) -> Events<A> {
        Events(self.into_iter().map(EventOf::into_event).collect())
    }
}

macro_rules! tuples {
    ($($event:ident $index:tt),+) => {
        impl<A: Parts, $($event: EventOf<A>),+> IntoEvents<A, kinds::Tuple> for ($($event,)+) {
            fn into_events(self) -> Events<A> {
                Events(vec![$(self.$index.into_event()),+])
            }
        }
    };
}

tuples!(A0 0);
tuples!(A0 0, A1 1);
tuples!(A0 0, A1 1, A2 2);
tuples!(A0 0, A1 1, A2 2, A3 3);
tuples!(A0 0, A1 1, A2 2, A3 3, A4 4);
tuples!(A0 0, A1 1, A2 2, A3 3, A4 4, A5 5);

/// The kind itself.
#[doc(hidden)]
#[derive(Debug)]
pub struct PlainDecision<Kind>(std::marker::PhantomData<Kind>);

/// A `Result` of the kind.
#[doc(hidden)]
#[derive(Debug)]
pub struct FallibleDecision<Kind>(std::marker::PhantomData<Kind>);

/// What a decision upon `C` gives back, if `C` declares the error `E`: events, or a `Result` of them.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the decision upon `{C}` cannot give back `{Self}`",
    label = "neither events of `{A}` nor a `Result` of them",
    note = "return an event that `{A}` lists in `events`, several in a tuple or a `Vec`, an `Option` of one, `Events<Self>`, or `()` for none; \
            or a `Result` of it, with the error that `{C}` declares",
    note = "an event that is missing there is listed, `#[aggregate(.., events = [.., Happened])]`, and has a method that says how \
            the state evolves by it: `fn happened(&mut self, event: &Happened)`"
)]
pub trait IntoDecision<A: Parts, C, E, Kind> {
    #[doc(hidden)]
    fn into_decision(self) -> Result<Events<A>, E>;
}

#[diagnostic::do_not_recommend]
impl<A: Parts, C, E, Kind, T: IntoEvents<A, Kind>> IntoDecision<A, C, E, PlainDecision<Kind>>
    for T
{
    fn into_decision(self) -> Result<Events<A>, E> {
        Ok(self.into_events())
    }
}

#[diagnostic::do_not_recommend]
impl<A: Parts, C, E, Kind, T: IntoEvents<A, Kind>> IntoDecision<A, C, E, FallibleDecision<Kind>>
    for Result<T, E>
{
    fn into_decision(self) -> Result<Events<A>, E> {
        self.map(IntoEvents::into_events)
    }
}

/// What a command may be answered with: `()`, or what is made of the state. `Kind` is inferred.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the reply of a command to `{A}`",
    label = "not made of the state",
    note = "the reply is made of the state after the command: `impl From<&{A}> for {Self}`"
)]
pub trait ReplyFrom<A, Kind> {
    #[doc(hidden)]
    fn reply_from(state: &A) -> Self;
}

/// The reply that is made of a state.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn reply_of<A, R: ReplyFrom<A, Kind>, Kind>(state: &A) -> R {
    R::reply_from(state)
}

impl<A> ReplyFrom<A, kinds::Nothing> for () {
    fn reply_from(_: &A) -> Self {}
}

#[diagnostic::do_not_recommend]
impl<A, R: for<'a> From<&'a A>> ReplyFrom<A, kinds::One> for R {
    fn reply_from(state: &A) -> Self {
        R::from(state)
    }
}
