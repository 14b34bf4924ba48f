//! What each level shows.

use nether::eventstore::Store;
use tracing::Level;

use crate::recorder::Recorder;
use crate::shop::{Done, Place, opened, settled};

#[tokio::test(start_paused = true)]
async fn at_info_only_what_begins_has_a_span_and_handlers_behind_it_log_in_that() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::INFO);
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let ctx = system.context();
    let reply = ctx.send(Place { order_id: 1 }).await.unwrap();
    ctx.close().await.unwrap();
    settled(&store).await;
    system.shutdown().await;
    let names: Vec<_> = recorder.spans().iter().map(|span| span.name).collect();
    assert_eq!(names, ["shop.place", "shop.ship"]);
    assert_eq!(recorder.place_of("an order is placed"), "shop.place");
    assert_eq!(recorder.place_of("an order is charged"), "shop.place");
    // The saga has no span, and passes on what was stored.
    let [place, ship] = ["shop.place", "shop.ship"].map(|name| recorder.span(name));
    assert_eq!(ship.get("parent_span_id"), place.get("span_id"));
    assert_eq!(ship.get("trace_id"), place.get("trace_id"));
    let own = format!("00-{}-{}-03", place.get("trace_id"), place.get("span_id"));
    assert_eq!(reply, own);
}

#[tokio::test(start_paused = true)]
async fn without_a_subscriber_there_is_no_trace() {
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let ctx = system.context();
    assert_eq!(ctx.send(Place { order_id: 1 }).await.unwrap(), "");
    ctx.close().await.unwrap();
    settled(&store).await;
    system.shutdown().await;
    let done = done.lock().unwrap();
    assert_eq!(*done, [("count", None), ("ship", None)]);
}
