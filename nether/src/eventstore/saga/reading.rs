//! Stored events as sagas read them: for which sagas they are, and what each of these is shown.

use std::borrow::Cow;
use std::slice;

use crate::error::Result;
use crate::eventstore::backend::RecordedEvent;
use crate::eventstore::follower::EventKey;
use crate::eventstore::saga::Saga;
use crate::eventstore::saga::instance::{is_command, is_start};
use crate::eventstore::stored::{is_retired, successors};

/// The saga that a stored event is for. A retired one may be for several: the events that it becomes may have
/// different keys. The key of a command that starts a saga is that of its stream, so that it is known also if
/// the command cannot be read.
///
/// # Errors
/// If it cannot be read.
pub(super) fn key_of<S: Saga>(stored: &RecordedEvent) -> Result<EventKey<'_>> {
    if is_start::<S>(stored) {
        return Ok(EventKey::Of(stored.stream.key().into()));
    }
    if is_retired(&stored.name) {
        return keys_of_successors::<S>(stored);
    }
    if is_command::<S>(stored) {
        return Ok(EventKey::None); // It was not sent, so no caller waits.
    }
    Ok(match S::key(stored).transpose()? {
        None => EventKey::None,
        Some(key) => EventKey::Of(key.into()),
    })
}

#[cold]
fn keys_of_successors<S: Saga>(stored: &RecordedEvent) -> Result<EventKey<'static>> {
    let mut keys: Vec<String> = Vec::new();
    for event in read(stored)? {
        if let Some(key) = S::key(&event).transpose()?
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
    Ok(match (keys.pop(), keys.is_empty()) {
        (None, _) => EventKey::None,
        (Some(only), true) => EventKey::Of(only.into()),
        (Some(last), false) => {
            keys.push(last);
            EventKey::Several(keys)
        }
    })
}

/// What the saga with that key is shown of a stored event: the event itself, or those of the events that it
/// becomes that are for this saga.
///
/// # Errors
/// If it cannot be read.
pub(super) fn shown_to<'e, S: Saga>(
    key: &str,
    stored: &'e RecordedEvent,
) -> Result<Cow<'e, [RecordedEvent]>> {
    if !is_retired(&stored.name) {
        return Ok(slice::from_ref(stored).into());
    }
    let mut shown = Vec::new();
    for event in read(stored)? {
        if S::key(&event).transpose()?.is_some_and(|of| of == key) {
            shown.push(event);
        }
    }
    Ok(shown.into())
}

fn read(retired: &RecordedEvent) -> Result<Vec<RecordedEvent>> {
    Ok(successors(retired).unwrap_or_else(|| Ok(Vec::new()))?)
}
