//! Personal values in contents: sealed on the way into the store, and opened on the way out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rmpv::Value;

use crate::escaped::Escaped;
use crate::eventstore::backend::{Encoding, StoreError};
use crate::eventstore::personal::cipher::{decrypt, encrypt};
use crate::eventstore::personal::keys::SubjectKeyState;
use crate::eventstore::personal::replace::Replace;
use crate::eventstore::personal::{json, message_pack};
use crate::hexadecimal::{from_hexadecimal, hexadecimal};

/// Around a value that the program has written.
pub(super) const PERSONAL: &str = "$personal";

/// Around one that the store has sealed.
pub(super) const SEALED: &str = "$sealed";

/// In place of one that is forgotten.
const FORGOTTEN: &str = "$forgotten";

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
    tag: &str,
    replace: &mut Replace<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    // Most contents have no personal value.
    let is_there = content.windows(tag.len()).any(|it| it == tag.as_bytes());
    match encoding {
        _ if !is_there => Ok(None),
        Encoding::Json => json::replaced(content, tag, replace),
        Encoding::MessagePack => message_pack::replaced(content, tag, replace),
    }
}

/// Adds the subjects of the values with that tag.
pub(super) fn subjects(
    content: &[u8],
    encoding: Encoding,
    tag: &str,
    to: &mut BTreeSet<Arc<str>>,
) -> Result<(), StoreError> {
    let mut note = |subject: &str, _: &[u8]| {
        to.insert(subject.into());
        Ok(nothing(encoding))
    };
    replaced(content, encoding, tag, &mut note).map(drop)
}

fn nothing(encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Json => b"null".to_vec(),
        Encoding::MessagePack => message_pack::written(&Value::Nil),
    }
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
    let mut seal = |subject: &str, value: &[u8]| match keys.get(subject) {
        Some(SubjectKeyState::Known(key)) => {
            let value = encrypt(key, subject, value)?;
            Ok(match encoding {
                Encoding::Json => {
                    tagged_json(SEALED, subject, Some(&json_text(&hexadecimal(&value))))
                }
                Encoding::MessagePack => {
                    tagged_message_pack(SEALED, subject, Some(Value::Binary(value)))
                }
            })
        }
        Some(SubjectKeyState::Forgotten) if of_forgotten == OfForgotten::Drop => {
            Ok(forgotten(encoding, subject))
        }
        Some(SubjectKeyState::Forgotten) => Err(StoreError::Codec {
            what: format!("a personal value of `{subject}` cannot be stored"),
            reason: format!(
                "`{subject}` is forgotten, for good: give new data of that person another subject"
            ),
        }),
        Some(SubjectKeyState::Unknown) | None => Err(no_key(subject)),
    };
    replaced(content, encoding, PERSONAL, &mut seal)
}

/// The content with every sealed value that these keys are for decrypted, or forgotten; `None` if there is
/// none. A value that cannot be decrypted stays as it is, so that what it is in cannot be read: the others
/// can.
///
/// # Errors
/// [`StoreError::Corrupt`] if the key of a subject is missing.
pub(super) fn opened(
    content: &[u8],
    encoding: Encoding,
    keys: &KeyStates,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut open = |subject: &str, value: &[u8]| {
        let key = match keys.get(subject) {
            Some(SubjectKeyState::Known(key)) => key,
            Some(SubjectKeyState::Forgotten) => return Ok(forgotten(encoding, subject)),
            Some(SubjectKeyState::Unknown) | None => return Err(no_key(subject)),
        };
        let opened = match encoding {
            Encoding::Json => {
                let text: Option<&str> = serde_json::from_slice(value).ok();
                let sealed = text.and_then(from_hexadecimal).unwrap_or_default();
                let value = decrypt(key, subject, &sealed);
                value.map(|value| tagged_json(PERSONAL, subject, Some(&value)))
            }
            Encoding::MessagePack => {
                let sealed = rmpv::decode::read_value(&mut &*value);
                let sealed = sealed.ok().and_then(|it| it.as_slice().map(<[u8]>::to_vec));
                let value = decrypt(key, subject, &sealed.unwrap_or_default());
                value.and_then(|value| {
                    let value = rmpv::decode::read_value(&mut &*value);
                    let value = value.map_err(StoreError::failed)?;
                    Ok(tagged_message_pack(PERSONAL, subject, Some(value)))
                })
            }
        };
        Ok(opened.unwrap_or_else(|error| {
            tracing::error!(error = %Escaped(&error), "a personal value cannot be read");
            unopened(encoding, subject)
        }))
    };
    replaced(content, encoding, SEALED, &mut open)
}

fn forgotten(encoding: Encoding, subject: &str) -> Vec<u8> {
    match encoding {
        Encoding::Json => tagged_json(FORGOTTEN, subject, None),
        Encoding::MessagePack => tagged_message_pack(FORGOTTEN, subject, None),
    }
}

/// In place of a value that cannot be decrypted: whatever it is in cannot be read.
fn unopened(encoding: Encoding, subject: &str) -> Vec<u8> {
    match encoding {
        Encoding::Json => tagged_json("$undecipherable", subject, None),
        Encoding::MessagePack => tagged_message_pack("$undecipherable", subject, None),
    }
}

fn tagged_json(tag: &str, subject: &str, value: Option<&[u8]>) -> Vec<u8> {
    let mut object = format!("{{\"{tag}\":{{\"subject\":").into_bytes();
    object.extend(json_text(subject));
    if let Some(value) = value {
        object.extend_from_slice(b",\"value\":");
        object.extend_from_slice(value);
    }
    object.extend_from_slice(b"}}");
    object
}

fn json_text(text: &str) -> Vec<u8> {
    serde_json::to_vec(text).expect("a text is JSON")
}

fn tagged_message_pack(tag: &str, subject: &str, value: Option<Value>) -> Vec<u8> {
    let mut fields = vec![("subject", subject.into())];
    fields.extend(value.map(|value| ("value", value)));
    message_pack::map(tag, fields)
}

fn no_key(subject: &str) -> StoreError {
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

/// The error for content that looks sealed before it is, as a client may send it: it could not be read again.
pub(super) fn already_sealed(subject: &str) -> StoreError {
    StoreError::Codec {
        what: format!("a value that looks like a sealed one of `{subject}` cannot be stored"),
        reason: format!("the key `{SEALED}` is the store's own: use another one"),
    }
}
