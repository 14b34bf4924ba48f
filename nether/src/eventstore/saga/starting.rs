//! [`SagaStart`]: how the commands are kept and answered that sagas of a type are started by.

use serde_json::value::RawValue;

use crate::error::Error;
use crate::eventstore::backend::{RecordedEvent, StoreError};
#[cfg(doc)]
use crate::eventstore::saga::Saga;
use crate::eventstore::saga::failure::StepFailed;
use crate::eventstore::stored::{self, Keeping, Storable, StoredShape, Unreadable};

/// A command that starts the sagas of a type. Made by [`#[saga]`](macro@crate::saga).
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not started by `{C}`",
    label = "not in the saga's `starts`",
    note = "add it: `#[saga(.., starts = [.., {C}])]`"
)]
pub trait StartedBy<C>: Sized {
    /// The command.
    type Itself;
    /// Its reply.
    type Reply;
    /// Its error.
    type Error;

    /// The name that the command is stored under.
    const COMMAND_NAME: &'static str;
    // How the command, its reply and its error are written down. Functions: of a constant whose type is not
    // known, the compiler reports more than that.
    fn command() -> Keeping<Self::Itself>;
    fn reply_kept() -> Keeping<Self::Reply>;
    fn error_kept() -> Keeping<Self::Error>;

    /// The key of the saga that it starts.
    fn key_of(command: &Self::Itself) -> String;

    /// What the command is answered with when the saga has ended well.
    fn reply(&self) -> Self::Reply;

    /// What it is answered with when the saga has failed.
    fn error(&self, failed: &StepFailed) -> Self::Error;
}

/// A command that starts sagas of the type `S`, whatever its type.
#[doc(hidden)]
#[derive(Debug)]
pub struct SagaStart<S> {
    pub(super) name: &'static str,
    pub(super) reply: fn(&S) -> Result<Box<RawValue>, Unreadable>,
    pub(super) error: fn(&S, &StepFailed) -> Result<Box<RawValue>, Unreadable>,
}

/// The command of that type.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn start_by<S: StartedBy<C>, C>() -> SagaStart<S> {
    SagaStart {
        name: S::COMMAND_NAME,
        reply: |saga| (S::reply_kept().save)(&saga.reply()),
        error: |saga, failed| (S::error_kept().save)(&saga.error(failed)),
    }
}

/// What such a command looks like that is stored.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn shape_of_start<S: StartedBy<C>, C>() -> StoredShape {
    S::command().shape
}

/// What its reply looks like that is stored.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn shape_of_reply<S: StartedBy<C>, C>() -> StoredShape {
    S::reply_kept().shape
}

/// What its error looks like that is stored.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn shape_of_error<S: StartedBy<C>, C>() -> StoredShape {
    S::error_kept().shape
}

/// The command, if the event is one of that type.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn started<S: StartedBy<C>, C>(
    recorded: &RecordedEvent,
) -> Option<Result<S::Itself, StoreError>> {
    (*recorded.name == *S::COMMAND_NAME).then(|| {
        let text: Result<&RawValue, _> = serde_json::from_slice(&recorded.payload.bytes);
        let text = text.map_err(|error| error.to_string());
        let read =
            text.and_then(|it| (S::command().restore)(it).map_err(|error| error.to_string()));
        read.map_err(|reason| stored::unknown(recorded, reason))
    })
}

/// The key of the saga, if the event is such a command.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn key_of_start<S: StartedBy<C>, C>(
    recorded: &RecordedEvent,
) -> Option<Result<String, StoreError>> {
    let command = started::<S, C>(recorded)?;
    Some(command.map(|command| S::key_of(&command)))
}

/// An error that a saga can answer with.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` cannot be written down and read again",
    label = "not `Serialize` and `Deserialize`",
    note = "a saga writes its answer down, so that it is not lost: derive both, `#[derive(serde::Serialize, serde::Deserialize)]`, above `{Self}`"
)]
pub trait StorableError: Sized {
    #[doc(hidden)]
    const KEPT: Keeping<Self>;
}

#[diagnostic::do_not_recommend]
impl<E: Storable> StorableError for E {
    const KEPT: Keeping<Self> = stored::kept();
}

/// As its text.
impl StorableError for Error {
    const KEPT: Keeping<Self> = Keeping {
        save: |error| (stored::kept::<String>().save)(&error.to_string()),
        restore: |text| (stored::kept::<String>().restore)(text).map(Error::msg),
        shape: stored::kept::<String>().shape,
    };
}

/// How an error is kept.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn kept_error<E: StorableError>() -> Keeping<E> {
    E::KEPT
}

/// An error that says by itself why a saga has failed.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "nothing says which `{Self}` a saga that has failed is answered with",
    label = "its error is a `{Self}`",
    note = "add the method that does: `fn answer(&self, failed: &StepFailed) -> {Self}`; without one, leave `error = ..` of the command out"
)]
pub trait ErrorOfStep {
    #[doc(hidden)]
    fn of_step(failed: &StepFailed) -> Self;
}

/// With the text of the failure.
impl ErrorOfStep for Error {
    fn of_step(failed: &StepFailed) -> Self {
        Error::msg(failed)
    }
}

/// The error of a saga that has no `answer` method.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn error_of_step<E: ErrorOfStep>(failed: &StepFailed) -> E {
    E::of_step(failed)
}

/// What the `answer` method of a saga gives back for the command `C`, if `C` declares the error `E`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{C}` is not answered with `{Self}`, but declares the error `{E}`",
    label = "not the error that `{C}` declares",
    note = "return `{E}`, or declare the other: `#[command(error = {Self})]` above `{C}`"
)]
pub trait AnswerTo<C, E> {
    #[doc(hidden)]
    fn into_answer(self) -> E;
}

#[diagnostic::do_not_recommend]
impl<C, E> AnswerTo<C, E> for E {
    fn into_answer(self) -> E {
        self
    }
}

/// What the method gives back.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn answer_with<C, E, A: AnswerTo<C, E>>(answer: A) -> E {
    answer.into_answer()
}
