//! The store as an [`EventLog`]: what the web server shows of it.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::error::Error;
use crate::event_log::{EventLog, LogFuture, LogPage, LoggedEvent};
use crate::eventstore::backend::{PageLimit, Position, RecordedEvent};
use crate::eventstore::registered::{RegisteredKind, RegisteredName};
use crate::eventstore::store::Store;
use crate::eventstore::stored::{self, EventRegistration, EventSchema};
use crate::message::MessageDescriptor;
use crate::module::ModuleRegistration;

/// How much is read for one client at a time.
const PAGE: PageLimit = PageLimit {
    events: 256,
    bytes: 256 << 10,
};

/// The events of the program, by name.
static SCHEMAS: LazyLock<HashMap<&'static str, &'static EventSchema>> = LazyLock::new(|| {
    let registered = inventory::iter::<EventRegistration>();
    registered.map(|it| (it.0.name, it.0)).collect()
});

/// Whether an aggregate of the program, here or in another process, appends events of that type.
pub(crate) fn is_appended(event: &MessageDescriptor) -> bool {
    let emits = |aggregate: &RegisteredName| {
        let mut modules = inventory::iter::<ModuleRegistration>().map(|it| it.0);
        let module = modules.find(|it| it.declaration == aggregate.declaration);
        let events = module.map_or(&[][..], |it| it.emits);
        let mut events = events.iter().map(|it| (it.descriptor)());
        events.any(|it| std::ptr::eq(it, event))
    };
    let registered = inventory::iter::<RegisteredName>();
    let mut aggregates =
        registered.filter(|it| matches!(it.what, RegisteredKind::Aggregate { .. }));
    aggregates.any(emits)
}

impl EventLog for Store {
    fn newest(&self) -> LogFuture<'_, u64> {
        Box::pin(async move { Ok(self.head().await?.0) })
    }

    fn read<'a>(&'a self, name: &'a str, after: u64) -> LogFuture<'a, LogPage> {
        Box::pin(async move {
            let page = self.read_all_page(Position(after), PAGE).await?;
            let up_to = page.events.last().map_or(after, |it| it.position.0);
            let events = page.events.iter().flat_map(|it| shown(it, name));
            Ok(LogPage {
                events: events.collect(),
                up_to,
            })
        })
    }

    fn wait(&self, after: u64) -> LogFuture<'_, ()> {
        Box::pin(async move {
            let newest = self.wait_for_new(Position(after)).await;
            newest.map(drop).map_err(Error::from)
        })
    }
}

/// What a stored event is, among those of the name: itself, or what it becomes.
fn shown(recorded: &RecordedEvent, name: &str) -> Vec<LoggedEvent> {
    let logged = |json| LoggedEvent {
        position: recorded.position.0,
        json,
    };
    match stored::successors(recorded) {
        _ if recorded.is_archived() => Vec::new(),
        None if *recorded.name != *name => Vec::new(),
        None => vec![logged(json(recorded))],
        Some(Ok(successors)) => {
            let named = successors.iter().filter(|it| *it.name == *name);
            named.map(|it| logged(json(it))).collect()
        }
        Some(Err(error)) if stored::may_become(&recorded.name, |it| it == name) => {
            vec![logged(Err(error.to_string()))]
        }
        Some(Err(_)) => Vec::new(),
    }
}

fn json(event: &RecordedEvent) -> Result<String, String> {
    let schema = SCHEMAS.get(&*event.name);
    let json = schema.and_then(|schema| schema.shape.json());
    let json = json.ok_or_else(|| "the program does not know it".to_owned())?;
    json(event)
}
