//! A trace that comes from elsewhere is passed on, whatever records it.

use nether::TraceContext;
use nether::eventstore::Store;
use tracing::Level;

use crate::recorder::Recorder;
use crate::shop::{Done, Place, opened, settled};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

fn given() -> TraceContext {
    TraceContext::from_headers(PARENT, Some("vendor=1")).expect("it is valid")
}

#[tokio::test(start_paused = true)]
async fn without_a_subscriber_it_is_passed_on_as_it_came() {
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let ctx = system.context().with_trace_context(given());
    let again = ctx.nested();
    assert_eq!(again.trace_context(), Some(given()));
    drop(again);
    assert_eq!(ctx.send(Place { order_id: 1 }).await.unwrap(), PARENT);
    ctx.close().await.unwrap();
    settled(&store).await;
    // The time-out fails the saga, which takes back what it has done.
    tokio::time::sleep(std::time::Duration::from_secs(3601)).await;
    settled(&store).await;
    system.shutdown().await;
    let done = done.lock().unwrap();
    let all = ["count", "ship", "remind"].map(|what| (what, Some(given())));
    assert_eq!(*done, all);
}

#[tokio::test(start_paused = true)]
async fn a_time_out_and_what_it_leads_to_are_part_of_the_trace_in_which_it_was_set() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let ctx = system.context().with_trace_context(given());
    ctx.send(Place { order_id: 1 }).await.unwrap();
    ctx.close().await.unwrap();
    settled(&store).await;
    system.shutdown().await;
    // Also by another process.
    let system = opened(&store, &done).await;
    tokio::time::sleep(std::time::Duration::from_secs(3601)).await;
    settled(&store).await;
    system.shutdown().await;

    let place = recorder.span("shop.place");
    assert_eq!(place.get("parent_span_id"), "b7ad6b7169203331");
    let saga = recorder
        .all("shop.recorded")
        .into_iter()
        .find(|step| step.get("key") == "1");
    let saga = saga.expect("it has handled the event");
    let late = recorder.span("late");
    assert_eq!((late.target, late.get("key")), ("nether::follower", "1"));
    assert_eq!(late.get("parent_span_id"), saga.get("span_id"));
    let remind = recorder.span("shop.remind");
    assert_eq!(remind.get("parent_span_id"), late.get("span_id"));
    let spans = recorder.spans();
    assert!(
        spans
            .iter()
            .all(|span| span.get("trace_id") == "0af7651916cd43dd8448eb211c80319c")
    );
    // What is not sampled stays so, and state goes with it.
    let done = done.lock().unwrap();
    let (_, remind) = done.last().unwrap();
    let remind = remind.as_ref().unwrap();
    assert!(!remind.is_sampled());
    assert_eq!(remind.tracestate(), Some("vendor=1"));
}

#[tokio::test(start_paused = true)]
async fn a_nested_unit_of_work_may_have_a_trace_of_its_own() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let ctx = system.context();
    let nested = ctx.nested().with_trace_context(given());
    nested.send(Place { order_id: 1 }).await.unwrap();
    nested.close().await.unwrap();
    ctx.close().await.unwrap();
    settled(&store).await;
    let place = recorder.span("shop.place");
    assert_eq!(place.get("parent_span_id"), "b7ad6b7169203331");
    system.shutdown().await;
}
