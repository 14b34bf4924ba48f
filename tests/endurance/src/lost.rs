//! What the log says of contexts that were dropped without `close`: no caller learns of their failures.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Level, Metadata, Subscriber};

/// What is in the log, by the ID of the context.
static LOST: Mutex<Option<HashMap<String, Lost>>> = Mutex::new(None);

/// How many failures the text of a `ContextError` names before it only counts them.
const NAMED: u64 = 21;

/// What the log says of one context.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Lost {
    /// How many messages and tasks it names.
    pub(crate) listed: u64,
    /// How many more it counts without their names. Nested contexts may be among them.
    pub(crate) unnamed: u64,
    /// How many were in flight when the deadline passed.
    pub(crate) unfinished: u64,
}

/// Begins to read the log. To be called before the first system of the process starts.
pub fn watch_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_global_default(LostSubscriber).expect("no other subscriber is set");
    });
}

/// What the log has said since the last call.
pub(crate) fn take_lost() -> HashMap<String, Lost> {
    let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    lost.take().unwrap_or_default()
}

/// Reads one event of the log and disables all others.
struct LostSubscriber;

fn is_lost(metadata: &Metadata<'_>) -> bool {
    *metadata.level() == Level::WARN && metadata.fields().field("lost").is_some()
}

impl Subscriber for LostSubscriber {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_lost(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_lost(metadata)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut entry = LostEntry::default();
        event.record(&mut entry);
        let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
        let told = lost.get_or_insert_default();
        told.entry(entry.context).or_default().add(&entry.text);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct LostEntry {
    context: String,
    text: String,
}

impl Visit for LostEntry {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "context" => self.context = format!("{value:?}"),
            "lost" => self.text = format!("{value:?}"),
            _ => {}
        }
    }
}

impl Lost {
    /// Adds what the text of a `ContextError` says. A nested context that was dropped is listed too, and has
    /// an entry of its own.
    fn add(&mut self, text: &str) {
        let text = text
            .strip_prefix("the context was cancelled")
            .unwrap_or(text);
        let mut text = text.strip_prefix("; ").unwrap_or(text);
        if let Some(rest) = text.strip_prefix("the deadline passed with ") {
            let (unfinished, rest) = rest.split_once(" messages in flight").expect("its unit");
            self.unfinished += unfinished.parse::<u64>().expect("a number");
            text = rest.strip_prefix("; ").unwrap_or(rest);
        }
        // Otherwise it is nothing, or one failure, whose own text may count others.
        let failures = text
            .split_once(" messages failed, first ")
            .and_then(|(number, _)| number.parse::<u64>().ok())
            .unwrap_or_else(|| u64::from(text.starts_with('`')));
        let unnamed = failures.saturating_sub(NAMED);
        let nested = text.matches("`nested context`: ").count() as u64;
        let held = text.matches("`Context::stream`: ").count() as u64;
        self.listed += failures.saturating_sub(unnamed + nested + held);
        self.unnamed += unnamed;
    }
}

impl fmt::Debug for LostSubscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LostSubscriber")
    }
}
