//! Aggregates: state that is decided upon by commands and made of events.

mod answer;
mod argument;
mod cache;
mod deciding;
mod decision;
mod evolving;
mod facts;
mod handler;
mod identity;
mod initial;
mod key;
mod module;
mod passivating;
mod repository;
mod stream;
mod unexecuted;

pub use self::argument::DecisionArgument;
pub(super) use self::cache::{Cache, CacheEntry, Loaded, OwnedTurn};
pub(super) use self::deciding::HandledInTime;
pub use self::decision::reply_of;
pub use self::decision::{EventOf, Events, IntoEvents};
pub(super) use self::decision::{FallibleDecision, PlainDecision, kinds};
pub use self::facts::{FactSource, Facts};
pub use self::handler::{AggregateHandler, OutcomeOf, handled_again, outcomes};
pub(super) use self::identity::{CommandIdentity, fence, metadata};
pub use self::initial::{Initial, initial};
pub use self::key::same_key;
pub use self::module::Aggregates;
pub(super) use self::passivating::passivate_every;
pub(super) use self::repository::ATTEMPTS;
pub(super) use self::stream::{cache_of, load, save_snapshot, written};
pub(super) use self::unexecuted::{Unexecuted, attempted};

use std::time::Duration;

use crate::context::Context;
use crate::error::Result;
use crate::eventstore::backend::{Encoding, RecordedEvent, StoreError};
use crate::eventstore::handling::HandlingPolicy;
use crate::eventstore::stored::{Encoded, Keeping, Unreadable};
use crate::module::{ModuleDescriptor, Routes};
use crate::resources::Resources;
use crate::routing::Caller;

/// State that is made from events: implemented by [`#[aggregate]`](macro@crate::aggregate), never by hand.
///
/// An aggregate is a *decider* (J. Chassaing, "Functional Event Sourcing Decider"): its commands' methods
/// decide, from the state, which events happen; its events' methods evolve the state. Nothing else changes
/// it. Its queries' methods answer from the state.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "not an aggregate",
    note = "put `#[aggregate(handles = [..], events = [..])]` above an `impl {Self}` block"
)]
pub trait Aggregate: Parts + Send + Sync + Sized + 'static {
    /// The type itself. Unknown for a type that is no aggregate, so that rustc reports only that.
    #[doc(hidden)]
    type Itself;
    /// What the names of its streams begin with.
    #[doc(hidden)]
    const NAME: &'static str;
    #[doc(hidden)]
    const SETTINGS: AggregateSettings;
    #[doc(hidden)]
    const DESCRIPTOR: &'static ModuleDescriptor;
    #[doc(hidden)]
    const ROUTES: &'static [fn(&mut Routes<'_, Aggregates<Self>>)];

    /// How its state is kept, if snapshots are made of it.
    #[doc(hidden)]
    const SNAPSHOTS: Option<Keeping<Self>> = None;

    /// What it is before anything has happened.
    #[doc(hidden)]
    fn initial() -> Self;

    #[doc(hidden)]
    fn resources(resources: &Resources) -> Result<Self::Resources>;

    /// Evolves the state.
    #[doc(hidden)]
    fn apply(&mut self, event: &Self::Event);

    /// The event, written down and read again.
    #[doc(hidden)]
    fn encode(
        event: &Self::Event,
        encoding: Encoding,
    ) -> Result<(Encoded, Self::Event), Unreadable>;

    /// The event, unless it is none of the aggregate's.
    #[doc(hidden)]
    fn decode(recorded: &RecordedEvent) -> Option<Result<Self::Event, StoreError>>;

    /// Shows the event to the modules that handle it.
    #[doc(hidden)]
    fn publish<S: Caller>(event: Self::Event, ctx: &Context<S>) -> impl Future<Output = ()> + Send;
}

/// The types that belong to an aggregate. It asks for nothing: what is wrong with the aggregate is reported
/// where it is made one, and not with each of its messages.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "not an aggregate",
    note = "put `#[aggregate(handles = [..], events = [..])]` above an `impl {Self}` block"
)]
pub trait Parts: Sized {
    /// One of its events.
    type Event: Send + Sync + 'static;
    /// The type of its key; `Other` if it handles nothing, so that nothing says which type it is.
    type KeyOr<Other>;
    /// What its decisions and answers ask for.
    type Resources: Send + Sync + 'static;
}

/// What `#[aggregate]` says besides its lists.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct AggregateSettings {
    /// After how many events a snapshot is made; 0 for never.
    pub snapshot_every: u64,
    /// Snapshots of another version are not used.
    pub snapshot_version: u32,
    /// How many unused aggregates stay in memory.
    pub cache: usize,
    /// How long.
    pub idle: Duration,
    /// How long a decision or an answer may take, and how often it is made again.
    pub policy: HandlingPolicy,
}
