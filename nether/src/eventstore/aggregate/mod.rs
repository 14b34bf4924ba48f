//! Aggregates: state that is decided upon by commands and made of events.

mod cache;
mod decision;
mod module;
mod repository;

pub use self::decision::{EventOf, Events, IntoEvents, decided, reply};
pub use self::module::Aggregates;
pub use self::repository::CommandId;

use std::time::Duration;

use crate::context::Context;
use crate::error::Result;
use crate::eventstore::keyed::{Keyed, StreamKey};
use crate::eventstore::store::{Encoding, Payload, RecordedEvent, StoreError};
use crate::eventstore::stored::{EventSchema, StoredEvent, Unreadable};
use crate::message::Command;
use crate::module::{ModuleDescriptor, Routes};
use crate::resources::Resources;

/// State that is made of events: implemented by [`#[aggregate]`](macro@crate::aggregate), never by hand.
///
/// An aggregate is a *decider* (J. Chassaing, "Functional Event Sourcing Decider"): its commands' methods decide, from the
/// state, which events happen; its events' methods evolve the state. Nothing else changes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregate",
    label = "not an aggregate",
    note = "put `#[aggregate(handles = [..], events = [..])]` above an `impl {Self}` block"
)]
pub trait Aggregate: Default + Send + Sync + Sized + 'static {
    /// What the names of its streams begin with.
    #[doc(hidden)]
    const NAME: &'static str;
    #[doc(hidden)]
    const SETTINGS: AggregateSettings;
    /// One of its events.
    #[doc(hidden)]
    type Event: Send + Sync;
    /// What its decisions ask for.
    #[doc(hidden)]
    type Resources: Send + Sync + 'static;
    #[doc(hidden)]
    const DESCRIPTOR: &'static ModuleDescriptor;
    #[doc(hidden)]
    const ROUTES: &'static [fn(&mut Routes<'_, Aggregates<Self>>)];

    #[doc(hidden)]
    fn resources(resources: &Resources) -> Result<Self::Resources>;

    /// Evolves the state.
    #[doc(hidden)]
    fn apply(&mut self, event: &Self::Event);

    /// The event, written down.
    #[doc(hidden)]
    fn encode(event: &Self::Event, encoding: Encoding) -> Result<Encoded, Unreadable>;

    /// The event, unless it is none of the aggregate's.
    #[doc(hidden)]
    fn decode(recorded: &RecordedEvent) -> Option<Result<Self::Event, StoreError>>;

    /// Shows the event to the modules that handle it.
    #[doc(hidden)]
    fn publish(
        event: Self::Event,
        ctx: &Context<Aggregates<Self>>,
    ) -> impl Future<Output = ()> + Send;

    /// The state, written down, if snapshots are made of it.
    #[doc(hidden)]
    fn save(&self) -> Option<Result<Payload, Unreadable>> {
        None
    }

    /// The state, from what was written down.
    #[doc(hidden)]
    fn restore(_: &Payload) -> Option<Result<Self, Unreadable>> {
        None
    }
}

/// What `#[aggregate]` says besides its lists.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct AggregateSettings {
    /// After how many events a snapshot is made; 0 for never.
    pub snapshot_every: u64,
    /// Snapshots of another version are not used.
    pub snapshot_version: u32,
    /// How many aggregates are kept in memory while nobody uses them.
    pub cache: usize,
    /// How long.
    pub idle: Duration,
}

/// An event, written down.
#[doc(hidden)]
#[derive(Debug)]
pub struct Encoded {
    pub(in crate::eventstore) schema: &'static EventSchema,
    pub(in crate::eventstore) payload: Payload,
}

/// An aggregate that decides upon `C`.
#[doc(hidden)]
pub trait Decides<C: Command + Keyed<Key: StreamKey>>: Aggregate {
    /// What happens because of the command.
    fn decide<'a>(
        &'a self,
        command: C,
        resources: &'a Self::Resources,
    ) -> impl Future<Output = Result<Events<Self>, C::Error>> + Send + 'a;

    /// What the command is answered with, once it has happened.
    fn reply(&self) -> C::Reply;
}

/// Writes an event down.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn encode<E: StoredEvent>(event: &E, encoding: Encoding) -> Result<Encoded, Unreadable> {
    Ok(Encoded {
        schema: E::SCHEMA,
        payload: crate::eventstore::stored::write(event, encoding)?,
    })
}

/// Reads an event, if it is one of that type.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn decode<E: StoredEvent, Of: From<E>>(
    recorded: &RecordedEvent,
) -> Option<Result<Of, StoreError>> {
    let is_one = *recorded.name == *E::SCHEMA.name;
    is_one.then(|| crate::eventstore::stored::decode::<E>(recorded).map(Of::from))
}

/// Shows an event to the modules that handle it. That it cannot be, because its unit of work is cancelled or its chain of
/// causes too long, changes nothing: it has happened.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub async fn publish<A: Aggregate, E: StoredEvent>(event: E, ctx: &Context<Aggregates<A>>) {
    if let Err(error) = ctx.tell(event).await {
        tracing::warn!(%error, "an event was stored, but not published");
    }
}
