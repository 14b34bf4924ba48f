//! [`Facts`]: what a decision may know besides its state and its command.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::context::Handle;
use crate::eventstore::aggregate::identity::baggage_of_sender;
use crate::eventstore::clock;
use crate::eventstore::command_id::CommandId;
use crate::principal::{Claim, Principal};

/// What a decision of an aggregate may know besides the state and the command: who asks, when, and the ID of
/// the command. A decision takes it as `&Facts`, behind the command.
///
/// How the state evolves may not depend on it, since that happens again whenever the events are read. What
/// the state needs of it goes into the event.
///
/// ```
/// use nether::eventstore::{Facts, given};
/// use nether::prelude::*;
///
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("it is the owner who closes it")]
/// pub struct NotYours;
///
/// #[command(key = account, error = NotYours)]
/// pub struct Close { pub account: u32 }
///
/// #[event(name = "account.opened")]
/// pub struct Opened { pub owner: String }
///
/// #[event(name = "account.closed")]
/// pub struct Closed { pub by: String }
///
/// #[derive(Default)]
/// pub struct Account { owner: String }
///
/// #[aggregate(handles = [Close], events = [Opened, Closed])]
/// impl Account {
///     fn close(&self, _: Close, facts: &Facts) -> Result<Closed, NotYours> {
///         let owner = facts.principal().filter(|it| it.id() == self.owner).ok_or(NotYours)?;
///         Ok(Closed { by: owner.id().to_owned() })
///     }
///
///     fn opened(&mut self, event: &Opened) { self.owner = event.owner.clone(); }
///     fn closed(&mut self, _: &Closed) {}
/// }
///
/// let of_ann = || given::<Account, _>(Opened { owner: "ann".into() });
/// let by_ann = Facts::new().with_principal("ann");
/// of_ann().with_facts(by_ann).when(Close { account: 1 }).then(Closed { by: "ann".into() });
/// of_ann().when(Close { account: 1 }).then_error(NotYours);
/// ```
///
/// A command that a saga sends has the principal with whose event the saga began, by ID alone: roles and
/// claims are not stored.
#[derive(Debug, Clone)]
pub struct Facts {
    principal: Option<Principal>,
    /// In milliseconds since 1970.
    time: u64,
    command_id: Option<CommandId>,
}

impl Facts {
    /// Facts for a test of an aggregate: no principal asks, now, by a command without an ID.
    pub fn new() -> Self {
        Facts {
            principal: None,
            time: clock::now(),
            command_id: None,
        }
    }

    /// These facts with `principal` as the one who asks.
    #[must_use]
    pub fn with_principal(self, principal: impl Into<Principal>) -> Self {
        let principal = Some(principal.into()).filter(|it| !it.is_anonymous());
        Facts { principal, ..self }
    }

    /// These facts at that time. A time before 1970 counts as 1970.
    #[must_use]
    pub fn at(self, time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Facts { time, ..self }
    }

    /// These facts with the ID of the command.
    #[must_use]
    pub fn with_command_id(self, id: CommandId) -> Self {
        Facts {
            command_id: Some(id),
            ..self
        }
    }

    /// The principal who asks; `None` if it is not known.
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// The claim of that type that the principal has.
    pub fn claim<C: Claim>(&self) -> Option<&C> {
        self.principal()?.claim()
    }

    /// When it is decided, to the millisecond. A decision that is made again, because another writer was
    /// first, is made at a later time.
    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.time)
    }

    /// The [`CommandId`] of the command, if it has one.
    pub fn command_id(&self) -> Option<CommandId> {
        self.command_id
    }
}

impl Default for Facts {
    fn default() -> Self {
        Facts::new()
    }
}

/// Where the facts of a decision come from. They are gathered for decisions alone that ask for them.
#[doc(hidden)]
#[derive(Debug)]
pub struct FactSource<'a>(FactOrigin<'a>);

#[derive(Debug)]
enum FactOrigin<'a> {
    UnitOfWork(&'a Handle),
    Test(&'a Facts),
}

impl<'a> FactSource<'a> {
    pub(in crate::eventstore) fn of(handle: &'a Handle) -> Self {
        FactSource(FactOrigin::UnitOfWork(handle))
    }

    pub(in crate::eventstore) fn of_test(facts: &'a Facts) -> Self {
        FactSource(FactOrigin::Test(facts))
    }

    /// Not public API. Used by generated code.
    #[doc(hidden)]
    pub fn facts(&self) -> Facts {
        match self.0 {
            FactOrigin::Test(facts) => facts.clone(),
            FactOrigin::UnitOfWork(handle) => Facts {
                principal: handle.scope.principal().cloned(),
                time: clock::now(),
                command_id: baggage_of_sender::<CommandId>(handle).map(|id| *id),
            },
        }
    }
}
