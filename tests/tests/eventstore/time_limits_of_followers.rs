//! `timeout` and `retry` of projections and sagas: a handler that never ends holds up nothing but its stream.

use std::future::pending;
use std::time::Duration;

use nether::CallError;
use nether::eventstore::{Position, Projections, Sagas, Step, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

#[event(name = "limits.wrote")]
pub struct Wrote {
    pub page: u32,
    pub hangs: bool,
}

#[query(reply = u32)]
pub struct Pages {
    pub hangs: bool,
}

#[derive(Default)]
pub struct Book {
    pages: u32,
}

#[projection(
    handles = [Wrote, Pages],
    name = "limits_book",
    timeout = "1s",
    retry = 2,
    backoff = "100ms..200ms"
)]
impl Book {
    async fn wrote(&mut self, event: &Wrote) {
        if event.hangs {
            pending::<()>().await;
        }
        self.pages += 1;
    }

    async fn pages(&self, query: Pages) -> u32 {
        if query.hangs {
            pending::<()>().await;
        }
        self.pages
    }
}

pub struct Shelf;

#[projection(
    handles = [Wrote],
    name = "limits_shelf",
    parallel = 2,
    timeout = "1s",
    retry = 0
)]
impl Shelf {
    #[init]
    fn new() -> Self {
        Shelf
    }

    async fn wrote(&self, event: &Wrote) {
        if event.hangs {
            pending::<()>().await;
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
pub struct Printing {}

#[saga(
    key = page,
    handles = [Wrote],
    starts = [Wrote],
    name = "limits_printing",
    timeout = "1s",
    retry = 1
)]
impl Printing {
    async fn wrote(&mut self, event: &Wrote, step: &mut Step<Self>) {
        if event.hangs {
            pending::<()>().await;
        }
        if event.page != 7 {
            step.end();
        }
    }

    #[timeout("30m")]
    async fn late(&mut self) {
        pending::<()>().await;
    }
}

async fn wrote(store: &Store, page: u32, hangs: bool) {
    let stream = format!("page/{page}");
    let wrote = Wrote { page, hangs };
    store.append_events(stream, [wrote]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_handler_takes_too_long_is_tried_again_and_parked_and_the_rest_goes_on() {
    let store = Store::memory();
    let builder = System::builder().isolated().with::<Projections<Book>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    wrote(&store, 1, true).await;
    wrote(&store, 2, false).await;
    let (book, began) = (store.projection::<Book>().unwrap(), Instant::now());
    book.caught_up().await.unwrap();
    // Three attempts of a second each, and the waits between them.
    let elapsed = began.elapsed();
    let expected = Duration::from_millis(3_100)..Duration::from_millis(3_400);
    assert!(expected.contains(&elapsed), "{elapsed:?}");
    let parked = book.parked();
    assert_eq!((parked.len(), parked[0].position), (1, Position(1)));
    assert!(
        parked[0].error.contains("longer than 1s"),
        "{}",
        parked[0].error
    );
    let ctx = system.context();
    assert_eq!(ctx.ask(Pages { hangs: false }).await.unwrap(), 1);
    // A stop in the middle of a handler takes no longer than that may.
    wrote(&store, 3, true).await;
    let stopping = Instant::now();
    let _ = ctx.close().await;
    let report = system.shutdown().await;
    assert!(stopping.elapsed() <= Duration::from_secs(1), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_query_that_takes_too_long_is_cut_off_and_lets_events_pass() {
    let store = Store::memory();
    let builder = System::builder().isolated().with::<Projections<Book>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    let ctx = system.context();
    let late = async { ctx.ask(Pages { hangs: true }).await };
    let event = async {
        wrote(&store, 1, false).await;
        store.projection::<Book>().unwrap().caught_up().await
    };
    let (late, event) = tokio::join!(late, event);
    event.unwrap();
    assert!(matches!(late, Err(CallError::TimedOut(_))), "{late:?}");
    assert_eq!(ctx.ask(Pages { hangs: false }).await.unwrap(), 1);
    let _ = ctx.close().await;
    system.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_handler_takes_too_long_in_parallel_is_parked() {
    let store = Store::memory();
    let builder = System::builder().isolated().with::<Projections<Shelf>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    for page in 1..=4 {
        wrote(&store, page, page == 1).await;
    }
    let shelf = store.projection::<Shelf>().unwrap();
    shelf.caught_up().await.unwrap();
    let parked = shelf.parked();
    assert_eq!((parked.len(), parked[0].position), (1, Position(1)));
    system.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_handler_in_a_saga_takes_too_long_is_parked_and_other_sagas_go_on() {
    let store = Store::memory();
    let builder = System::builder().isolated().with::<Sagas<Printing>>();
    let system = builder.provide(store.clone()).start().await.unwrap();
    for page in 1..=3 {
        wrote(&store, page, page == 1).await;
    }
    let printing = store.saga::<Printing>().unwrap();
    printing.settled().await.unwrap();
    let parked = printing.parked();
    assert_eq!((parked.len(), &*parked[0].key), (1, "1"));
    assert!(
        parked[0].error.contains("longer than 1s"),
        "{}",
        parked[0].error
    );
    assert!(printing.active().is_empty());
    // The method of a saga's own time-out is bounded too: the saga fails.
    wrote(&store, 7, false).await;
    printing
        .wait_for(store.head().await.unwrap())
        .await
        .unwrap();
    assert_eq!(printing.active().len(), 1);
    tokio::time::sleep(Duration::from_secs(31 * 60)).await;
    assert!(printing.active().is_empty());
    system.shutdown().await;
}
