//! Spans of those that handle stored events.

use nether::eventstore::{Position, Store};
use tracing::Level;

use crate::recorder::Recorder;
use crate::shop::{Done, Place, opened, settled};

#[tokio::test(start_paused = true)]
async fn a_projection_that_fails_says_so_in_its_span() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let ctx = system.context();
    ctx.send(Place { order_id: 13 }).await.unwrap();
    ctx.close().await.unwrap();
    settled(&store).await;
    system.shutdown().await;
    let steps = recorder.all("shop.recorded");
    let failed = steps.iter().find(|step| step.get("outcome") == "failed");
    let failed = failed.unwrap_or_else(|| panic!("{steps:#?}"));
    assert_eq!(failed.get("otel.status_code"), "error");
    assert_eq!(recorder.place_of("an order is counted"), "shop.recorded");
    assert!(failed.get("key").is_empty(), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_is_stored_with_the_span_of_the_handler_that_stored_it() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let ctx = system.context();
    ctx.send(Place { order_id: 1 }).await.unwrap();
    ctx.close().await.unwrap();
    let event = store.subscribe(Position::START).next().await.unwrap();
    let entries = event.metadata.entries;
    let stored = entries.trace_context().unwrap();
    let record = recorder.span("shop.record");
    assert_eq!(stored.span_id(), record.get("span_id"));
    assert_eq!(stored.trace_id(), record.get("trace_id"));
    let text = entries.as_text().unwrap();
    assert!(
        text.contains(&format!(r#""traceparent":"{}""#, stored.traceparent())),
        "{text}"
    );
    system.shutdown().await;
}
