//! Evolves a state by the events of its stream, as they are read.

use crate::eventstore::aggregate::Aggregate;
use crate::eventstore::backend::{RecordedEvent, StoreError};
use crate::eventstore::stored::{successors, unknown};

/// Whether all of a stored event is part of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evolved {
    Wholly,
    /// Its name, or that of an event that it becomes, is not listed, and the store skips such events.
    Partly,
}

/// Evolves a state by a stored event; by each of the events that it becomes, if it is retired.
///
/// # Errors
/// [`StoreError::Unknown`] if it cannot be read, or is not listed and not skipped.
pub(super) fn evolve<A: Aggregate>(
    state: &mut A,
    recorded: &RecordedEvent,
    skips_unknown: bool,
) -> Result<Evolved, StoreError> {
    match A::decode(recorded) {
        Some(Ok(event)) => {
            state.apply(&event);
            Ok(Evolved::Wholly)
        }
        Some(Err(error)) => Err(error),
        None => evolve_by_successors(state, recorded, skips_unknown),
    }
}

/// Evolves a state by what a stored event becomes that the aggregate does not list itself.
#[cold]
fn evolve_by_successors<A: Aggregate>(
    state: &mut A,
    recorded: &RecordedEvent,
    skips_unknown: bool,
) -> Result<Evolved, StoreError> {
    let Some(successors) = successors(recorded) else {
        return unlisted::<A>(recorded, "it", skips_unknown);
    };
    // All are read before the first one is applied.
    let (mut events, mut evolved) = (Vec::new(), Evolved::Wholly);
    for successor in successors? {
        match A::decode(&successor) {
            Some(event) => events.push(event?),
            None => {
                let what = format!("the event `{}` that it becomes", successor.name);
                evolved = unlisted::<A>(recorded, &what, skips_unknown)?;
            }
        }
    }
    events.iter().for_each(|event| state.apply(event));
    Ok(evolved)
}

fn unlisted<A: Aggregate>(
    recorded: &RecordedEvent,
    what: &str,
    skips_unknown: bool,
) -> Result<Evolved, StoreError> {
    if skips_unknown {
        return Ok(Evolved::Partly);
    }
    let reason = format!(
        "{what} is not in the `events` of `{}`: list it there, or let the store `skip_unknown_events`",
        A::DESCRIPTOR.declaration.name
    );
    Err(unknown(recorded, reason))
}
