//! Projections: what is read off the events, kept up to date.

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

#[projection(handles = [Noted, Erased, AllNotes])]
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

async fn append(store: &Store, stream: &str, text: &str) {
    let text = text.to_owned();
    store.append_events(stream, [Noted { text }]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_catches_up_follows_parks_and_is_rebuilt() {
    let store = Store::memory();
    append(&store, "notes/a", "one").await;
    let system = System::builder()
        .isolated()
        .with::<Projections<Notes>>()
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
