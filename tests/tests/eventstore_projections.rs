//! Projections: what is read off the events, kept up to date.
//!
//! The part by hand below is what `#[projection(handles = [Noted, Erased, NoteOf], name = "notes")] impl Notes { .. }` makes.
//! Grammar: `handles` (events and queries, required), `name = ".."` (default: the type's name in snake_case; the name of its
//! checkpoint), `durable`, `parallel = 8`, `retries = 3`, `crate = path`.
//!
//! - A method whose first argument is `&E` of an event in `handles` handles it: `&mut self` (or `&self`, which with `parallel` all of them
//!   have to be: "handlers of a parallel projection take `&self`"), sync or async, gives back `()` or a `Result<(), E>`. Further
//!   arguments, each through `es::argument::<T>(es::Place::of(recorded))`: `Position`, `&Metadata`, `&RecordedEvent`; or one whose last path
//!   segment is `SqliteTransaction` (`&SqliteTransaction<'_>`): then all event handlers are sync, and the projection is `Keeps::InTransaction`
//!   (with `parallel`: an error; `durable` is then superfluous: an error).
//! - A method whose first argument is a query in `handles`, by value, answers it: `&self`, sync or async, no more arguments, `IntoReply`.
//!   Whether a listed type is an event or a query is told by how its method takes it.
//! - `#[init]` makes it (arguments: resources; as in `#[module]`); else `Default`. With `#[init]`, or `durable`, it `Keeps::Elsewhere`;
//!   without, `Keeps::InMemory`. `#[on_rebuild]` (`&mut self`, sync or async, no arguments; or with a `&SqliteTransaction<'_>` if the
//!   projection is `InTransaction`, then sync) removes what was written; an error if it is `InMemory` ("begins anew by itself").
//! - `SETTINGS`: `retries` 3, `parallel` 1 unless said.

use nether::eventstore::{Position, Projections, Store};
use nether::prelude::*;

#[event(name = "notes.noted")]
pub struct Noted {
    pub text: String,
}

#[event(name = "notes.erased")]
pub struct Erased;

#[query(reply = String)]
pub struct AllNotes;

#[derive(Default)]
pub struct Notes {
    all: String,
}

impl Notes {
    async fn noted(&mut self, event: &Noted, at: Position) -> nether::Result<()> {
        if event.text == "poison" {
            return Err(nether::Error::msg("tastes of almonds"));
        }
        self.all += &format!("{at}:{} ", event.text);
        Ok(())
    }

    fn erased(&mut self, _: &Erased) {
        self.all.clear();
    }

    fn all(&self, _: AllNotes) -> String {
        self.all.clone()
    }
}

const _: () = {
    use nether::__private as p;
    use p::eventstore as es;
    static DESCRIPTOR: p::ModuleDescriptor = p::ModuleDescriptor {
        declaration: p::Declaration {
            name: concat!(module_path!(), "::", "Notes"),
            file: file!(),
            line: line!(),
            column: column!(),
        },
        kind: p::ModuleKind::Shared,
        handles: &[<AllNotes as p::TakenByValue>::PROOF], // The queries alone.
        emits: &[],
        calls: &[],
        after: &[],
        instances: 1,
        mailbox: p::Option::None,
        restart: p::RestartPolicy {
            restart: p::Restart::Resume,
            max_restarts: 5,
            within: p::Duration::from_millis(30_000),
            is_essential: false,
        },
        breaker: p::Option::None,
        resources: &[<Resource<Store> as p::InitArgument>::DESCRIPTOR], // And those of `#[init]`.
        launch: p::Option::Some(p::launch::<es::Projections<Notes>>),
    };
    impl es::Projection for Notes {
        const NAME: &'static str = "notes";
        const SETTINGS: es::ProjectionSettings = es::ProjectionSettings {
            keeps: es::Keeps::InMemory,
            parallel: 1,
            retries: 3,
            can_clear: false,
        };
        const DESCRIPTOR: &'static p::ModuleDescriptor = &DESCRIPTOR;
        const ROUTES: &'static [fn(&mut p::Routes<'_, es::Projections<Self>>)] =
            &[<AllNotes as p::TakenByValue>::add_to::<es::Projections<Self>>];
        async fn make(_: &p::Resources) -> p::Result<Self, p::Error> {
            Ok(p::by_default()) // Or as `Construct` of a module does it.
        }
        fn handles(name: &str) -> bool {
            name == <Noted as es::StoredEvent>::SCHEMA.name
                || name == <Erased as es::StoredEvent>::SCHEMA.name
        }
        // With `parallel`: `project_beside(&self, ..)`. `InTransaction`: `project_in(&mut self, recorded, transaction)`, sync.
        async fn project(&mut self, recorded: &es::RecordedEvent) -> p::Result<(), p::Error> {
            if let Some(event) = es::decoded::<Noted>(recorded) {
                return p::IntoOutcome::<(), _>::into_outcome(
                    Self::noted(self, &event?, es::argument(es::Place::of(recorded))).await,
                );
            }
            if let Some(event) = es::decoded::<Erased>(recorded) {
                return p::IntoOutcome::<(), _>::into_outcome(Self::erased(self, &event?));
            }
            Ok(())
        }
    }
    impl es::Answers<AllNotes> for Notes {
        async fn answer(
            &self,
            query: AllNotes,
        ) -> p::Result<<AllNotes as p::Message>::Reply, <AllNotes as p::Message>::Error> {
            p::IntoReply::<AllNotes, _, _, _>::into_reply(Self::all(self, query))
        }
    }
    impl p::HandledBy<Notes> for AllNotes {
        fn handler() -> p::Option<&'static p::Declaration> {
            p::Option::Some(&DESCRIPTOR.declaration)
        }
    }
    p::inventory::submit! { p::ModuleRegistration(&DESCRIPTOR) }
};

// What `#[event]` will add.
const _: () = {
    use nether::__private::eventstore as es;
    macro_rules! stored {
        ($($event:ident)+) => {$(
            impl es::StoredEvent for $event {
                const SCHEMA: &'static es::EventSchema = &es::EventSchema {
                    name: <$event as nether::__private::Message>::NAME,
                    version: 1,
                    declaration: nether::__private::Declaration { name: "", file: file!(), line: line!(), column: column!() },
                    fields: &[],
                };
                fn upcast(_: u32, _: &es::Payload) -> Option<Result<Self, es::Unreadable>> {
                    None
                }
            }
        )+};
    }
    stored!(Noted Erased);
};

fn note(text: &str) -> nether::eventstore::NewEvent {
    nether::eventstore::NewEvent {
        id: nether::eventstore::EventId::new(),
        name: "notes.noted".into(),
        schema: 1,
        payload: nether::eventstore::Payload {
            encoding: nether::eventstore::Encoding::Json,
            bytes: format!(r#"{{"text":"{text}"}}"#).into_bytes(),
        },
    }
}

async fn append(store: &Store, stream: &str, text: &str) {
    let append = nether::eventstore::Append {
        stream: stream.into(),
        expected: nether::eventstore::Expected::Any,
        events: vec![note(text)],
        metadata: nether::eventstore::Metadata::default(),
    };
    store.append(append).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_catches_up_follows_parks_and_is_rebuilt() {
    let store = Store::memory();
    append(&store, "notes/a", "one").await;
    let system = System::builder()
        .provide(store.clone())
        .start()
        .await
        .unwrap();
    let ctx = system.context();
    assert_eq!(ctx.ask(AllNotes).await.unwrap(), "1:one ");
    let notes = store.projection::<Notes>().unwrap();
    let mut parked = system.subscribe::<nether::eventstore::EventParked>();
    append(&store, "notes/b", "poison").await;
    append(&store, "notes/b", "behind").await;
    append(&store, "notes/a", "two").await;
    notes.caught_up().await.unwrap();
    assert_eq!(ctx.ask(AllNotes).await.unwrap(), "1:one 4:two ");
    assert_eq!(notes.parked().len(), 1);
    assert_eq!(parked.next().await.unwrap().position, 2);
    assert!(notes.retry_parked("notes/b").await.is_err());
    notes.rebuild().await.unwrap();
    assert_eq!(ctx.ask(AllNotes).await.unwrap(), "1:one 4:two ");
    assert_eq!(notes.lag().await.unwrap(), 0);
    let _: fn() -> Option<Projections<Notes>> = || None;
    ctx.close().await.unwrap();
    system.shutdown().await;
}
