//! [`History`]: what has happened, as tests give it to projections and sagas.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::eventstore::backend::{
    Encoding, EventId, Metadata, Payload, Position, RecordedEvent, StreamId,
};
use crate::eventstore::clock;
use crate::eventstore::stored::{Encoded, StoredEvent};

/// What has happened, for a scenario: an event, several in a tuple, an array or a `Vec`, an `Option` of one,
/// `()` for none.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that can have happened",
    label = "neither an event that can be stored nor several",
    note = "give an event, several in a tuple, an array or a `Vec`, an `Option` of one, or `()` for none"
)]
pub trait History {
    /// Adds its events to those that are recorded.
    #[track_caller]
    fn record(self, to: &mut Recording);
}

/// The events of a scenario, as a store would have them: written, and not read yet.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Recording {
    /// The name of the stream of the next events.
    stream: String,
    /// The position of the last event.
    last: Position,
    /// The version of each stream.
    versions: HashMap<StreamId, u64>,
    events: Vec<RecordedEvent>,
}

impl Recording {
    /// The events of a history, in a stream, behind those that were recorded before.
    ///
    /// # Panics
    /// If one cannot be stored, or could not be read again.
    #[track_caller]
    pub(super) fn events(&mut self, stream: &str, history: impl History) -> Vec<RecordedEvent> {
        stream.clone_into(&mut self.stream);
        history.record(self);
        std::mem::take(&mut self.events)
    }

    /// The event of a command, as JSON, in a stream.
    pub(super) fn command(&mut self, stream: &str, name: &str, json: &RawValue) -> RecordedEvent {
        stream.clone_into(&mut self.stream);
        let payload = Payload {
            encoding: Encoding::Json,
            bytes: json.get().as_bytes().to_vec(),
        };
        self.recorded(name.into(), 1, payload)
    }

    #[track_caller]
    fn add<E: StoredEvent>(&mut self, event: &E) {
        // In the encoding that a store has by default, or in the other one, which holds more.
        let encoded = E::encoded(event, Encoding::Json);
        let encoded = encoded.or_else(|error| {
            let other = E::encoded(event, Encoding::MessagePack);
            other.map_err(|_| error)
        });
        let Encoded { schema, payload } = match encoded {
            Ok((encoded, _)) => encoded,
            Err(error) => panic!("the event `{}` cannot be stored: {error}", E::NAME),
        };
        let event = self.recorded(schema.name.into(), schema.version, payload);
        self.events.push(event);
    }

    fn recorded(&mut self, name: Arc<str>, schema_version: u32, payload: Payload) -> RecordedEvent {
        self.last = Position(self.last.0 + 1);
        let stream = StreamId::from(&*self.stream);
        let version = self.versions.entry(stream.clone()).or_default();
        *version += 1;
        RecordedEvent {
            position: self.last,
            stream,
            stream_version: *version,
            id: EventId::new(),
            name,
            schema_version,
            payload,
            metadata: Metadata {
                time: clock::now(),
                ..Metadata::default()
            },
        }
    }
}

#[diagnostic::do_not_recommend]
impl<E: StoredEvent> History for E {
    #[track_caller]
    fn record(self, to: &mut Recording) {
        to.add(&self);
    }
}

impl History for () {
    fn record(self, _: &mut Recording) {}
}

#[diagnostic::do_not_recommend]
impl<H: History> History for Option<H> {
    #[track_caller]
    fn record(self, to: &mut Recording) {
        if let Some(some) = self {
            some.record(to);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<H: History> History for Vec<H> {
    #[track_caller]
    fn record(self, to: &mut Recording) {
        for one in self {
            one.record(to);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<H: History, const N: usize> History for [H; N] {
    #[track_caller]
    fn record(self, to: &mut Recording) {
        for one in self {
            one.record(to);
        }
    }
}

macro_rules! tuples {
    ($($history:ident $index:tt),+) => {
        #[diagnostic::do_not_recommend]
        impl<$($history: History),+> History for ($($history,)+) {
            #[track_caller]
            fn record(self, to: &mut Recording) {
                $(self.$index.record(to);)+
            }
        }
    };
}

tuples!(H0 0);
tuples!(H0 0, H1 1);
tuples!(H0 0, H1 1, H2 2);
tuples!(H0 0, H1 1, H2 2, H3 3);
tuples!(H0 0, H1 1, H2 2, H3 3, H4 4);
tuples!(H0 0, H1 1, H2 2, H3 3, H4 4, H5 5);
