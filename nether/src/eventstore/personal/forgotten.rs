//! [`SubjectForgotten`]: what the store and its program know of subjects that are forgotten.

use std::collections::HashSet;

use nether_macros::event;

use crate::eventstore::backend::{
    Append, Encoding, EventStore, Expected, Metadata, PAGE, StoreError, StreamId,
};
use crate::eventstore::clock;
use crate::eventstore::digest::id_of;
use crate::eventstore::personal::keys::SubjectKeys;
use crate::eventstore::stored;

/// The stream of all subjects that are forgotten.
const STREAM: &str = "nether/forgotten";

/// A subject was forgotten: its personal values are read as forgotten from now on. It is an event in the
/// store: a projection that has written personal values into tables handles it, and removes them.
#[event(__framework, name = "nether.subject_forgotten")]
pub struct SubjectForgotten {
    /// Whom the values were about.
    pub subject: String,
}

/// The append that says that a subject is forgotten: once, however often it is made.
pub(super) fn forgotten(subject: &str) -> Result<Append, StoreError> {
    let event = SubjectForgotten {
        subject: subject.to_owned(),
    };
    let mut event = stored::new_event(&event, Encoding::Json)?;
    event.id = id_of(&[b"nether.subject_forgotten", subject.as_bytes()]);
    Ok(Append {
        stream: STREAM.into(),
        expected: Expected::Any,
        events: vec![event],
        metadata: Metadata {
            time: clock::now(),
            ..Metadata::default()
        },
        conditions: Vec::new(),
    })
}

/// Has the store and its keys agree on who is forgotten: one of them may come from a backup of before.
pub(super) async fn agree(
    backend: &dyn EventStore,
    keys: &dyn SubjectKeys,
) -> Result<(), StoreError> {
    let stream = StreamId::from(STREAM);
    let mut by_keys: HashSet<_> = keys.forgotten().await?.into_iter().collect();
    let mut from = 1;
    loop {
        let page = backend.read_stream_page(&stream, from, PAGE).await?;
        for event in &page.events {
            let SubjectForgotten { subject } = stored::decode(event)?;
            if !by_keys.remove(&*subject) {
                keys.forget(subject.into()).await?;
            }
            from = event.stream_version + 1;
        }
        if page.is_last {
            break;
        }
    }
    // Projections that are as old as the store have to learn of it again.
    for subject in by_keys {
        match backend.append(forgotten(&subject)?).await {
            // A process that can write tells its projections.
            Ok(_) | Err(StoreError::ReadOnly { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
