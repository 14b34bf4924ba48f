//! Personal values in contents: sealed on the way into the store, and opened on the way out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::escaped::Escaped;
use crate::eventstore::backend::{Encoding, StoreError};
use crate::eventstore::personal::cipher::{decrypt, encrypt};
use crate::eventstore::personal::counting::counted;
use crate::eventstore::personal::keys::SubjectKeyState;
use crate::eventstore::personal::replace::{FoundValue, NewValue, Replace, TAG};
use crate::eventstore::personal::{json, message_pack};

/// The states of the keys of subjects.
pub(super) type KeyStates = HashMap<Arc<str>, SubjectKeyState>;

/// What becomes of a new value about a subject that is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfForgotten {
    /// It is refused: of an event.
    Refuse,
    /// It is forgotten: in a state that was in memory when its subject was forgotten.
    Drop,
}

fn replaced(
    content: &[u8],
    encoding: Encoding,
    replace: &mut Replace<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    // Most contents have no personal value.
    let is_there = content.windows(TAG.len()).any(|it| it == TAG.as_bytes());
    match encoding {
        _ if !is_there => Ok(None),
        Encoding::Json => json::replaced(content, replace),
        Encoding::MessagePack => message_pack::replaced(content, replace),
    }
}

/// The personal values in some contents.
#[derive(Debug, Default)]
pub(super) struct FoundSubjects {
    /// The subjects of values as the program has written them.
    pub(super) known: BTreeSet<Arc<str>>,
    /// The subjects of values that are encrypted.
    pub(super) sealed: BTreeSet<Arc<str>>,
    /// The number of values, whatever they are.
    values: u64,
}

impl FoundSubjects {
    /// Adds those of a content.
    pub(super) fn add(&mut self, content: &[u8], encoding: Encoding) -> Result<(), StoreError> {
        let mut note = |subject: &str, value: FoundValue<'_>| {
            self.values += 1;
            match value {
                FoundValue::Known(_) => self.known.insert(subject.into()),
                FoundValue::Sealed(_) => self.sealed.insert(subject.into()),
                FoundValue::Forgotten => false,
            };
            Ok(NewValue::Same)
        };
        replaced(content, encoding, &mut note).map(drop)
    }
}

/// What some writing gives, if the personal values that are found in it are those that were written: so none
/// is overlooked, and no content of a client is taken for one.
///
/// # Errors
/// Why it cannot be stored.
pub(in crate::eventstore) fn checked<T, E>(
    encoding: Encoding,
    write: impl FnOnce() -> Result<T, E>,
    bytes: impl FnOnce(&T) -> &[u8],
    refused: impl FnOnce(String) -> E,
) -> Result<T, E> {
    let (written, count) = counted(write);
    let written = written?;
    let mut found = FoundSubjects::default();
    let reason = match found.add(bytes(&written), encoding) {
        Ok(()) if found.values == count && found.sealed.is_empty() => return Ok(written),
        Ok(()) if found.values < count => {
            "a `Personal` in it would not be found, as in a text that is written by itself"
                .to_owned()
        }
        Ok(()) => format!(
            "it has the key `{TAG}`, which is the store's own, in something that is no `Personal`"
        ),
        Err(error) => error.to_string(),
    };
    Err(refused(reason))
}

/// The content with every personal value encrypted; `None` if there is none.
///
/// # Errors
/// [`StoreError::Codec`] if a subject is forgotten, and new values about it are refused.
pub(super) fn sealed(
    content: &[u8],
    encoding: Encoding,
    keys: &KeyStates,
    of_forgotten: OfForgotten,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut seal = |subject: &str, value: FoundValue<'_>| {
        let FoundValue::Known(value) = value else {
            return Ok(NewValue::Same);
        };
        match keys.get(subject) {
            Some(SubjectKeyState::Known(key)) => encrypt(key, subject, value).map(NewValue::Sealed),
            Some(SubjectKeyState::Forgotten) if of_forgotten == OfForgotten::Drop => {
                Ok(NewValue::Forgotten)
            }
            Some(SubjectKeyState::Forgotten) => Err(StoreError::Codec {
                what: format!("a personal value of `{subject}` cannot be stored"),
                reason: format!(
                    "`{subject}` is forgotten, for good: give new data of that person another subject"
                ),
            }),
            Some(SubjectKeyState::Unknown) | None => Err(no_key(subject)),
        }
    };
    replaced(content, encoding, &mut seal)
}

/// The content with every sealed value that these keys are for decrypted, or forgotten; `None` if there is
/// none. A value that cannot be decrypted makes what it is in unreadable, and nothing else.
///
/// # Errors
/// [`StoreError::Corrupt`] if the key of a subject is missing.
pub(super) fn opened(
    content: &[u8],
    encoding: Encoding,
    keys: &KeyStates,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut open = |subject: &str, value: FoundValue<'_>| {
        let FoundValue::Sealed(sealed) = value else {
            return Ok(NewValue::Same);
        };
        let key = match keys.get(subject) {
            Some(SubjectKeyState::Known(key)) => key,
            Some(SubjectKeyState::Forgotten) => return Ok(NewValue::Forgotten),
            Some(SubjectKeyState::Unknown) | None => return Err(no_key(subject)),
        };
        Ok(match decrypt(key, subject, &sealed) {
            Ok(value) => NewValue::Known(value),
            Err(error) => {
                tracing::error!(error = %Escaped(&error), "a personal value cannot be read");
                NewValue::Unreadable
            }
        })
    };
    replaced(content, encoding, &mut open)
}

/// The content, which is JSON as the program has it, with the values of subjects that are forgotten by now
/// forgotten; `None` if it has no personal value.
pub(super) fn forgotten_in(
    content: &[u8],
    keys: &KeyStates,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut forget = |subject: &str, value: FoundValue<'_>| {
        let is_known = matches!(value, FoundValue::Known(_));
        Ok(match keys.get(subject) {
            Some(SubjectKeyState::Forgotten) if is_known => NewValue::Forgotten,
            _ => NewValue::Same,
        })
    };
    replaced(content, Encoding::Json, &mut forget)
}

pub(super) fn no_key(subject: &str) -> StoreError {
    StoreError::Corrupt {
        reason: format!(
            "there are personal values of `{subject}`, and its key is not among the keys that were given: they are from before, so restore a backup of them that has it"
        ),
        readable_up_to: None,
    }
}

/// The error for a personal value in a store without keys.
pub(super) fn without_keys(subject: &str) -> StoreError {
    StoreError::Codec {
        what: format!("a personal value of `{subject}` cannot be stored"),
        reason:
            "the store has no keys to encrypt it: give it some, `Store::new(..).subject_keys(..)`"
                .to_owned(),
    }
}

/// The error for content that looks sealed before it is: it could not be read again.
pub(super) fn already_sealed(subject: &str) -> StoreError {
    StoreError::Codec {
        what: format!("a value that looks like a sealed one of `{subject}` cannot be stored"),
        reason: format!("the key `{TAG}` is the store's own: use another one"),
    }
}
