//! Projections: what is read off the events, kept up to date.

mod answer;
mod argument;
mod beginning;
mod beside;
mod copied;
mod handle;
mod lanes;
mod left;
mod module;
mod page;
mod removal;
mod runner;
mod scenario;
mod showing;
mod state;
mod transactional;

pub use self::answer::Answers;
pub use self::argument::{EventPlace, NoTransaction, ProjectionArgument, argument};
pub use self::beginning::{Beginning, begin};
pub use self::copied::{Copied, NeverCopied};
pub use self::handle::ProjectionHandle;
pub use self::module::Projections;
pub use self::scenario::{ProjectionScenario, given_projection};
pub(super) use self::transactional::TURNS;
pub use self::transactional::{InTransaction, in_transaction, waits_in};

use crate::error::Result;
use crate::eventstore::backend::{RecordedEvent, TransactionalStore, Worked};
use crate::eventstore::definition::Definition;
use crate::eventstore::handling::HandlingPolicy;
use crate::eventstore::tables::Tables;
use crate::module::{ModuleDescriptor, Routes};
use crate::resources::Resources;

/// A read model that is made from events: implemented by [`#[projection]`](macro@crate::projection), never by
/// hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "not a projection",
    note = "put `#[projection(handles = [..])]` above an `impl {Self}` block"
)]
pub trait Projection: Send + Sync + Sized + 'static {
    #[doc(hidden)]
    const NAME: &'static str;
    #[doc(hidden)]
    const SETTINGS: ProjectionSettings;
    #[doc(hidden)]
    const DEFINITION: Definition;
    #[doc(hidden)]
    const DESCRIPTOR: &'static ModuleDescriptor;
    /// The routes of its queries.
    #[doc(hidden)]
    const ROUTES: &'static [fn(&mut Routes<'_, Projections<Self>>)];

    /// How it is copied, if it can be: so that events go on while a query takes its time.
    #[doc(hidden)]
    const COPY: Option<fn(&Self) -> Self> = None;

    /// How it writes in the store's transactions, if it does.
    #[doc(hidden)]
    const IN_TRANSACTION: Option<InTransaction<Self>> = None;

    /// Makes it, by its `#[init]` or [`Default`], for these tables.
    #[doc(hidden)]
    fn make(resources: &Resources, tables: Tables) -> impl Future<Output = Result<Self>> + Send;

    /// Whether it handles events of that name.
    #[doc(hidden)]
    fn handles(name: &str) -> bool {
        Self::DEFINITION.handles.contains(&name)
    }

    /// Handles an event: of a projection that does so one at a time.
    #[doc(hidden)]
    fn project(&mut self, recorded: &RecordedEvent) -> impl Future<Output = Result<()>> + Send {
        let _ = recorded;
        async { Ok(()) }
    }

    /// Handles an event: of one that handles those of different streams at the same time.
    #[doc(hidden)]
    fn project_beside(&self, recorded: &RecordedEvent) -> impl Future<Output = Result<()>> + Send {
        let _ = recorded;
        async { Ok(()) }
    }

    /// Runs `#[on_rebuild]`.
    #[doc(hidden)]
    fn clear(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// A projection that writes in the store's transactions.
#[doc(hidden)]
pub trait TransactionalProjection: Projection {
    /// The store.
    type Store: TransactionalStore;

    /// Handles an event.
    fn project_in<'t>(
        &'t mut self,
        recorded: &'t RecordedEvent,
        transaction: &'t mut <Self::Store as TransactionalStore>::Transaction<'_>,
    ) -> Worked<'t>;

    /// Runs `#[on_rebuild]`.
    fn clear_in<'t>(
        &'t mut self,
        transaction: &'t mut <Self::Store as TransactionalStore>::Transaction<'_>,
    ) -> Worked<'t> {
        let _ = transaction;
        Worked::done(Ok(()))
    }
}

/// What `#[projection]` says and shows besides its list.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ProjectionSettings {
    pub keeps: Keeps,
    /// How many events of different streams are handled at the same time.
    pub parallel: usize,
    /// How long a handler may take, and how often an event is tried again before it is parked.
    pub policy: HandlingPolicy,
    /// Whether it has an `#[on_rebuild]`.
    pub can_clear: bool,
}

impl ProjectionSettings {
    /// Whether its checkpoint is saved.
    pub(super) const fn is_stored(&self) -> bool {
        !matches!(self.keeps, Keeps::InMemory)
    }
}

/// Where a projection keeps what it reads off the events.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// In memory: it begins anew with each start.
    InMemory,
    /// Somewhere that outlives the process. Its checkpoint is saved after the events were handled: each is
    /// handled at least once.
    Elsewhere,
    /// In the store's database, by the transaction that saves its checkpoint: each event is handled exactly
    /// once.
    InTransaction,
}
