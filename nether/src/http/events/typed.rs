//! [`TypedEvent`]: an event of a stream as its type, for functions that decide who may see it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use crate::guarded::said_last;
use crate::http::endpoints::endpoint::Endpoint;
use crate::message::Event;

/// An event as its type: read from the text that clients get, when the first of them asks for it.
#[derive(Debug, Default)]
pub(super) struct TypedEvent(OnceLock<Option<Box<dyn Any + Send + Sync>>>);

impl TypedEvent {
    pub(super) fn get<E: Endpoint + Event>(&self, text: &str) -> Option<&E> {
        let read = || {
            let read = catch_unwind(AssertUnwindSafe(|| serde_json::from_str::<E>(text).ok()));
            let event = read.unwrap_or_else(|panic| {
                let (event, panic) = (E::NAME, said_last(panic));
                tracing::error!(
                    event,
                    panic,
                    "an event panicked when it was read, so no client sees it"
                );
                None
            })?;
            Some(Box::new(event) as Box<dyn Any + Send + Sync>)
        };
        self.0.get_or_init(read).as_ref()?.downcast_ref()
    }
}
