//! [`Recorder`]: the spans of one thread, as a program's subscriber gets them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex};

use tokio::runtime::Runtime;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};
use tracing::{Dispatch, Event, Level, Subscriber, dispatcher};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// A span, as it was recorded.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its name.
    pub name: &'static str,
    /// Its target.
    pub target: &'static str,
    /// Its level.
    pub level: Level,
    /// Its parent in this process: where that is in the list.
    pub parent: Option<usize>,
    /// The values of its fields, as text.
    pub fields: BTreeMap<&'static str, String>,
    /// Whether it is over.
    pub closed: bool,
}

impl Seen {
    /// The value of a field; empty if it has none.
    pub fn get(&self, field: &str) -> &str {
        self.fields.get(field).map_or("", String::as_str)
    }
}

/// An event, and the span it is in: where that is in the list.
pub type Said = (String, Option<usize>);

/// Records all spans and events.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<(Vec<Seen>, Vec<Said>)>>);

/// Where a span is in the list.
struct Place(usize);

impl Recorder {
    /// Records what this thread makes, down to that level, until the guard is dropped.
    pub fn of_this_thread(level: Level) -> (Recorder, DefaultGuard) {
        steady();
        let recorder = Recorder::default();
        let guard = set_default(recorder.subscriber(level));
        (recorder, guard)
    }

    /// A runtime of several threads, on which all is recorded, and on this one.
    pub fn on_threads(&self, threads: usize, level: Level) -> Runtime {
        thread_local! {
            static GUARD: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
        }
        steady();
        let subscriber = Dispatch::new(self.subscriber(level));
        let record = move || GUARD.set(Some(dispatcher::set_default(&subscriber)));
        record();
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder.worker_threads(threads).enable_all();
        builder
            .on_thread_start(record)
            .build()
            .expect("threads can be had")
    }

    fn subscriber(&self, level: Level) -> impl Subscriber + Send + Sync + 'static {
        let filter = LevelFilter::from_level(level);
        Registry::default().with(filter).with(self.clone())
    }

    /// All spans so far, in the order in which they began.
    pub fn spans(&self) -> Vec<Seen> {
        self.0.lock().expect("no holder panics").0.clone()
    }

    /// The span of that name; the first, if there are several.
    pub fn span(&self, name: &str) -> Seen {
        let spans = self.spans();
        let found = spans.iter().find(|span| span.name == name);
        found
            .unwrap_or_else(|| panic!("`{name}` is not among {spans:#?}"))
            .clone()
    }

    /// All spans of that name.
    pub fn all(&self, name: &str) -> Vec<Seen> {
        let spans = self.spans();
        spans.into_iter().filter(|span| span.name == name).collect()
    }

    /// The name of the span that `span` is a child of; empty if it is none.
    pub fn parent_of(&self, span: &Seen) -> &'static str {
        span.parent.map_or("", |parent| self.spans()[parent].name)
    }

    /// The name of the span in which the event was that says `text`; empty if it was in none.
    pub fn place_of(&self, text: &str) -> &'static str {
        let said = self.0.lock().expect("no holder panics").1.clone();
        let found = said.iter().find(|(known, _)| known.contains(text));
        let (_, place) = found.unwrap_or_else(|| panic!("{text:?} is not among {said:#?}"));
        place.map_or("", |place| self.spans()[place].name)
    }
}

/// Keeps `tracing` from asking the thread alone that comes to an event first whether anybody wants it, as it
/// does while there is one subscriber: that of another test.
pub fn steady() {
    static OTHERS: LazyLock<[Dispatch; 2]> =
        LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::new())));
    LazyLock::force(&OTHERS);
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let span = ctx.span(id).expect("it is new");
        let parent = span.parent();
        let parent = parent.and_then(|parent| Some(parent.extensions().get::<Place>()?.0));
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        let mut seen = self.0.lock().expect("no holder panics");
        span.extensions_mut().insert(Place(seen.0.len()));
        let metadata = attributes.metadata();
        seen.0.push(Seen {
            name: metadata.name(),
            target: metadata.target(),
            level: *metadata.level(),
            parent,
            fields,
            closed: false,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let span = ctx.span(id).expect("it is open");
        let Some(place) = span.extensions().get::<Place>().map(|place| place.0) else {
            return;
        };
        let mut seen = self.0.lock().expect("no holder panics");
        values.record(&mut Fields(&mut seen.0[place].fields));
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let span = ctx.event_span(event);
        let place = span.and_then(|span| Some(span.extensions().get::<Place>()?.0));
        let mut seen = self.0.lock().expect("no holder panics");
        seen.1.push((format!("{fields:?}"), place));
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let span = ctx.span(&id).expect("it is there until it is closed");
        let Some(place) = span.extensions().get::<Place>().map(|place| place.0) else {
            return;
        };
        self.0.lock().expect("no holder panics").0[place].closed = true;
    }
}

/// Checks that these spans, of whatever processes, are one tree by the ids in their fields, and returns the
/// path of names from its root to each of them, in the order in which they began.
pub fn paths(spans: &[Seen]) -> Vec<String> {
    let ids: BTreeMap<&str, &Seen> = spans.iter().map(|it| (it.get("span_id"), it)).collect();
    assert_eq!(ids.len(), spans.len(), "ids are distinct: {spans:#?}");
    let roots = spans
        .iter()
        .filter(|it| !ids.contains_key(it.get("parent_span_id")));
    assert_eq!(roots.count(), 1, "there is one root: {spans:#?}");
    let path = |span: &Seen| {
        assert_eq!(span.get("trace_id"), spans[0].get("trace_id"), "{spans:#?}");
        let above = std::iter::successors(Some(span), |span| {
            ids.get(span.get("parent_span_id")).copied()
        });
        let mut names: Vec<&str> = above.map(|span| span.name).collect();
        names.reverse();
        names.join(" > ")
    };
    spans.iter().map(path).collect()
}
