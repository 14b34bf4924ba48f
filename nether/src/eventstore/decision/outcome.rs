//! What the methods of decisions give back: something for each aggregate, in the order of `of`; and what
//! their commands are answered with.

use std::marker::PhantomData;

use crate::eventstore::aggregate::{Aggregate, FallibleDecision, IntoEvents, PlainDecision, kinds};
use crate::eventstore::decision::Participants;

/// What happens to each of the aggregates `Of`, or `()` for nothing at all. `Kind` is inferred.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a decision over `{Of}` cannot give back `{Self}`",
    label = "not events for each of `{Of}`",
    note = "return a tuple with a place for each aggregate, in the order of `of`: an event that the aggregate lists, several in a tuple or \
            a `Vec`, an `Option` of one, or `()` for none; or an `Option` of such a tuple; or `()` alone if nothing happens"
)]
pub trait IntoJointEvents<Of: Participants, Kind> {
    #[doc(hidden)]
    fn into_joint_events(self) -> Of::Events;
}

#[diagnostic::do_not_recommend]
impl<Of: Participants> IntoJointEvents<Of, kinds::Nothing> for () {
    fn into_joint_events(self) -> Of::Events {
        Of::none()
    }
}

/// All of it, or nothing at all.
#[diagnostic::do_not_recommend]
impl<Of: Participants, Kind, T: IntoJointEvents<Of, Kind>> IntoJointEvents<Of, (kinds::Maybe, Kind)>
    for Option<T>
{
    fn into_joint_events(self) -> Of::Events {
        self.map_or_else(Of::none, IntoJointEvents::into_joint_events)
    }
}

/// What a decision over the aggregates `Of` upon `C` gives back, if `C` declares the error `E`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the decision upon `{C}` cannot give back `{Self}`",
    label = "not events for each of `{Of}`, nor a `Result` of them",
    note = "return a tuple with a place for each aggregate, in the order of `of`: an event that the aggregate lists, several in a tuple or \
            a `Vec`, an `Option` of one, or `()` for none; an `Option` of such a tuple; `()` alone if nothing happens; or a `Result` of it, with the error that `{C}` \
            declares",
    note = "an event that is missing in an aggregate is listed there, `#[aggregate(.., events = [.., Happened])]`, and has a method that \
            says how the state evolves by it: `fn happened(&mut self, event: &Happened)`"
)]
pub trait IntoJointDecision<Of: Participants, C, E, Kind> {
    #[doc(hidden)]
    fn into_joint_decision(self) -> Result<Of::Events, E>;
}

#[diagnostic::do_not_recommend]
impl<Of: Participants, C, E, Kind, T: IntoJointEvents<Of, Kind>>
    IntoJointDecision<Of, C, E, PlainDecision<Kind>> for T
{
    fn into_joint_decision(self) -> Result<Of::Events, E> {
        Ok(self.into_joint_events())
    }
}

#[diagnostic::do_not_recommend]
impl<Of: Participants, C, E, Kind, T: IntoJointEvents<Of, Kind>>
    IntoJointDecision<Of, C, E, FallibleDecision<Kind>> for Result<T, E>
{
    fn into_joint_decision(self) -> Result<Of::Events, E> {
        self.map(IntoJointEvents::into_joint_events)
    }
}

/// What a command may be answered with: `()`, or what is made of the states of the aggregates `Of`. `Kind` is
/// inferred.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the reply of a command that is decided over `{Of}`",
    label = "not made of the states",
    note = "the reply is made of the states after the command, by reference and in the order of `of`: \
            `impl From<(&First, &Second)> for {Self}`"
)]
pub trait JointReply<Of: Participants, Kind> {
    #[doc(hidden)]
    fn joint_reply(states: Of::States<'_>) -> Self;
}

impl<Of: Participants> JointReply<Of, kinds::Nothing> for () {
    fn joint_reply(_: Of::States<'_>) -> Self {}
}

macro_rules! joint {
    ($($aggregate:ident $place:ident $kind:ident $index:tt),+) => {
        #[diagnostic::do_not_recommend]
        impl<$($aggregate: Aggregate, $kind, $place: IntoEvents<$aggregate, $kind>),+>
            IntoJointEvents<($($aggregate,)+), ($($kind,)+)> for ($($place,)+)
        {
            fn into_joint_events(self) -> <($($aggregate,)+) as Participants>::Events {
                ($(self.$index.into_events(),)+)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<R, $($aggregate: Aggregate),+> JointReply<($($aggregate,)+), kinds::One> for R
        where
            R: for<'a> From<($(&'a $aggregate,)+)>,
        {
            fn joint_reply(states: <($($aggregate,)+) as Participants>::States<'_>) -> Self {
                R::from(states)
            }
        }
    };
}

joint!(A0 P0 K0 0, A1 P1 K1 1);
joint!(A0 P0 K0 0, A1 P1 K1 1, A2 P2 K2 2);
joint!(A0 P0 K0 0, A1 P1 K1 1, A2 P2 K2 2, A3 P3 K3 3);
joint!(A0 P0 K0 0, A1 P1 K1 1, A2 P2 K2 2, A3 P3 K3 3, A4 P4 K4 4);
joint!(A0 P0 K0 0, A1 P1 K1 1, A2 P2 K2 2, A3 P3 K3 3, A4 P4 K4 4, A5 P5 K5 5);

/// What the method for the command `C` comes to, if `C` declares the reply `R` and the error `E`.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
#[derive(Debug)]
pub struct JointOutcomeOf<Of, C, R, E>(PhantomData<(Of, C, R, E)>);

impl<Of: Participants, C, R, E> JointOutcomeOf<Of, C, R, E> {
    /// The events that a decision gives back.
    pub fn outcome<Kind>(
        self,
        decision: impl IntoJointDecision<Of, C, E, Kind>,
    ) -> Result<Of::Events, E> {
        decision.into_joint_decision()
    }

    /// The reply that is made of the states.
    pub fn reply<Kind>(self, states: Of::States<'_>) -> R
    where
        R: JointReply<Of, Kind>,
    {
        R::joint_reply(states)
    }
}

impl<Of, C, R, E> Default for JointOutcomeOf<Of, C, R, E> {
    fn default() -> Self {
        JointOutcomeOf(PhantomData)
    }
}
