//! [`SpanCallsite`]: the callsites of spans that are named after messages.
//!
//! `tracing` has a callsite for each name and level. The macros of `tracing` would put two into the program
//! for each message, whether spans are wanted or not; these are made when the first span of the message is
//! asked for, and stay: there are at most as many as messages.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::callsite::{self, Callsite, Identifier};
use tracing::field::{FieldSet, Value};
use tracing::level_filters::LevelFilter;
use tracing::metadata::Kind;
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{Dispatch, Level, Metadata, Span, dispatcher};

/// How much a span is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpanLevel {
    /// The first of a unit of work.
    Info,
    /// All that it causes.
    Debug,
}

impl SpanLevel {
    fn level(self) -> Level {
        match self {
            SpanLevel::Info => Level::INFO,
            SpanLevel::Debug => Level::DEBUG,
        }
    }
}

/// The callsite of spans with one name, of one level.
#[derive(Debug)]
pub(crate) struct SpanCallsite {
    /// Set before anybody else sees it.
    metadata: OnceLock<Metadata<'static>>,
    /// Whether no subscriber wants any of its spans.
    is_off: AtomicBool,
}

/// The callsites of one name.
#[derive(Debug, Default)]
pub(crate) struct MessageSpans {
    info: OnceLock<&'static SpanCallsite>,
    debug: OnceLock<&'static SpanCallsite>,
}

/// What all spans of a kind have: their target, and the names of their fields.
#[derive(Debug)]
pub(crate) struct SpanKind {
    pub(crate) target: &'static str,
    pub(crate) fields: &'static [&'static str],
}

impl MessageSpans {
    pub(crate) const fn new() -> Self {
        MessageSpans {
            info: OnceLock::new(),
            debug: OnceLock::new(),
        }
    }

    /// The callsite of that level. It names the place of the declaration, if there is one.
    pub(crate) fn at(
        &self,
        level: SpanLevel,
        name: &'static str,
        kind: &'static SpanKind,
        place: Option<(&'static str, u32)>,
    ) -> &'static SpanCallsite {
        let of_level = match level {
            SpanLevel::Info => &self.info,
            SpanLevel::Debug => &self.debug,
        };
        of_level.get_or_init(|| SpanCallsite::leak(level.level(), name, kind, place))
    }
}

impl SpanCallsite {
    fn leak(
        level: Level,
        name: &'static str,
        kind: &'static SpanKind,
        place: Option<(&'static str, u32)>,
    ) -> &'static Self {
        let callsite: &'static SpanCallsite = Box::leak(Box::new(SpanCallsite {
            metadata: OnceLock::new(),
            is_off: AtomicBool::new(false),
        }));
        callsite.metadata.get_or_init(|| {
            Metadata::new(
                name,
                kind.target,
                level,
                place.map(|(file, _)| file),
                place.map(|(_, line)| line),
                None,
                FieldSet::new(kind.fields, Identifier(callsite)),
                Kind::SPAN,
            )
        });
        callsite::register(callsite);
        if dispatcher::get_default(|known| known.is::<NoSubscriber>()) {
            // `tracing` may have asked this thread alone, which has no subscriber, though others have one.
            callsite.is_off.store(false, Ordering::Relaxed);
        }
        callsite
    }

    fn own(&'static self) -> &'static Metadata<'static> {
        self.metadata.get().expect("it is set when it is made")
    }

    /// Finds the subscriber that records a span which is made here, if any does. The span is made next: a
    /// subscriber whose layers have filters remembers which of them want it. A span below a parent is
    /// recorded by the parent's subscriber, because other threads may have other ones.
    pub(crate) fn recorder(&'static self, parent: Option<&Span>) -> Option<Dispatch> {
        let metadata = self.own();
        let is_off = self.is_off.load(Ordering::Relaxed);
        if is_off || *metadata.level() > LevelFilter::current() {
            return None;
        }
        let of_parent =
            parent.and_then(|parent| parent.with_subscriber(|(_, recorder)| recorder.clone()));
        let recorder = of_parent.unwrap_or_else(|| dispatcher::get_default(Dispatch::clone));
        recorder.enabled(metadata).then_some(recorder)
    }

    /// A new span. `values` has one for each field.
    pub(crate) fn span(
        &'static self,
        recorder: &Dispatch,
        parent: Option<&Span>,
        values: &[Option<&dyn Value>],
    ) -> Span {
        let metadata = self.own();
        let values = metadata.fields().value_set_all(values);
        match parent.and_then(Span::id) {
            Some(parent) => Span::child_of_with(parent, metadata, &values, recorder),
            None => Span::new_with(metadata, &values, recorder),
        }
    }

    /// A new span that has no parent.
    #[cfg(any(feature = "eventstore", feature = "http"))]
    pub(crate) fn root(&'static self, recorder: &Dispatch, values: &[Option<&dyn Value>]) -> Span {
        let metadata = self.own();
        let values = metadata.fields().value_set_all(values);
        Span::new_root_with(metadata, &values, recorder)
    }
}

impl Callsite for SpanCallsite {
    fn set_interest(&self, interest: Interest) {
        self.is_off.store(interest.is_never(), Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata.get().expect("it is set when it is made")
    }
}
