//! Sagas: work in several steps, each of which may fail.

mod accepting;
mod answer;
mod awaiting;
mod delivery;
mod ended;
mod failure;
mod handle;
mod held;
mod instance;
mod instances;
mod module;
mod outgoing;
mod reading;
mod receiving;
mod runner;
mod scenario;
mod sending;
mod starting;
mod status;
mod step;
mod stepping;
mod unanswered;

pub use self::delivery::{Delivery, deliver, not_listed};
pub(in crate::eventstore) use self::ended::{is_not_over, none_under_way, under_way};
pub use self::failure::{StepFailed, StepFailureKind};
pub use self::handle::SagaHandle;
pub use self::module::Sagas;
pub use self::outgoing::StoredCommand;
pub use self::scenario::{SagaScenario, SentCommands, WrittenCommands, given_saga};
pub use self::starting::{
    AnswerTo, ErrorOfStep, SagaStart, StartedBy, StorableError, answer_with, error_of_step,
    kept_error, key_of_start, shape_of_error, shape_of_reply, shape_of_start, start_by, started,
};
pub use self::status::{RepeatedCommand, SagaStatus};
pub use self::step::{Sent, SentBy, Step};
#[cfg(feature = "http")]
pub(crate) use self::unanswered::is_unanswered_for_good;

use std::time::Duration;

use crate::context::Context;
use crate::error::Result;
use crate::eventstore::backend::{RecordedEvent, StoreError};
use crate::eventstore::definition::Definition;
use crate::eventstore::handling::HandlingPolicy;
use crate::eventstore::keyed::StreamKey;
use crate::eventstore::stored::Keeping;
use crate::module::{ModuleDescriptor, Routes};

/// A process manager: implemented by [`#[saga]`](macro@crate::saga), never by hand.
///
/// A saga (H. Garcia-Molina and K. Salem, "Sagas", 1987) is a long piece of work that consists of short ones,
/// each with a compensation: either all are done, or those that were done are compensated, in reverse order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a saga",
    label = "not a saga",
    note = "put `#[saga(key = .., starts = [..], handles = [..], sends = [..])]` above an `impl {Self}` block"
)]
pub trait Saga: Default + Send + Sync + Sized + 'static {
    #[doc(hidden)]
    const NAME: &'static str;
    #[doc(hidden)]
    const DESCRIPTOR: &'static ModuleDescriptor;
    #[doc(hidden)]
    const DEFINITION: Definition;
    /// How long a handler may take, and how often an event is tried again before it is parked.
    #[doc(hidden)]
    const POLICY: HandlingPolicy;
    /// How its state is written down.
    #[doc(hidden)]
    const KEPT: Keeping<Self>;
    #[doc(hidden)]
    const TIMEOUTS: &'static [Timeout];
    /// The commands that start one.
    #[doc(hidden)]
    const COMMANDS: &'static [SagaStart<Self>] = &[];
    #[doc(hidden)]
    const ROUTES: &'static [fn(&mut Routes<'_, Sagas<Self>>)] = &[];

    /// Whether the event or command of that name starts one.
    #[doc(hidden)]
    fn starts(event: &str) -> bool;

    /// Whether the event of that name ends one.
    #[doc(hidden)]
    fn ends(event: &str) -> bool;

    /// The key of the saga that an event is for; `None` if sagas of this type do not handle it.
    #[doc(hidden)]
    fn key(recorded: &RecordedEvent) -> Option<Result<String, StoreError>>;

    /// Handles an event.
    #[doc(hidden)]
    fn handle(
        &mut self,
        recorded: &RecordedEvent,
        step: &mut Step<Self>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Handles a time-out.
    #[doc(hidden)]
    fn time_out(
        &mut self,
        timeout: &str,
        step: &mut Step<Self>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (timeout, step);
        async { Ok(()) }
    }

    /// Sends a command that was written down.
    #[doc(hidden)]
    fn deliver(
        command: &StoredCommand,
        ctx: &Context<Sagas<Self>>,
    ) -> impl Future<Output = Delivery> + Send;
}

/// A time-out of a saga.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Timeout {
    /// The method.
    pub name: &'static str,
    pub after: Duration,
    /// The name of the event that it counts from, each time; from the saga's start if there is none.
    pub since: Option<&'static str>,
}

/// The key of an event: the text of one of its fields.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn text_of<E, K: StreamKey>(
    decoded: Option<Result<E, StoreError>>,
    field: impl FnOnce(&E) -> &K,
) -> Option<Result<String, StoreError>> {
    decoded.map(|decoded| decoded.map(|event| field(&event).text()))
}
