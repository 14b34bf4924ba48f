//! Decisions over several aggregates of one store: what happens is stored in all their streams, or in none.

mod emitted;
mod executing;
mod handler;
mod module;
mod outcome;
mod participants;
mod participation;
mod scenario;

pub use self::emitted::{count, emitted};
pub use self::handler::{DecisionHandler, key_of_participant};
pub use self::module::Decisions;
pub use self::outcome::JointOutcomeOf;
pub use self::participants::Participants;
pub use self::scenario::{DecisionScenario, JointlyDecided, given_decision, given_decision_with};

use self::participants::Participating;
use crate::error::Result;
use crate::eventstore::handling::HandlingPolicy;
use crate::message::MessageProof;
use crate::module::{Instances, Launch, ModuleDescriptor, Routes, launch};
use crate::resources::Resources;

/// Commands that are decided upon with the states of several aggregates: implemented by
/// [`#[decision]`](macro@crate::decision), never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` decides nothing over several aggregates",
    label = "no `#[decision]`",
    note = "put `#[decision(handles = [..], of = [Aggregate(field), ..])]` above an `impl {Self}` block"
)]
#[allow(private_bounds)] // Only tuples of aggregates participate.
pub trait Decision: DecisionParts<Of: Participating> + Sized + 'static {
    #[doc(hidden)]
    const POLICY: HandlingPolicy;
    #[doc(hidden)]
    const DESCRIPTOR: &'static ModuleDescriptor;
    #[doc(hidden)]
    const ROUTES: &'static [fn(&mut Routes<'_, Decisions<Self>>)];
    /// What its descriptor has of the aggregates.
    #[doc(hidden)]
    const JOINTLY: Jointly = Jointly {
        emitted: <Self::Of as Participants>::EMITTED,
        launch: launch::<Decisions<Self>>,
    };

    #[doc(hidden)]
    fn resources(resources: &Resources) -> Result<Self::Resources>;
}

/// What the descriptor of a decision has of its aggregates. Generated code names it once, so that what is no
/// aggregate is reported once.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Jointly {
    /// The events of each aggregate.
    pub emitted: &'static [&'static [MessageProof]],
    pub launch: fn(Launch) -> Instances,
}

/// The types that belong to a decision. It asks for nothing, as [`Parts`](crate::eventstore::private::Parts).
#[doc(hidden)]
pub trait DecisionParts: Sized {
    /// A tuple of the aggregates, as `of` has them.
    type Of;
    /// What its methods ask for.
    type Resources: Send + Sync + 'static;
}
