//! [`TypedEvent`]: an event of a stream as its type, for functions that decide who may see it.

use std::any::Any;
use std::sync::OnceLock;

use crate::http::endpoints::endpoint::Endpoint;
use crate::message::Event;

/// An event as its type: read from the text that clients get, when the first of them asks for it.
#[derive(Debug, Default)]
pub(super) struct TypedEvent(OnceLock<Option<Box<dyn Any + Send + Sync>>>);

impl TypedEvent {
    pub(super) fn get<E: Endpoint + Event>(&self, text: &str) -> Option<&E> {
        let read = || {
            let event: E = serde_json::from_str(text).ok()?;
            Some(Box::new(event) as Box<dyn Any + Send + Sync>)
        };
        self.0.get_or_init(read).as_ref()?.downcast_ref()
    }
}
