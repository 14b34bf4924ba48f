//! [`MetadataEntries`]: what is known of some events alone, and what later versions of this library add.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use crate::eventstore::backend::{Position, StoreError};
use crate::trace::TraceContext;

/// The name of the entry with the position of the event that was the cause.
const CAUSE: &str = "cause";

/// The name of the entry with the hash of the command's content.
const CONTENT: &str = "content_sha256";

/// The name of the entry that marks a command which starts a saga.
const STARTS_SAGA: &str = "starts_saga";

/// The names of the entries with the trace: those of the headers that it came with.
const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// Metadata that only some events have: entries with names. Most events have none.
///
/// A backend keeps [the text](MetadataEntries::as_text) as it is, and need not know what it says. So entries
/// that a newer version of this library has written are kept, and handed on when events are copied from store
/// to store.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MetadataEntries(Option<Arc<str>>);

impl MetadataEntries {
    /// The entries with that text.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        MetadataEntries(Some(text.into()))
    }

    /// The entries as text, a JSON object; `None` if there are none.
    pub fn as_text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The position of the event because of which the events happened: the one that made a saga send the
    /// command that led to them, or that the saga's time-out counts from. `None` if that is not known.
    pub fn cause(&self) -> Option<Position> {
        self.read(CAUSE).ok().flatten()
    }

    /// The entries, with the position of the event because of which the events happened.
    #[must_use]
    pub fn with_cause(self, cause: Position) -> Self {
        self.with(CAUSE, &cause)
    }

    /// The trace in which the events happened: the span of the handler that stored them. `None` if there was
    /// none, or if it cannot be read.
    pub fn trace_context(&self) -> Option<TraceContext> {
        let all = self.all().ok()?;
        let read = |name| {
            let entry: &RawValue = all.get(name)?;
            serde_json::from_str::<String>(entry.get()).ok()
        };
        TraceContext::from_headers(&read(PARENT)?, read(STATE).as_deref())
    }

    /// The entries, with the trace in which the events happened.
    #[must_use]
    pub fn with_trace_context(self, trace: &TraceContext) -> Self {
        let entries = self.with(PARENT, &trace.traceparent());
        match trace.tracestate() {
            Some(state) => entries.with(STATE, state),
            None => entries,
        }
    }

    /// The hash of the content of the command that led to the events, if it had an id and can be compared.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if the entries cannot be read.
    pub(in crate::eventstore) fn content(&self) -> Result<Option<String>, StoreError> {
        self.read(CONTENT).map_err(|error| StoreError::Codec {
            what: format!("the metadata `{self:?}` of an event cannot be read"),
            reason: error.to_string(),
        })
    }

    /// The entries, with the hash of the content of the command.
    pub(in crate::eventstore) fn with_content(self, hash: &str) -> Self {
        self.with(CONTENT, hash)
    }

    /// Whether the event is a command that starts a saga, with the name of its stream's category.
    pub(in crate::eventstore) fn starts_saga(&self) -> bool {
        self.read(STARTS_SAGA).ok().flatten().unwrap_or(false)
    }

    /// The entries of a command that starts a saga. A program that does not know the command knows it for one
    /// by that.
    pub(in crate::eventstore) fn with_start_of_saga(self) -> Self {
        self.with(STARTS_SAGA, &true)
    }

    fn all(&self) -> serde_json::Result<BTreeMap<String, Box<RawValue>>> {
        self.as_text()
            .map_or(Ok(BTreeMap::new()), serde_json::from_str)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> serde_json::Result<Option<T>> {
        let all = self.all()?;
        let entry = all.get(name).map(|entry| serde_json::from_str(entry.get()));
        entry.transpose()
    }

    fn with<T: Serialize + ?Sized>(self, name: &str, value: &T) -> Self {
        // A text that is no object holds no entries that could be kept.
        let mut all = self.all().unwrap_or_default();
        let entry = to_raw_value(value).expect("it is a number, a text or a truth value");
        all.insert(name.to_owned(), entry);
        let text = serde_json::to_string(&all).expect("its keys are texts");
        MetadataEntries::from_text(text)
    }
}

impl fmt::Debug for MetadataEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_text().unwrap_or("{}"))
    }
}

#[cfg(test)]
mod tests {
    use super::MetadataEntries;
    use crate::eventstore::backend::Position;
    use crate::trace::TraceContext;

    #[test]
    fn what_a_newer_version_has_written_is_kept_to_the_letter() {
        let newer = r#"{"x":{"b":1.0e2,"a":[340282366920938463463374607431768211455]},"cause":1}"#;
        let entries = MetadataEntries::from_text(newer);
        assert_eq!(entries.as_text(), Some(newer));
        assert_eq!(entries.cause(), Some(Position(1)));
        let changed = entries.with_cause(Position(2)).with_content("00");
        assert_eq!(
            changed.as_text(),
            Some(
                r#"{"cause":2,"content_sha256":"00","x":{"b":1.0e2,"a":[340282366920938463463374607431768211455]}}"#
            )
        );
        assert_eq!(changed.content().unwrap().as_deref(), Some("00"));
    }

    #[test]
    fn a_trace_is_stored_as_the_headers_that_it_came_with() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = TraceContext::from_headers(parent, Some("a=1")).unwrap();
        let entries = MetadataEntries::default().with_cause(Position(1));
        let entries = entries.with_trace_context(&trace);
        assert_eq!(
            entries.as_text(),
            Some(&*format!(
                r#"{{"cause":1,"traceparent":"{parent}","tracestate":"a=1"}}"#
            ))
        );
        assert_eq!(entries.trace_context(), Some(trace));
        for text in ["{}", r#"{"traceparent":1}"#, r#"{"traceparent":"00"}"#, ""] {
            assert_eq!(MetadataEntries::from_text(text).trace_context(), None);
        }
    }

    #[test]
    fn what_says_nothing_of_an_entry_or_something_else_has_none() {
        assert_eq!(MetadataEntries::default().as_text(), None);
        for text in ["{}", "{\"cause\":\"another\"}", "[]", ""] {
            let entries = MetadataEntries::from_text(text);
            assert_eq!(entries.cause(), None, "{text}");
            assert_eq!(
                entries.content().ok().flatten(),
                None,
                "{text} holds no hash"
            );
        }
        MetadataEntries::from_text("[]").content().unwrap_err();
        let repaired = MetadataEntries::from_text("[]").with_cause(Position(1));
        assert_eq!(repaired.as_text(), Some("{\"cause\":1}"));
    }
}
