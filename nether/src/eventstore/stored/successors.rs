//! [`Successors`]: what the function of a retired event may return.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::eventstore::backend::{Payload, RecordedEvent};
use crate::eventstore::stored::{EventSchema, StoredEvent, Unreadable, write};
use crate::guarded::Shielded;

/// An event that can be read from a store: one that is stored, or one that is retired.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a store",
    label = "not an event that can be stored",
    note = "put `#[event]` above the definition of `{Self}`, without `local`"
)]
pub trait ReadableEvent: Serialize + DeserializeOwned + 'static {
    const READ_AS: &'static EventSchema;

    /// The event, from what was written in an older version; `None` if there is no such version.
    fn from_older(schema: u32, payload: &Payload) -> Option<Result<Self, Unreadable>>;
}

#[diagnostic::do_not_recommend]
impl<E: StoredEvent> ReadableEvent for E {
    const READ_AS: &'static EventSchema = E::SCHEMA;

    fn from_older(schema: u32, payload: &Payload) -> Option<Result<Self, Unreadable>> {
        E::upcast(schema, payload)
    }
}

/// What the function of `becomes` may return: an event, several in a tuple, an array or a `Vec`, an `Option`,
/// `()` for none, and a `Result` of these.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an event cannot become `{Self}`",
    label = "neither events that can be stored nor a `Result` of them",
    note = "return an event, several in a tuple, an array or a `Vec`, an `Option` of one, or `()` for none; \
            or a `Result` of it"
)]
pub trait Successors {
    /// Adds the names of all events that it may have.
    fn names(to: &mut Vec<&'static str>);

    /// Writes its events down.
    fn write(self, to: &mut WrittenSuccessors<'_>) -> Result<(), Unreadable>;
}

/// The events that a stored event becomes.
#[doc(hidden)]
#[derive(Debug)]
pub struct WrittenSuccessors<'a> {
    stored: &'a RecordedEvent,
    pub(super) events: Vec<RecordedEvent>,
}

impl<'a> WrittenSuccessors<'a> {
    pub(super) fn of(stored: &'a RecordedEvent) -> Self {
        WrittenSuccessors {
            stored,
            events: Vec::new(),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<E: ReadableEvent> Successors for E {
    fn names(to: &mut Vec<&'static str>) {
        to.push(E::READ_AS.name);
    }

    fn write(self, to: &mut WrittenSuccessors<'_>) -> Result<(), Unreadable> {
        let EventSchema { name, version, .. } = *E::READ_AS;
        if !E::READ_AS.is_named {
            return Err(unnamed(E::READ_AS));
        }
        let (payload, _) = write(&self, to.stored.payload.encoding)
            .map_err(|error| Unreadable(format!("it becomes an event `{name}`: {error}")))?;
        to.events.push(RecordedEvent {
            name: name.into(),
            schema_version: version,
            payload,
            ..to.stored.clone()
        });
        Ok(())
    }
}

/// The error for an event without a name of its own. Lists report this for the events that they list, but a
/// successor may be one that nothing lists.
#[cold]
fn unnamed(schema: &EventSchema) -> Unreadable {
    Unreadable(format!(
        "it becomes an event {}, which has no name of its own, so that its readers would not know it when its type moves: \
         write `#[event(name = \"..\")]` above its definition",
        schema.declaration
    ))
}

impl Successors for () {
    fn names(_: &mut Vec<&'static str>) {}

    fn write(self, _: &mut WrittenSuccessors<'_>) -> Result<(), Unreadable> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<S: Successors> Successors for Option<S> {
    fn names(to: &mut Vec<&'static str>) {
        S::names(to);
    }

    fn write(self, to: &mut WrittenSuccessors<'_>) -> Result<(), Unreadable> {
        self.map_or(Ok(()), |some| some.write(to))
    }
}

#[diagnostic::do_not_recommend]
impl<S: Successors> Successors for Vec<S> {
    fn names(to: &mut Vec<&'static str>) {
        S::names(to);
    }

    fn write(self, to: &mut WrittenSuccessors<'_>) -> Result<(), Unreadable> {
        self.into_iter().try_for_each(|one| one.write(to))
    }
}

#[diagnostic::do_not_recommend]
impl<S: Successors, const N: usize> Successors for [S; N] {
    fn names(to: &mut Vec<&'static str>) {
        S::names(to);
    }

    fn write(self, to: &mut WrittenSuccessors<'_>) -> Result<(), Unreadable> {
        self.into_iter().try_for_each(|one| one.write(to))
    }
}

#[diagnostic::do_not_recommend]
impl<S: Successors, E: Into<Error>> Successors for Result<S, E> {
    fn names(to: &mut Vec<&'static str>) {
        S::names(to);
    }

    fn write(self, to: &mut WrittenSuccessors<'_>) -> Result<(), Unreadable> {
        self.map_err(Unreadable::given)?.write(to)
    }
}

macro_rules! tuples {
    ($($successors:ident $index:tt),+) => {
        #[diagnostic::do_not_recommend]
        impl<$($successors: Successors),+> Successors for ($($successors,)+) {
            fn names(to: &mut Vec<&'static str>) {
                $($successors::names(to);)+
            }

            fn write(self, to: &mut WrittenSuccessors<'_>) -> Result<(), Unreadable> {
                $(self.$index.write(to)?;)+
                Ok(())
            }
        }
    };
}

tuples!(S0 0);
tuples!(S0 0, S1 1);
tuples!(S0 0, S1 1, S2 2);
tuples!(S0 0, S1 1, S2 2, S3 3);
tuples!(S0 0, S1 1, S2 2, S3 3, S4 4);
tuples!(S0 0, S1 1, S2 2, S3 3, S4 4, S5 5);

impl Unreadable {
    /// An error that a function of the program returned.
    #[cold]
    pub(super) fn given(error: impl Into<Error>) -> Self {
        let error = error.into();
        Unreadable(Shielded::new(&error).to_string())
    }
}

/// How a step from one version to the next returns: plainly.
#[doc(hidden)]
#[derive(Debug)]
pub enum PlainStep {}

/// As a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub enum FallibleStep {}

/// What a step of `upcast` may return, if it leads to `To`. `Kind` is inferred.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a step returns `{Self}`, but has to lead to `{To}`",
    label = "does not return `{To}`",
    note = "return `{To}`, or a `Result` of it"
)]
pub trait StepOutput<To, Kind> {
    #[doc(hidden)]
    fn into_step(self) -> Result<To, Unreadable>;
}

#[diagnostic::do_not_recommend]
impl<To> StepOutput<To, PlainStep> for To {
    fn into_step(self) -> Result<To, Unreadable> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<To, E: Into<Error>> StepOutput<To, FallibleStep> for Result<To, E> {
    fn into_step(self) -> Result<To, Unreadable> {
        self.map_err(Unreadable::given)
    }
}

/// Takes a step from one version to the next.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn step<From, Out, To, Kind>(
    older: Result<From, Unreadable>,
    step: impl FnOnce(From) -> Out,
) -> Result<To, Unreadable>
where
    Out: StepOutput<To, Kind>,
{
    step(older?).into_step()
}
