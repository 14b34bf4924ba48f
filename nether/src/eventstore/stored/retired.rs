//! Events that are not stored any more, because other events have taken their place: what each of them
//! [becomes](Succession) when it is read.
//!
//! A stored event with such a name is replaced before any reader decodes it. The events that it becomes are
//! written in its encoding, so that a reader treats them as it treats stored ones.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use crate::error::Result;
use crate::eventstore::backend::{EventId, RecordedEvent, StoreError};
use crate::eventstore::digest::id_of;
use crate::eventstore::stored::successors::{ReadableEvent, Successors, WrittenSuccessors};
use crate::eventstore::stored::{EventSchema, decode, unknown};
use crate::guarded::said_last;

/// The longest chain of retired events in which a name comes again: a longer one may never end. A chain in
/// which each name comes once ends by itself.
const LONGEST_CIRCLE: usize = 64;

/// A retired event in the link-time registry.
#[doc(hidden)]
#[derive(Debug)]
pub struct RetiredRegistration {
    pub schema: &'static EventSchema,
    pub succession: fn() -> Succession,
}

inventory::collect!(RetiredRegistration);

/// Why a stored event cannot become what it should.
#[derive(Debug)]
pub(in crate::eventstore) struct NoSuccessors {
    pub(in crate::eventstore) error: StoreError,
    /// Whether code of the program panicked.
    // The schema lock asks for it.
    #[cfg_attr(not(feature = "test"), allow(dead_code))]
    pub(in crate::eventstore) has_panicked: bool,
}

impl From<StoreError> for NoSuccessors {
    fn from(error: StoreError) -> Self {
        NoSuccessors {
            error,
            has_panicked: false,
        }
    }
}

/// Reads what a stored event has become.
type SuccessorsOf =
    Box<dyn Fn(&RecordedEvent) -> Result<Vec<RecordedEvent>, NoSuccessors> + Send + Sync>;

/// What a retired event becomes.
#[doc(hidden)]
#[allow(missing_debug_implementations)]
pub struct Succession {
    /// The names of the events that it may become.
    names: Vec<&'static str>,
    upcast: SuccessorsOf,
}

/// The succession that a function defines.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn succession<E, S>(becomes: impl Fn(E) -> S + Send + Sync + 'static) -> Succession
where
    E: ReadableEvent,
    S: Successors,
{
    let mut names = Vec::new();
    S::names(&mut names);
    let upcast = move |recorded: &RecordedEvent| {
        let mut written = WrittenSuccessors::of(recorded);
        let event = caught(recorded, "its `Deserialize`", || decode::<E>(recorded))??;
        let successors = caught(recorded, "the function of `becomes`", || becomes(event))?;
        let writing = "writing what it becomes";
        match caught(recorded, writing, || successors.write(&mut written))? {
            Ok(()) => Ok(written.events),
            Err(error) => Err(unknown(recorded, error.to_string()).into()),
        }
    };
    Succession {
        names,
        upcast: Box::new(upcast),
    }
}

/// Runs code of the user's. An event for which it panics cannot be read, like one for which it fails.
fn caught<T>(
    recorded: &RecordedEvent,
    what: &str,
    work: impl FnOnce() -> T,
) -> Result<T, NoSuccessors> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = said_last(panic);
        NoSuccessors {
            error: unknown(recorded, format!("{what} panicked: {said}")),
            has_panicked: true,
        }
    })
}

/// The retired events of the program, by name.
static RETIRED: LazyLock<HashMap<&'static str, Succession>> = LazyLock::new(|| {
    let all = inventory::iter::<RetiredRegistration>.into_iter();
    all.map(|it| (it.schema.name, (it.succession)())).collect()
});

/// Returns what a retired event becomes; `None` for any other event.
fn succession_of(name: &str) -> Option<&'static Succession> {
    let retired = &*RETIRED;
    // Most programs have none, and every event that is read comes here.
    if retired.is_empty() {
        return None;
    }
    retired.get(name)
}

/// Whether events of that name are retired.
pub(in crate::eventstore) fn is_retired(name: &str) -> bool {
    succession_of(name).is_some()
}

/// Whether events of that name are retired, and may become one for which `is_one` holds.
pub(in crate::eventstore) fn may_become(name: &str, is_one: impl Fn(&str) -> bool) -> bool {
    let Some(first) = succession_of(name) else {
        return false;
    };
    let mut names = first.names.clone();
    let mut next = 0;
    while let Some(name) = names.get(next).copied() {
        if is_one(name) {
            return true;
        }
        let further = succession_of(name).map_or(&[][..], |it| &it.names);
        let is_new = |name: &&&str| !names.contains(*name);
        let new: Vec<_> = further.iter().filter(is_new).copied().collect();
        names.extend(new);
        next += 1;
    }
    false
}

/// The names of the retired events that may become one for which `is_one` holds.
pub(in crate::eventstore) fn retired_into(
    is_one: impl Fn(&str) -> bool,
) -> impl Iterator<Item = &'static str> {
    let names = RETIRED.keys().copied();
    names.filter(move |name| may_become(name, &is_one))
}

/// What a stored event is read as: the events that it becomes, in order, if it is retired; `None` otherwise.
///
/// # Errors
/// [`StoreError::Unknown`] if it cannot be read, or cannot become what it should.
pub(in crate::eventstore) fn successors(
    recorded: &RecordedEvent,
) -> Option<Result<Vec<RecordedEvent>, StoreError>> {
    Some(try_successors(recorded)?.map_err(|it| it.error))
}

/// Like [`successors`], with an error that says whether code of the program panicked.
pub(in crate::eventstore) fn try_successors(
    recorded: &RecordedEvent,
) -> Option<Result<Vec<RecordedEvent>, NoSuccessors>> {
    // Nothing is left of what an archived one could become.
    let succession = succession_of(&recorded.name).filter(|_| !recorded.is_archived())?;
    Some(all_successors(succession, recorded))
}

#[cold]
fn all_successors(
    succession: &Succession,
    recorded: &RecordedEvent,
) -> Result<Vec<RecordedEvent>, NoSuccessors> {
    let mut last = Vec::new();
    follow(succession, recorded, &mut Vec::new(), &mut last).map_err(|it| NoSuccessors {
        error: of_stored(recorded, it.error),
        ..it
    })?;
    for (index, event) in last.iter_mut().enumerate() {
        event.id = id_of_successor(recorded.id, index);
    }
    Ok(last)
}

/// Why a stored event cannot be read. Its successors are not stored, so the error names the event that is.
#[cold]
fn of_stored(recorded: &RecordedEvent, error: StoreError) -> StoreError {
    match error {
        StoreError::Unknown { name, reason, .. } if name != recorded.name => {
            unknown(recorded, format!("it becomes an event `{name}`: {reason}"))
        }
        other => other,
    }
}

/// Adds what an event becomes to `last`; a successor that is retired too is followed. The `path` has the
/// names of the events that became this one.
fn follow(
    succession: &Succession,
    recorded: &RecordedEvent,
    path: &mut Vec<String>,
    last: &mut Vec<RecordedEvent>,
) -> Result<(), NoSuccessors> {
    path.push(recorded.name.to_string());
    for event in (succession.upcast)(recorded)? {
        let Some(next) = succession_of(&event.name) else {
            last.push(event);
            continue;
        };
        let earlier = path.iter().rposition(|name| **name == *event.name);
        if let Some(earlier) = earlier
            && path.len() > LONGEST_CIRCLE
        {
            return Err(circle(recorded, &path[earlier..], &event).into());
        }
        follow(next, &event, path, last)?;
    }
    path.pop();
    Ok(())
}

/// The error for an event that becomes itself again and again.
#[cold]
fn circle(recorded: &RecordedEvent, round: &[String], again: &RecordedEvent) -> StoreError {
    let round: Vec<_> = round.iter().map(|name| format!("`{name}`")).collect();
    let reason = format!(
        "an event becomes itself, and has not ended after {LONGEST_CIRCLE} times: {} → `{}`",
        round.join(" → "),
        again.name
    );
    unknown(recorded, reason)
}

/// The id of one of the events that a stored event becomes: the first has the id of that, the others have one
/// that is the same each time.
fn id_of_successor(stored: EventId, index: usize) -> EventId {
    if index == 0 {
        return stored;
    }
    let (stored, index) = (stored.as_u128().to_be_bytes(), index as u64);
    id_of(&[b"nether.successor_id", &stored, &index.to_be_bytes()])
}

impl RecordedEvent {
    /// The events that this one is read as: those that its declaration says it
    /// [`becomes`](macro@crate::event#events-that-become-others), and itself if it is not retired. All of
    /// them have its position. Aggregates, projections, sagas and [`Store::subscribe`] do this by themselves;
    /// [`read_all`](crate::eventstore::EventStore::read_all) returns events as they are stored.
    ///
    /// [`Store::subscribe`]: crate::eventstore::Store::subscribe
    ///
    /// # Errors
    /// [`StoreError::Unknown`] if it is retired and cannot be read, or its function returned an error or
    /// panicked.
    pub fn upcast(&self) -> Result<Vec<RecordedEvent>, StoreError> {
        successors(self).unwrap_or_else(|| Ok(vec![self.clone()]))
    }
}
