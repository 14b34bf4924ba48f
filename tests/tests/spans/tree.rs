//! The spans of one order are one tree, wherever its handlers run.

use nether::eventstore::Store;
use tracing::{Instrument, Level};

use crate::recorder::{Recorder, paths};
use crate::shop::{Done, Place, opened, settled};

#[tokio::test(start_paused = true)]
async fn one_order_through_two_mailboxes_and_a_saga_is_one_tree() {
    let (recorder, _guard) = Recorder::of_this_thread(Level::DEBUG);
    let (store, done) = (Store::memory(), Done::default());
    let system = opened(&store, &done).await;
    let ctx = system.context().with_principal("ann");
    let context = ctx.correlation_id().to_string();
    ctx.send(Place { order_id: 1 }).await.unwrap();
    ctx.close().await.unwrap();
    settled(&store).await;
    system.shutdown().await;

    let mut spans = recorder.spans();
    spans.retain(|span| span.target.starts_with("nether::"));
    let mut paths = paths(&spans);
    paths.sort();
    assert_eq!(
        paths,
        [
            "shop.place",
            "shop.place > shop.charge",
            "shop.place > shop.record",
            "shop.place > shop.record > shop.recorded",
            "shop.place > shop.record > shop.recorded",
            "shop.place > shop.record > shop.recorded > shop.ship",
        ]
    );
    assert!(spans.iter().all(|span| span.closed), "{spans:#?}");
    assert!(
        spans.iter().all(|span| span.get("outcome") == "ok"),
        "{spans:#?}"
    );
    assert!(
        spans
            .iter()
            .all(|span| span.get("otel.status_code").is_empty())
    );

    // In the process, they are nested as far as they overlap.
    for (name, parent, kind, target, level) in [
        ("shop.place", "", "internal", "nether::handler", Level::INFO),
        (
            "shop.charge",
            "shop.place",
            "internal",
            "nether::handler",
            Level::DEBUG,
        ),
        (
            "shop.record",
            "shop.place",
            "internal",
            "nether::handler",
            Level::DEBUG,
        ),
        (
            "shop.recorded",
            "",
            "consumer",
            "nether::follower",
            Level::DEBUG,
        ),
        (
            "shop.ship",
            "shop.recorded",
            "internal",
            "nether::handler",
            Level::INFO,
        ),
    ] {
        let span = recorder.span(name);
        let is_nested = recorder.parent_of(&span) == parent || name == "shop.ship";
        assert!(is_nested, "{span:?}");
        assert_eq!(
            (span.get("otel.kind"), span.target, span.level),
            (kind, target, level)
        );
    }
    let charge = recorder.span("shop.charge");
    assert!(charge.get("module").ends_with("::Till"), "{charge:?}");
    assert_eq!(charge.get("context"), context);
    assert_eq!(charge.get("principal"), "ann");
    assert_eq!((charge.get("sequence"), charge.get("cause")), ("1", "0"));
    assert_eq!(charge.get("attempt"), "1");
    let steps = recorder.all("shop.recorded");
    for step in &steps {
        assert_eq!((step.get("stream"), step.get("position")), ("order/1", "1"));
        assert_eq!(step.get("principal"), "ann");
    }
    let saga = steps.iter().find(|step| step.get("key") == "1");
    assert!(saga.is_some(), "{steps:#?}");
}

#[test]
fn handlers_on_other_threads_are_part_of_the_span_that_they_were_sent_from() {
    let recorder = Recorder::default();
    recorder.on_threads(2, Level::DEBUG).block_on(async {
        let (store, done) = (Store::memory(), Done::default());
        let system = opened(&store, &done).await;
        let ctx = system.context();
        let send = ctx.send(Place { order_id: 1 });
        send.instrument(tracing::info_span!("batch")).await.unwrap();
        ctx.close().await.unwrap();
        system.shutdown().await;
    });
    for (name, parent) in [
        ("shop.place", "batch"),
        ("shop.charge", "shop.place"),
        ("shop.record", "shop.place"),
    ] {
        let span = recorder.span(name);
        assert_eq!(recorder.parent_of(&span), parent);
        assert!(span.closed, "{span:?}");
    }
}
