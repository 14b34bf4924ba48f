//! Modules: isolated state, and the handlers that are the only way to it.

mod cell;
mod crashes;
mod descriptor;
mod exclusive;
#[cfg(feature = "test")]
mod fake;
mod handler;
mod keyed;
mod lease;
mod life;
mod mode;
mod policy;
mod shared;
mod tally;

#[cfg(feature = "eventstore")]
pub(crate) use self::descriptor::Instances;
pub(crate) use self::descriptor::{AnyInstance, Launch};
pub use self::descriptor::{HandlerDescriptor, ModuleDescriptor, ModuleKind, ModuleRegistration};
#[cfg(feature = "test")]
pub(crate) use self::fake::{FAKE, Fake};
pub use self::handler::{
    Addressee, Attempt, ExclusiveHandler, HandlerByReference, HandlerByValue, KeyedHandler,
    ReplySink, SharedHandler, attempt_alone, attempt_beside, attempt_of_key, repeated,
};
#[cfg(feature = "eventstore")]
pub(crate) use self::handler::{Replied, end_observed, observed};
pub use self::keyed::{ModuleKey, key_of, launch_keyed};
pub use self::lease::LeaseStatus;
pub use self::life::{Background, ModuleState, launch};
pub(crate) use self::life::{BeingHandled, Instance};
pub(crate) use self::mode::Mode;
pub(crate) use self::mode::SingleValue;
pub use self::mode::{Concurrently, OneAtATime, PerKey, Routes};
pub use self::policy::{
    Backoff, BreakerPolicy, HandlerLimits, HandlerPolicy, Restart, RestartPolicy,
};
pub use self::tally::Verdict;

use std::time::Duration;

use crate::context::Context;
use crate::declaration::Declaration;
use crate::envelope::AnyParcel;
use crate::error::{Error, Result};
use crate::resources::Resources;
use crate::routing::{Caller, ModuleSender};

/// A module: implemented by [`#[module]`](macro@crate::module), never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a module",
    label = "not a module",
    note = "put `#[module(handles = [..])]` above an `impl {Self}` block"
)]
#[cfg_attr(
    feature = "eventstore",
    diagnostic::on_unimplemented(
        note = "an aggregate, decision, projection or saga runs as the module `Aggregates<{Self}>`, `Decisions<{Self}>`, \
                `Projections<{Self}>` or `Sagas<{Self}>` of `nether::eventstore`"
    )
)]
pub trait Module: Caller + Send + 'static {
    /// How messages reach it: [`OneAtATime`] or [`Concurrently`].
    #[doc(hidden)]
    type Handling: Mode<Self>;
    #[doc(hidden)]
    const DESCRIPTOR: &'static ModuleDescriptor;

    #[doc(hidden)]
    fn descriptor() -> &'static ModuleDescriptor {
        Self::DESCRIPTOR
    }

    /// Each adds the way to one handler.
    #[doc(hidden)]
    const ROUTES: &'static [fn(&mut Routes<'_, Self>)];

    /// Whether any number of its handlers may run at once, because each only waits for what others do.
    #[doc(hidden)]
    const IS_UNBOUNDED: bool = false;

    #[doc(hidden)]
    fn on_start(module: &mut Self, _: &Context<Self>) -> impl Future<Output = Result<()>> + Send
    where
        Self: Send,
    {
        let _ = module;
        async { Ok(()) }
    }

    #[doc(hidden)]
    fn background(_: &mut Background<Self>) {}

    /// Which process runs it, if it runs in one process at a time.
    #[doc(hidden)]
    fn lease(_: &Self) -> Option<LeaseStatus> {
        None
    }
}

#[diagnostic::do_not_recommend]
impl<M: Module> ModuleSender for M {
    fn declaration() -> &'static Declaration {
        &M::descriptor().declaration
    }
}

/// A module that the framework starts: it makes the module, or its values.
#[diagnostic::on_unimplemented(
    message = "the framework does not make `{Self}`",
    label = "not made by the framework",
    note = "a `manual` module or a fake is attached: `system.attach(..)`"
)]
#[doc(hidden)]
pub trait Started {}

#[diagnostic::do_not_recommend]
impl<M: Construct> Started for M {}

/// A module that the framework can make: by its `#[init]`, or by [`Default`].
#[diagnostic::on_unimplemented(
    message = "the framework does not make `{Self}`",
    label = "not made by the framework",
    note = "a `manual` module or a fake is attached: `system.attach(..)`"
)]
// `Construct` and the next two are not `: Module`, since each would assert again that the module is `Send`.
#[doc(hidden)]
pub trait Construct: Sized {
    /// Makes the module.
    fn construct(resources: &Resources) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// A module that handles one message at a time.
#[doc(hidden)]
pub trait Exclusive: Caller {
    /// One variant for each message it handles.
    type Inbox: Send + 'static;

    /// Calls the handler of the message.
    fn dispatch(
        module: &mut Self,
        inbox: &mut Self::Inbox,
        ctx: &Context<Self>,
    ) -> impl Future<Output = Verdict> + Send
    where
        Self: Send;

    /// The message, whatever its type.
    fn parcel(inbox: &mut Self::Inbox) -> &mut dyn AnyParcel;

    /// Runs `#[on_stop]`.
    fn on_stop(module: &mut Self, _: &Context<Self>) -> impl Future<Output = Result<()>> + Send
    where
        Self: Send,
    {
        let _ = module;
        async { Ok(()) }
    }
}

/// A module all of whose handlers take `&self`: they run concurrently.
#[doc(hidden)]
pub trait Shared: Caller + Sync {
    /// Runs `#[on_stop]`.
    fn on_stop(module: &Self, _: &Context<Self>) -> impl Future<Output = Result<()>> + Send
    where
        Self: Sync,
    {
        let _ = module;
        async { Ok(()) }
    }
}

/// A module that has a value for each key.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no value for each key",
    label = "not a module with `per = ..`",
    note = "put `#[module(handles = [..], per = key)]` above the `impl {Self}` block"
)]
pub trait KeyedModule: Module {
    /// Its key.
    type Key: ModuleKey;
    /// What its attribute says of keys.
    const KEYING: Keying;

    /// Makes the value of a key.
    fn make(
        key: &Self::Key,
        resources: &Resources,
    ) -> impl Future<Output = Result<Self, Error>> + Send
    where
        Self: Send;

    /// Runs `#[on_idle]`.
    fn on_idle(value: Self, _: &Context<Self>) -> impl Future<Output = Result<()>> + Send
    where
        Self: Send,
    {
        async move {
            drop(value);
            Ok(())
        }
    }
}

/// What the attribute of a module says of its keys.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Keying {
    /// How many values are kept while they are not in use.
    pub keep: Option<usize>,
    /// How long a value is kept unused.
    pub idle: Option<Duration>,
    /// Whether there is an `#[on_idle]`.
    pub has_on_idle: bool,
}

/// The counts of the values of a module that has one [for each key](crate::keyed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyedStatus {
    /// How many values are in memory, those included that run their `#[on_idle]`.
    pub in_memory: usize,
    /// How many keys have crashed so often that their messages are refused at the moment.
    pub crash_looping: usize,
}

/// Makes a module without `#[init]`.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn by_default<M: MadeByDefault>() -> M {
    M::make()
}

/// A module that needs no `#[init]`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "nothing says how to make the module `{Self}`",
    label = "neither `Default` nor `#[init]`",
    note = "derive it: `#[derive(Default)]` above `{Self}`; or write `#[init] fn new() -> Self` inside the `#[module]` block; \
            or make the module `manual` and attach it by hand"
)]
pub trait MadeByDefault: Sized {
    /// Makes it.
    fn make() -> Self;
}

#[diagnostic::do_not_recommend]
impl<M: Default> MadeByDefault for M {
    fn make() -> Self {
        M::default()
    }
}
