//! [`RegisteredName`]: what aggregates, projections and sagas have in stores under their names, for the
//! schema lock.

use crate::declaration::Declaration;
use crate::eventstore::aggregate::Aggregate;
use crate::eventstore::projection::Projection;
use crate::eventstore::saga::{Saga, SentBy, Timeout};
use crate::eventstore::stored::{EventSchema, StoredShape};
use crate::message::MessageProof;

/// An aggregate, a projection or a saga, in the link-time registry.
#[doc(hidden)]
#[derive(Debug)]
// A test asks for it.
#[cfg_attr(not(feature = "test"), allow(dead_code))]
pub struct RegisteredName {
    pub(super) name: &'static str,
    pub(super) declaration: Declaration,
    pub(super) what: RegisteredKind,
}

/// The kind of a registered name, and what stores hold under it.
#[derive(Debug)]
#[cfg_attr(not(feature = "test"), allow(dead_code))]
pub(super) enum RegisteredKind {
    /// Streams, and snapshots of that version if there are any.
    Aggregate {
        snapshots: Option<(u32, StoredShape)>,
    },
    /// A checkpoint, if it `is_stored`.
    Projection {
        is_stored: bool,
        /// Whether it has an `#[on_rebuild]`: a stored one without is not rebuilt when it has changed.
        can_clear: bool,
        version: u32,
        /// The names of its events.
        handles: &'static [&'static str],
    },
    /// States, commands and time-outs.
    Saga {
        state: StoredShape,
        timeouts: &'static [Timeout],
        /// The names of its events.
        handles: &'static [&'static str],
        lists: RegisteredSaga,
    },
}

/// What `#[saga]` says.
#[doc(hidden)]
#[derive(Debug)]
pub struct RegisteredSaga {
    /// The field.
    pub key: &'static str,
    pub starts: &'static [&'static EventSchema],
    /// The commands that start it.
    pub accepts: &'static [RegisteredStart],
    pub sends: &'static [RegisteredCommand],
}

/// A command of a saga.
#[doc(hidden)]
#[derive(Debug)]
pub struct RegisteredCommand {
    pub proof: MessageProof,
    pub shape: StoredShape,
}

/// A command that starts a saga.
#[doc(hidden)]
#[derive(Debug)]
pub struct RegisteredStart {
    pub proof: MessageProof,
    pub shape: fn() -> StoredShape,
    /// What it is answered with.
    pub reply: fn() -> StoredShape,
    pub error: fn() -> StoredShape,
}

inventory::collect!(RegisteredName);

/// A decision over several aggregates, in the link-time registry.
#[doc(hidden)]
#[derive(Debug)]
#[cfg_attr(not(feature = "http"), allow(dead_code))] // The web server asks for it.
pub struct RegisteredDecision(pub &'static Declaration);

inventory::collect!(RegisteredDecision);

/// Whether the module that is declared there knows commands by their ids: that of an aggregate, of a decision
/// over several, and of sagas which commands start.
#[cfg(feature = "http")]
pub(crate) fn knows_command_ids(module: &Declaration) -> bool {
    let mut registered = inventory::iter::<RegisteredName>();
    let is_registered = registered.any(|it| {
        let knows = match &it.what {
            RegisteredKind::Aggregate { .. } => true,
            RegisteredKind::Saga { lists, .. } => !lists.accepts.is_empty(),
            RegisteredKind::Projection { .. } => false,
        };
        knows && it.declaration == *module
    });
    let mut decisions = inventory::iter::<RegisteredDecision>();
    is_registered || decisions.any(|it| it.0 == module)
}

/// What a command looks like that the saga stores.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn shape_sent<S, C: SentBy<S>>() -> StoredShape {
    C::KEPT.shape
}

impl RegisteredName {
    /// Not public API. Used by generated code.
    #[doc(hidden)]
    pub const fn aggregate<A: Aggregate>() -> Self {
        let snapshots = match &A::SNAPSHOTS {
            Some(kept) => Some((A::SETTINGS.snapshot_version, kept.shape)),
            None => None,
        };
        RegisteredName {
            name: A::NAME,
            declaration: A::DESCRIPTOR.declaration,
            what: RegisteredKind::Aggregate { snapshots },
        }
    }

    /// Not public API. Used by generated code.
    #[doc(hidden)]
    pub const fn projection<P: Projection>() -> Self {
        let is_stored = P::SETTINGS.is_stored();
        RegisteredName {
            name: P::NAME,
            declaration: P::DESCRIPTOR.declaration,
            what: RegisteredKind::Projection {
                is_stored,
                can_clear: P::SETTINGS.can_clear,
                version: P::DEFINITION.version,
                handles: P::DEFINITION.handles,
            },
        }
    }

    /// Not public API. Used by generated code.
    #[doc(hidden)]
    pub const fn saga<S: Saga>(lists: RegisteredSaga) -> Self {
        RegisteredName {
            name: S::NAME,
            declaration: S::DESCRIPTOR.declaration,
            what: RegisteredKind::Saga {
                state: S::KEPT.shape,
                timeouts: S::TIMEOUTS,
                handles: S::DEFINITION.handles,
                lists,
            },
        }
    }
}
